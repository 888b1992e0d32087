"""moto with a few hundred resources in it, which remembers what it was asked.

Prints one line of JSON: where it is. A line on its input is the name of a file: the requests since the last such line are
written there, one JSON object a line, and `done` is printed. Ends when its input ends.
"""

import io
import json
import logging
import os
import sys
import threading

os.environ["AWS_ACCESS_KEY_ID"] = os.environ["AWS_SECRET_ACCESS_KEY"] = "testing"

import boto3  # noqa: E402
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app  # noqa: E402
from werkzeug.serving import make_server  # noqa: E402

logging.getLogger("werkzeug").setLevel(logging.ERROR)
REGIONS = ("us-east-1", "eu-west-1", "us-west-2")
asked = []


class Remembering:
    """Notes each request before it is answered."""

    def __init__(self, app):
        self.app = app

    def __call__(self, environ, start):
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        scope = environ.get("HTTP_AUTHORIZATION", "").partition("Credential=")[2].split("/")
        if len(scope) > 3:
            asked.append(
                {
                    "region": scope[2],
                    "service": scope[3],
                    "method": environ["REQUEST_METHOD"],
                    "path": environ.get("RAW_URI") or environ.get("REQUEST_URI") or environ["PATH_INFO"],
                    "target": environ.get("HTTP_X_AMZ_TARGET"),
                    "body": body.decode("utf-8", "replace"),
                }
            )
        return self.app(environ, start)


def seed(url, region):
    def client(service):
        return boto3.client(service, region_name=region, endpoint_url=url)

    ec2, sqs, s3, dynamodb = client("ec2"), client("sqs"), client("s3"), client("dynamodb")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    for n in range(30):
        ec2.create_security_group(GroupName=f"group-{n}", Description="made", VpcId=vpc)
        ec2.create_volume(AvailabilityZone=f"{region}a", Size=10)
    image = ec2.describe_images()["Images"][0]["ImageId"]
    ec2.run_instances(ImageId=image, MinCount=60, MaxCount=60, SubnetId=subnet)
    for n in range(40):
        sqs.create_queue(QueueName=f"queue-{n}", tags={"owner": "team"})
    place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    for n in range(10):
        s3.create_bucket(Bucket=f"{region}-{n}", **place)
    for n in range(10):
        dynamodb.create_table(
            TableName=f"table-{n}",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
    if region == "us-east-1":
        iam = client("iam")
        trust = json.dumps({"Version": "2012-10-17", "Statement": []})
        for n in range(30):
            iam.create_role(RoleName=f"role-{n}", AssumeRolePolicyDocument=trust)


server = make_server(
    "127.0.0.1", 0, Remembering(DomainDispatcherApplication(create_backend_app)), threaded=True
)
threading.Thread(target=server.serve_forever, daemon=True).start()
address = f"http://127.0.0.1:{server.server_port}"
for name in REGIONS:
    seed(address, name)
asked.clear()
print(json.dumps({"url": address, "regions": REGIONS}), flush=True)
for line in sys.stdin:
    with open(line.strip(), "w", encoding="utf-8") as file:
        file.writelines(json.dumps(call) + "\n" for call in asked)
    asked.clear()
    print("done", flush=True)
server.shutdown()
