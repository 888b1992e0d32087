"""ministack with things made through Cloud Control, and its word on what there is.

Prints one line of JSON: where it is, credentials, and what boto3's Cloud Control client lists. Ends when its input ends.
Takes: nothing. Listens on 127.0.0.1 only.
"""
import json
import os
import socket
import subprocess
import sys
import time

import boto3
import botocore.config
import ministack  # noqa: F401  (says early that it is missing)

with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
program = os.path.join(os.path.dirname(sys.executable), "ministack")
environment = {**os.environ, "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port)}
server = subprocess.Popen([program], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
URL = f"http://127.0.0.1:{port}"
for _ in range(600):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        break
    except OSError:
        time.sleep(0.05)

KINDS = {
    "AWS::S3::Bucket": lambda n: {"BucketName": f"cc-{n}"},
    "AWS::SQS::Queue": lambda n: {"QueueName": f"cc-{n}"},
    "AWS::SSM::Parameter": lambda n: {"Name": f"/cc/{n}", "Type": "String", "Value": "v"},
    "AWS::SNS::Topic": lambda n: {"TopicName": f"cc-{n}"},
    "AWS::Logs::LogGroup": lambda n: {"LogGroupName": f"/odd é/{n}#_.", "RetentionInDays": 7},
    "AWS::Kinesis::Stream": lambda n: {"Name": f"cc-{n}", "ShardCount": 1},
    "AWS::ECR::Repository": lambda n: {"RepositoryName": f"team/{n}"},
    "AWS::Events::EventBus": lambda n: {"Name": f"bus.{n}"},
}
try:
    control = boto3.client("cloudcontrol", endpoint_url=URL, region_name="us-east-1", aws_access_key_id="test",
                           aws_secret_access_key="test", config=botocore.config.Config(parameter_validation=False))
    expected = {}
    for kind, state in KINDS.items():
        for n in range(3):
            control.create_resource(TypeName=kind, DesiredState=json.dumps(state(n)))
        listed = control.list_resources(TypeName=kind)["ResourceDescriptions"]
        _, service, name = kind.split("::")
        found = control.get_resource
        expected[f"aws-native:{service.lower()}:{name}"] = {
            d["Identifier"]: json.loads(found(TypeName=kind, Identifier=d["Identifier"])["ResourceDescription"]["Properties"])
            for d in listed}
    print(json.dumps({"url": URL, "all": ["test", "test"], "expected": {"us-east-1": expected}}), flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        try:
            print(json.dumps({"done": bool(getattr(control, order["op"])(**order["args"]))}), flush=True)
        except Exception as wrong:
            print(json.dumps({"wrong": str(wrong)}), flush=True)
finally:
    server.terminate()
    server.wait()
