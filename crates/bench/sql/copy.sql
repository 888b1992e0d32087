copy (
  select to_char(to_timestamp(at / 1000000) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
    actor_name, actor_login, event, description,
    case when substr(ip, 1, 12) = '\x00000000000000000000ffff'::bytea
      then get_byte(ip, 12) || '.' || get_byte(ip, 13) || '.' || get_byte(ip, 14) || '.' || get_byte(ip, 15)
      else encode(ip, 'hex') end,
    encode(token_id, 'hex')::uuid, token_name, 'false', 'false', 'false'
  from audit_events where log = (select log from organizations where name_key = 'pulumi') order by seq desc
) to stdout csv
