"""The edge: DNS, CDN, firewalls, service discovery, file transfer."""
from core import STRICT, row, seed, tags


@seed("route53", "global")
def zones(at):
    client = at("route53")
    for n in at.many(110):
        client.create_hosted_zone(Name=f"z{n}.example.org.", CallerReference=str(n))
    zone = client.create_hosted_zone(Name="odd.example.", CallerReference="odd", HostedZoneConfig={"Comment": "c é & <x>"})["HostedZone"]["Id"]
    client.change_tags_for_resource(ResourceType="hostedzone", ResourceId=zone.rsplit("/", 1)[1], AddTags=tags(STRICT))
    record = lambda name, kind, value, **more: {"Action": "CREATE", "ResourceRecordSet": {  # noqa: E731
        "Name": name, "Type": kind, "TTL": 60, "ResourceRecords": [{"Value": value}], **more}}
    client.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": [
        record("*.odd.example.", "A", "198.51.100.1"), record("_sip._tcp.odd.example.", "SRV", "1 1 5060 a.example."),
        record("txt.odd.example.", "TXT", '"v=x; a=\\"b\\""'),
        record("w.odd.example.", "A", "198.51.100.2", SetIdentifier="blue one", Weight=1),
        record("w.odd.example.", "A", "198.51.100.3", SetIdentifier="green/2", Weight=1)]})
    many = [record(f"r{n}.odd.example.", "A", "198.51.100.4") for n in at.many(at.bulk)]
    for start in range(0, len(many), 900):
        client.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": many[start:start + 900]})
    client.create_health_check(CallerReference="1", HealthCheckConfig={"Type": "HTTP", "IPAddress": "198.51.100.1", "Port": 80,
                                                                       "ResourcePath": "/a?b&c"})
    client.create_reusable_delegation_set(CallerReference="1")
    group = at("logs").create_log_group(logGroupName="/aws/route53/odd.example")
    client.create_query_logging_config(HostedZoneId=zone.rsplit("/", 1)[1], CloudWatchLogsLogGroupArn=(
        "arn:aws:logs:us-east-1:123456789012:log-group:/aws/route53/odd.example:*"))
    assert group


def bare(value):
    return value.rsplit("/", 1)[-1]


def record_id(_, record, zone):
    name = record["Name"].rstrip(".").replace("\\052", "*")
    return f"{zone}_{name}_{record['Type']}" + (f"_{record['SetIdentifier']}" if "SetIdentifier" in record else "")


row("aws:route53/zone:Zone", "route53", "list_hosted_zones", "HostedZones", lambda _, z: bare(z["Id"]), place="global",
    skip=["ResourceRecordSetCount"], more=lambda at, z: {} if z["Name"] != "odd.example." else {"Tags": at("route53").list_tags_for_resource(
        ResourceType="hostedzone", ResourceId=bare(z["Id"]))["ResourceTagSet"]["Tags"]})
row("aws:route53/record:Record", "route53", "list_resource_record_sets", "ResourceRecordSets", record_id, place="global",
    args=lambda at: [{"HostedZoneId": bare(z), "_": bare(z)} for z in at.every("route53", "list_hosted_zones", "HostedZones[].Id")])
row("aws:route53/healthCheck:HealthCheck", "route53", "list_health_checks", "HealthChecks", "Id", place="global")
row("aws:route53/delegationSet:DelegationSet", "route53", "list_reusable_delegation_sets", "DelegationSets",
    lambda _, d: bare(d["Id"]), place="global", keep=lambda _, d: d.get("Id"))
row("aws:route53/queryLog:QueryLog", "route53", "list_query_logging_configs", "QueryLoggingConfigs", "Id", place="global")


