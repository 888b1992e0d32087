"""moto with two buckets in it: an AWS on 127.0.0.1 that accepts whatever credentials.

Prints one line of JSON: where it is. Ends when its input ends.
"""

import json
import logging
import os
import sys

os.environ["AWS_ACCESS_KEY_ID"] = os.environ["AWS_SECRET_ACCESS_KEY"] = "testing"

import boto3  # noqa: E402
from moto.server import ThreadedMotoServer  # noqa: E402

logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
url = f"http://{host}:{port}"
s3 = boto3.client("s3", region_name="us-east-1", endpoint_url=url)
for name in ("walk-one", "walk-two"):
    s3.create_bucket(Bucket=name)
print(json.dumps({"url": url}), flush=True)
sys.stdin.read()
server.stop()
