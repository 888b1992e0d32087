"""Makes recorded calls of AWS with boto3, 16 threads at once, and prints what that cost as one line of JSON.

usage: replay.py CALLS URL
"""

import json
import os
import re
import resource
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qsl, unquote

os.environ["AWS_ACCESS_KEY_ID"] = os.environ["AWS_SECRET_ACCESS_KEY"] = "testing"

import boto3  # noqa: E402
from botocore import xform_name  # noqa: E402
from botocore.config import Config  # noqa: E402
from botocore.exceptions import BotoCoreError, ClientError  # noqa: E402
from botocore.parsers import ResponseParserError  # noqa: E402

THREADS = 16
# Names in signatures that are not the names of boto3's clients.
CLIENTS = {
    "monitoring": "cloudwatch",
    "elasticloadbalancing": "elbv2",
    "states": "stepfunctions",
    "elasticfilesystem": "efs",
    "es": "opensearch",
    "email": "sesv2",
    "elasticmapreduce": "emr",
    "ses": "sesv2",
    "cloudcontrolapi": "cloudcontrol",
    "aoss": "opensearchserverless",
    "airflow": "mwaa",
    "mq": "mq",
}
CONFIG = Config(max_pool_connections=THREADS, retries={"max_attempts": 1})


def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def typed(shape, text):
    if shape.type_name in ("integer", "long"):
        return int(text)
    if shape.type_name == "boolean":
        return text == "true"
    return text


def of_form(model, form):
    """The parameters of a query: texts, and lists of texts."""
    members = {}
    for name, shape in model.input_shape.members.items() if model.input_shape else ():
        written = shape.serialization.get("queryName") or shape.serialization.get("name") or name
        members[written[0].upper() + written[1:]] = members[name] = (name, shape)
    params = {}
    for key, value in form.items():
        first, _, rest = key.partition(".")
        if first not in members or key in ("Action", "Version"):
            continue
        name, shape = members[first]
        if shape.type_name == "list":
            params.setdefault(name, []).append(typed(shape.member, value))
        elif not rest:
            params[name] = typed(shape, value)
    return params


def of_rest(service, call):
    """The operation whose path this is, the longest that fits, and its parameters."""
    path, _, query = call["path"].partition("?")
    query = dict(parse_qsl(query, keep_blank_values=True))
    best = None
    for name in service.operation_names:
        model = service.operation_model(name)
        template, _, needed = model.http["requestUri"].partition("?")
        needed = [part.partition("=")[0] for part in needed.split("&") if part]
        if model.http["method"] != call["method"] or any(part not in query for part in needed):
            continue
        pattern = re.escape(template).replace(r"\{", "{").replace(r"\}", "}").replace(r"\+", "+")
        names = re.findall(r"{(\w+)\+?}", pattern)
        pattern = re.sub(r"{\w+\+}", "(.+)", re.sub(r"{\w+}", "([^/]+)", pattern))
        found = re.fullmatch(pattern + "/?", path)
        weight = (len(needed), len(re.sub(r"{\w+\+?}", "", template)))
        if found and (best is None or weight > best[0]):
            best = (weight, model, dict(zip(names, map(unquote, found.groups()))))
    if best is None:
        return None, {}
    _, model, params = best
    for name, shape in model.input_shape.members.items() if model.input_shape else ():
        where, written = shape.serialization.get("location"), shape.serialization.get("name", name)
        if where == "uri" and written in params:
            params[name] = params.pop(written) if written != name else params[written]
        elif where == "querystring" and written in query:
            params[name] = typed(shape, query[written])
    if call["body"].startswith("{"):
        params.update(json.loads(call["body"]))
    return model, params


def read(call):
    """The client's name and region, the method and the parameters of a call; None if boto3 has none such."""
    service = CLIENTS.get(call["service"], call["service"])
    form = dict(parse_qsl(call["body"], keep_blank_values=True)) if not call["target"] else {}
    if service == "elbv2" and form.get("Version") == "2012-06-01":
        service = "elb"
    try:
        model = client(service, call["region"]).meta.service_model
    except BotoCoreError:
        return None
    if call["target"]:
        operation, params = call["target"].rpartition(".")[2], json.loads(call["body"] or "{}")
        # SQS and others speak several protocols; the parameters of JSON are boto3's own.
        operation = operation if operation in model.operation_names else None
    elif "Action" in form:
        operation = form["Action"] if form["Action"] in model.operation_names else None
        params = of_form(model.operation_model(operation), form) if operation else {}
    else:
        found, params = of_rest(model, call)
        operation = found.name if found else None
    return (service, call["region"], xform_name(operation), params) if operation else None


clients = {}
lock = threading.Lock()


def client(service, region):
    with lock:
        if (service, region) not in clients:
            clients[service, region] = boto3.client(
                service, region_name=region, endpoint_url=sys.argv[2], config=CONFIG
            )
        return clients[service, region]


def make(call):
    service, region, method, params = call
    try:
        getattr(client(service, region), method)(**params)
        return "answered"
    except (ClientError, ResponseParserError):
        return "refused"
    except (BotoCoreError, AttributeError, TypeError):
        return "not made"


with open(sys.argv[1], encoding="utf-8") as file:
    recorded = [json.loads(line) for line in file]
calls = [call for call in map(read, recorded) if call]
# What a first call makes once and for all is not the calls' own cost.
prepared = cpu()
with ThreadPoolExecutor(THREADS) as pool:
    ended = list(pool.map(make, calls))
print(
    json.dumps(
        {
            "recorded": len(recorded),
            "made": len(ended) - ended.count("not made"),
            "refused": ended.count("refused"),
            "clients": prepared,
            "calls": cpu() - prepared,
        }
    )
)