@seed("route53resolver")
def resolvers(at):
    client = at("route53resolver")
    addresses = [{"SubnetId": s, "Ip": f"{at.every('ec2', 'describe_subnets', 'Subnets[].CidrBlock', SubnetIds=[s])[0].rsplit('.', 1)[0]}.7"}
                 for s in at.subnets[:2]]
    endpoint = client.create_resolver_endpoint(CreatorRequestId="1", SecurityGroupIds=[at.group], Direction="OUTBOUND",
                                               IpAddresses=addresses, Name="endpoint", Tags=tags(STRICT))["ResolverEndpoint"]["Id"]
    rule = client.create_resolver_rule(CreatorRequestId="2", RuleType="FORWARD", DomainName="corp.example", Name="rule",
                                       TargetIps=[{"Ip": "198.51.100.9", "Port": 53}], ResolverEndpointId=endpoint,
                                       Tags=tags(STRICT))["ResolverRule"]["Id"]
    client.associate_resolver_rule(ResolverRuleId=rule, VPCId=at.vpc, Name="assoc")
    config = client.create_resolver_query_log_config(Name="log", CreatorRequestId="3", Tags=tags(STRICT),
                                                     DestinationArn="arn:aws:s3:::b")["ResolverQueryLogConfig"]["Id"]
    client.associate_resolver_query_log_config(ResolverQueryLogConfigId=config, ResourceId=at.vpc)


def resolver_tags(at, item):
    return {"Tags": at("route53resolver").list_tags_for_resource(ResourceArn=item["Arn"])["Tags"]}


row("aws:route53/resolverEndpoint:ResolverEndpoint", "route53resolver", "list_resolver_endpoints", "ResolverEndpoints", "Id",
    more=resolver_tags, skip=["Status", "StatusMessage"])
row("aws:route53/resolverRule:ResolverRule", "route53resolver", "list_resolver_rules", "ResolverRules", "Id", more=resolver_tags,
    skip=["Status", "StatusMessage"])
row("aws:route53/resolverRuleAssociation:ResolverRuleAssociation", "route53resolver", "list_resolver_rule_associations",
    "ResolverRuleAssociations", "Id", skip=["Status", "StatusMessage"])
# Configurations of query logs: moto says of their tags that they do not exist.
row("aws:route53/resolverQueryLogConfigAssociation:ResolverQueryLogConfigAssociation", "route53resolver",
    "list_resolver_query_log_config_associations", "ResolverQueryLogConfigAssociations", "Id", skip=["Status"])


def distribution(n):
    origins = {"Quantity": 1, "Items": [{"Id": "o", "DomainName": f"b{n}.s3.amazonaws.com", "S3OriginConfig": {"OriginAccessIdentity": ""}}]}
    return {"CallerReference": str(n), "Comment": "c é & <x>", "Enabled": True, "Origins": origins, "DefaultCacheBehavior": {
        "TargetOriginId": "o", "ViewerProtocolPolicy": "allow-all", "MinTTL": 1,
        "ForwardedValues": {"QueryString": False, "Cookies": {"Forward": "none"}}}}


@seed("cloudfront", "global")
def delivery(at):
    client = at("cloudfront")
    for n in range(3):
        client.create_distribution_with_tags(DistributionConfigWithTags={
            "DistributionConfig": distribution(n), "Tags": {"Items": tags(STRICT)}})
    client.create_origin_access_control(OriginAccessControlConfig={
        "Name": "control", "SigningProtocol": "sigv4", "SigningBehavior": "always", "OriginAccessControlOriginType": "s3"})
    key = client.create_public_key(PublicKeyConfig={"CallerReference": "1", "Name": "key", "EncodedKey": "k"})["PublicKey"]["Id"]
    client.create_key_group(KeyGroupConfig={"Name": "group", "Items": [key]})
    client.create_function(Name="function", FunctionCode=b"x", FunctionConfig={"Comment": "é", "Runtime": "cloudfront-js-2.0"})
    client.create_key_value_store(Name="store", Comment="é")


def edge(token, op, items, name, **more):
    row(f"aws:cloudfront/{token}", "cloudfront", op, items, name, place="global", **more)


