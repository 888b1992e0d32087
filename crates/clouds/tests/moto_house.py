"""moto with things in it: an AWS that checks signatures and permissions.

Prints one line of JSON: where it is, two pairs of credentials, and what boto3 lists. Ends when its input ends.
Takes: one argument, the actions that the second user lacks, separated by commas. Listens on 127.0.0.1 only.
"""
import io
import json
import os
import sys
import zipfile

os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
os.environ["AWS_ACCESS_KEY_ID"] = os.environ["AWS_SECRET_ACCESS_KEY"] = "testing"

import boto3  # noqa: E402
from moto import settings  # noqa: E402
from moto.server import ThreadedMotoServer  # noqa: E402

import logging  # noqa: E402

logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
URL = f"http://{host}:{port}"
REGIONS = ["us-east-1", "eu-west-1"]


def client(name, region="us-east-1"):
    return boto3.client(name, region_name=region, endpoint_url=URL)


def keys(name, lacking):
    iam = client("iam")
    iam.create_user(UserName=name)
    statements = [{"Effect": "Allow", "Action": "*", "Resource": "*"}]
    if lacking:
        statements.append({"Effect": "Deny", "Action": lacking, "Resource": "*"})
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return [key["AccessKeyId"], key["SecretAccessKey"]]


def seed_region(region):
    s3, ec2 = client("s3", region), client("ec2", region)
    where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    for n in range(3):
        s3.create_bucket(Bucket=f"bucket.{region}-{n}", **where)
    s3.put_bucket_tagging(Bucket=f"bucket.{region}-0", Tagging={"TagSet": [{"Key": "a b/ü", "Value": "x&<>\"'"}]})
    s3.put_bucket_policy(Bucket=f"bucket.{region}-0", Policy=json.dumps({"Version": "2012-10-17", "Statement": []}))
    ec2.create_vpc(CidrBlock="10.7.0.0/16", TagSpecifications=[
        {"ResourceType": "vpc", "Tags": [{"Key": "Name", "Value": "näme & <co>"}]}])
    image = ec2.describe_images()["Images"][0]["ImageId"]
    ec2.run_instances(ImageId=image, MinCount=2, MaxCount=2, UserData="#!/bin/sh\nPLANTED-SECRET")
    sqs, sns, ddb = client("sqs", region), client("sns", region), client("dynamodb", region)
    for n in range(1, 26):
        sqs.create_queue(QueueName=f"queue-{n}")
    for n in range(120):
        sns.create_topic(Name=f"topic-{n}")
    for n in range(3):
        ddb.create_table(TableName=f"table-{n}", BillingMode="PAY_PER_REQUEST",
                         KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
                         AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}])
    logs = client("logs", region)
    for n in range(60):
        logs.create_log_group(logGroupName=f"/odd name/{n}".replace(" ", "_"))
    client("kms", region).create_key()
    secrets = client("secretsmanager", region)
    secrets.create_secret(Name="db/one", SecretString="PLANTED-SECRET")
    role = client("iam").get_role(RoleName="role-0")["Role"]["Arn"]
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as z:
        z.writestr("a.py", "def h(e, c): pass")
    client("lambda", region).create_function(
        FunctionName="fn", Runtime="python3.12", Role=role, Handler="a.h", Code={"ZipFile": code.getvalue()},
        Environment={"Variables": {"TOKEN": "PLANTED-SECRET"}})
    ecs = client("ecs", region)
    ecs.create_cluster(clusterName="web")
    ecs.register_task_definition(family="t", containerDefinitions=[
        {"name": "c", "image": "i", "memory": 64, "environment": [{"name": "K", "value": "PLANTED-SECRET"}]}])
    ecs.create_service(cluster="web", serviceName="api", taskDefinition="t", desiredCount=0)


def seed():
    iam = client("iam")
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    for n in range(230):
        iam.create_role(RoleName=f"role-{n}", AssumeRolePolicyDocument=trust, Path="/odd/" if n % 2 else "/")
    client("route53").create_hosted_zone(Name="example.org.", CallerReference="1")
    for region in REGIONS:
        seed_region(region)


def expected(region):
    ec2, sqs = client("ec2", region), client("sqs", region)
    every = lambda name, op, key: [x for page in client(name, region).get_paginator(op).paginate() for x in page[key]]
    return {
        "aws:s3/bucket:Bucket": [f"bucket.{region}-{n}" for n in range(3)],
        "aws:ec2/vpc:Vpc": [v["VpcId"] for v in ec2.describe_vpcs()["Vpcs"]],
        "aws:ec2/instance:Instance": [i["InstanceId"] for r in ec2.describe_instances()["Reservations"]
                                      for i in r["Instances"]],
        "aws:sqs/queue:Queue": sqs.list_queues()["QueueUrls"],
        "aws:sns/topic:Topic": [t["TopicArn"] for t in every("sns", "list_topics", "Topics")],
        "aws:dynamodb/table:Table": every("dynamodb", "list_tables", "TableNames"),
        "aws:cloudwatch/logGroup:LogGroup": [g["logGroupName"] for g in every("logs", "describe_log_groups", "logGroups")],
        "aws:secretsmanager/secret:Secret": [s["ARN"] for s in every("secretsmanager", "list_secrets", "SecretList")],
        "aws:lambda/function:Function": ["fn"],
        "aws:ecs/cluster:Cluster": ["web"],
        "aws:ecs/service:Service": ["web/api"],
    }


def expected_global():
    iam = client("iam")
    roles = [r["RoleName"] for page in iam.get_paginator("list_roles").paginate() for r in page["Roles"]]
    zones = [z["Id"].rsplit("/", 1)[-1] for z in client("route53").list_hosted_zones()["HostedZones"]]
    return {"aws:iam/role:Role": roles, "aws:route53/zone:Zone": zones}


seed()
lacking = [a for a in sys.argv[1].split(",") if a]
house = {"url": URL, "all": keys("all", []), "some": keys("some", lacking),
         "expected": {**{r: expected(r) for r in REGIONS}, "global": expected_global()}}
# From here on signatures and permissions are checked.
settings.INITIAL_NO_AUTH_ACTION_COUNT = 0
print(json.dumps(house), flush=True)
sys.stdin.read()
server.stop()
