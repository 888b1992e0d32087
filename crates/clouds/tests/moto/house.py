"""moto with things of some forty services in it: an AWS that checks signatures and permissions.

Prints one line of JSON: where it is, two pairs of credentials, and what boto3 lists: place, type, id, properties. Ends when its input ends.
Takes: the actions that the second user lacks, separated by commas; "small" as a second argument leaves the thousand things of one kind out,
"try" as a third says of each service what could not be made and listed. Listens on 127.0.0.1 only.
"""
import json
import logging
import sys
import time

import boto3
import core
from core import ACCOUNT, REGIONS, ROWS, SEEDS, At, listed

# In this order, since some stand on others.
import identity  # noqa: F401
import storage  # noqa: F401
import messages  # noqa: F401
import network  # noqa: F401
import compute  # noqa: F401
import databases  # noqa: F401
import edge  # noqa: F401
import apis  # noqa: F401
import watch  # noqa: F401

from moto import mock_aws, settings  # noqa: E402
from moto.server import ThreadedMotoServer  # noqa: E402

logging.getLogger("werkzeug").setLevel(logging.ERROR)


def keys(at, name, lacking):
    """A user with a key, who may do everything but this."""
    iam = at("iam")
    iam.create_user(UserName=name)
    statements = [{"Effect": "Allow", "Action": "*", "Resource": "*"}]
    if lacking:
        statements.append({"Effect": "Deny", "Action": lacking, "Resource": "*"})
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return [key["AccessKeyId"], key["SecretAccessKey"]]


def attempt(trying, what, function, *args):
    """What the function gives; while trying, what went wrong is said instead."""
    began = time.monotonic()
    try:
        return function(*args)
    except Exception as wrong:
        if not trying:
            raise
        print(f"{what}: {type(wrong).__name__}: {str(wrong)[:300]}", file=sys.stderr)
    finally:
        if trying and time.monotonic() - began > 1:
            print(f"{what}: {time.monotonic() - began:.1f} s", file=sys.stderr)
    return {}


def obey(places, key, order):
    """Does what is asked for, with this key: one operation of boto3."""
    at = places[order["region"]]
    client = boto3.client(order["service"], region_name=at.region, endpoint_url=at.url, aws_access_key_id=key[0],
                          aws_secret_access_key=key[1])
    try:
        return {"done": core.plain(getattr(client, order["op"])(**order["args"]))}
    except Exception as wrong:
        return {"wrong": str(wrong)}


def main():
    lacking, small, trying = (sys.argv[1:] + ["", "", ""])[:3]
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    bulk = 0 if small == "small" else core.BULK
    house = {"url": url, "account": ACCOUNT, "regions": REGIONS}
    # What is made is made within the process, which is three times as fast; it is the same moto.
    inside = mock_aws()
    inside.start(reset=False)
    places = {region: At(None, region, bulk) for region in REGIONS}
    everywhere = places[REGIONS[0]]
    house["all"] = keys(everywhere, "all", [])
    house["some"] = keys(everywhere, "some", [a for a in lacking.split(",") if a])
    everywhere("iam").create_role(RoleName="base", AssumeRolePolicyDocument=core.TRUST)
    for service, place, function in SEEDS:
        for at in [everywhere] if place == "global" else places.values():
            attempt(trying, f"seed {service} {at.region} {function.__name__}", function, at)
    inside.stop(remove_data=False)
    # What there is, boto3 lists over HTTP.
    began = time.monotonic()
    places = {region: At(url, region, bulk) for region in REGIONS}
    everywhere = places[REGIONS[0]]
    expected = {name: {} for name in [*REGIONS, "global"]}
    for row in ROWS:
        for name, at in [("global", everywhere)] if row.place == "global" else places.items():
            expected[name][row.token] = attempt(trying, f"list {row.token} {name}", listed, at, row)
    house["expected"] = expected
    house["services"] = {row.token: row.service for row in ROWS}
    if trying:
        print(f"listed in {time.monotonic() - began:.1f} s", file=sys.stderr)
        empty = sorted({t for types in expected.values() for t, ids in types.items() if not ids})
        print(f"{len(ROWS)} rows, {len({r.service for r in ROWS})} services; empty: {empty}", file=sys.stderr)
    # From here on signatures and permissions are checked.
    settings.INITIAL_NO_AUTH_ACTION_COUNT = 0
    print(json.dumps(house), flush=True)
    for line in sys.stdin:
        print(json.dumps(obey(places, house["all"], json.loads(line))), flush=True)
    server.stop()


main()