edge("distribution:Distribution", "list_distributions", "DistributionList.Items", "Id", skip=["Status"])
edge("originAccessControl:OriginAccessControl", "list_origin_access_controls", "OriginAccessControlList.Items", "Id")
edge("publicKey:PublicKey", "list_public_keys", "PublicKeyList.Items", "Id")
edge("keyGroup:KeyGroup", "list_key_groups", "KeyGroupList.Items", lambda _, g: g["KeyGroup"]["Id"])
edge("function:Function", "list_functions", "FunctionList.Items", "Name")
edge("keyValueStore:KeyValueStore", "list_key_value_stores", "KeyValueStoreList.Items", "Name", skip=["Status"])


@seed("wafv2")
def firewalls(at):
    waf = at("wafv2")
    seen = {"SampledRequestsEnabled": True, "CloudWatchMetricsEnabled": True, "MetricName": "m"}
    waf.create_web_acl(Name="acl", Scope="REGIONAL", DefaultAction={"Allow": {}}, VisibilityConfig=seen, Tags=tags(STRICT), Description="d é")
    waf.create_ip_set(Name="ips", Scope="REGIONAL", IPAddressVersion="IPV4", Addresses=["198.51.100.0/24"], Tags=tags(STRICT))
    waf.create_regex_pattern_set(Name="patterns", Scope="REGIONAL", RegularExpressionList=[{"RegexString": "^é&$"}])
    waf.create_rule_group(Name="rules", Scope="REGIONAL", Capacity=10, VisibilityConfig=seen)


for name, op, items in [("webAcl:WebAcl", "list_web_acls", "WebACLs"), ("ipSet:IpSet", "list_ip_sets", "IPSets"),
                        ("regexPatternSet:RegexPatternSet", "list_regex_pattern_sets", "RegexPatternSets"),
                        ("ruleGroup:RuleGroup", "list_rule_groups", "RuleGroups")]:
    row(f"aws:wafv2/{name}", "wafv2", op, items, lambda _, i: f"{i['Id']}/{i['Name']}/REGIONAL", skip=["LockToken"],
        args=lambda at: [{"Scope": "REGIONAL"}])


@seed("servicediscovery")
def discovery(at):
    client = at("servicediscovery")
    client.create_http_namespace(Name="http.example", Tags=tags(STRICT))
    client.create_public_dns_namespace(Name="dns.example")
    space = client.list_namespaces()["Namespaces"][0]["Id"]
    client.create_service(Name="service", NamespaceId=space, Tags=tags(STRICT))
    transfer = at("transfer")
    server = transfer.create_server(Protocols=["SFTP"], Tags=tags(STRICT))["ServerId"]
    transfer.create_user(ServerId=server, UserName="user.1", Role=at.role)


row("aws:servicediscovery/httpNamespace:HttpNamespace", "servicediscovery", "list_namespaces", "Namespaces[?Type=='HTTP']", "Id",
    skip=["ServiceCount"])
row("aws:servicediscovery/publicDnsNamespace:PublicDnsNamespace", "servicediscovery", "list_namespaces",
    "Namespaces[?Type=='DNS_PUBLIC']", "Id", skip=["ServiceCount"])
row("aws:servicediscovery/service:Service", "servicediscovery", "list_services", "Services", "Id", skip=["InstanceCount"])
row("aws:transfer/server:Server", "transfer", "list_servers", "Servers", "ServerId", skip=["State", "UserCount"])


@seed("route53domains", "global")
def domains(at):
    person = {"FirstName": "a", "LastName": "b", "ContactType": "PERSON", "AddressLine1": "x", "City": "y", "CountryCode": "CH",
              "ZipCode": "8000", "PhoneNumber": "+41.1234567890", "Email": "a@example.com", "State": "ZH"}
    at("route53domains").register_domain(DomainName="registered.com", DurationInYears=2, AdminContact=person,
                                         RegistrantContact=person, TechContact=person)


row("aws:route53domains/registeredDomain:RegisteredDomain", "route53domains", "list_domains", "Domains", "DomainName", place="global")
