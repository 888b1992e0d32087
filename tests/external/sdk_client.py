"""The harness of the walk with the official SDK: requests, what is served, and a client that fails for what the SDK loses.

Takes the address of the server and a token from the command line of the script that imports it.
"""

import gzip
import json
import re
import sys
import urllib.error
import urllib.request
from datetime import date, datetime

import jsonschema_rs
from pulumi_cloud_sdk import ApiClient, Configuration, default_encoder

URL, TOKEN = sys.argv[1:3]
ORG = "pulumi"
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def fetch(method, path, body=None, token=TOKEN):
    """One request without the SDK: status, headers and bytes. A body that is text is YAML, any other becomes JSON."""
    headers = {"Authorization": f"token {token}"} if token else {}
    data = None
    if isinstance(body, str):
        data, headers["Content-Type"] = body.encode(), "application/x-yaml"
    elif body is not None:
        data, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
    request = urllib.request.Request(URL + path, data=data, headers=headers, method=method)
    try:
        with OPENER.open(request, timeout=30) as reply:
            return reply.status, reply.headers, reply.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


SPEC = json.loads(fetch("GET", "/api/openapi/pulumi-spec.json", token=None)[2])


def shape(path):
    return re.sub(r"\{[^}]*\}", "{}", path)


SERVED = {
    (method.upper(), shape(path)): operation["operationId"]
    for path, item in SPEC["paths"].items()
    for method, operation in item.items()
    if "operationId" in operation
}
DECLARED = {
    operation["operationId"]: operation
    for item in SPEC["paths"].values()
    for operation in item.values()
    if "operationId" in operation
}
done = {}

SDK_LACKS = {
    "EnvironmentTag": ("id",),
    "ScanAccount": ("accountName",),
    "ReadScanStatus": ("accountName", "resourceCount"),
    "ListResourceVersionEdges": ("handle",),
}
"""What we send and the SDK's models have no place for, by a part of the operation's name: fields that other clients read."""


def note(operation, **what):
    if operation not in done:
        done[operation] = what
        print(json.dumps({"operation": operation, **what}), flush=True)


LIMITS = re.compile(r"\.((exclusive)?(Min|Max|min|max)imum|(min|max)(Length|Items|Properties)|multipleOf)$")
"""Keywords of JSON schemas whose numbers are texts in the SDK."""


def lost(sent, kept, where=""):
    """What stands in a reply and not in the typed object made of it."""
    if LIMITS.search(where) and str(sent) == kept:
        return
    if isinstance(sent, bool) and isinstance(kept, dict):
        # A JSON schema that is a mere yes or no has fields for that in the SDK.
        if not kept.get("always" if sent else "never"):
            yield f"{where}: {sent!r} became {kept!r}"
    elif isinstance(sent, dict) and isinstance(kept, dict):
        for key, value in sent.items():
            if key not in kept:
                yield f"{where}.{key}"
            else:
                yield from lost(value, kept[key], f"{where}.{key}")
    elif isinstance(sent, list) and isinstance(kept, list) and len(sent) == len(kept):
        for at, (left, right) in enumerate(zip(sent, kept)):
            yield from lost(left, right, f"{where}[{at}]")
    elif isinstance(sent, str) and isinstance(kept, (str, datetime, date)) and sent != kept:
        instant = lambda t: t if isinstance(t, datetime) else datetime.fromisoformat(str(t).replace("Z", "+00:00"))
        try:
            if instant(sent) != instant(kept):
                yield f"{where}: {sent!r} became {kept!r}"
        except ValueError:
            yield f"{where}: {sent!r} became {kept!r}"
    elif type(sent) is not type(kept) or (not isinstance(sent, str) and sent != kept):
        yield f"{where}: {sent!r} became {kept!r}"


class Client(ApiClient):
    """The SDK's client, watched: notes what was called, and fails for a reply that the SDK does not keep whole."""

    def __init__(self, token):
        configuration = Configuration()
        configuration.host, configuration.access_token = URL, token
        super().__init__(configuration, transport=lambda request, timeout: OPENER.open(request, timeout=timeout or 30))

    def call_api(self, resource_path, method, *args, **kwargs):
        operation = SERVED.get((method, shape(resource_path)))
        wanted = kwargs.get("response_type")
        export = operation is not None and operation.startswith("ExportAuditLog")
        reply = super().call_api(resource_path, method, *args, _preload_content=not export, **kwargs)
        if operation is None:
            raise SystemExit(f"{method} {resource_path} is not in the served description")
        if export:
            # Compressed whatever the client accepts; the SDK does not inflate.
            reply = gzip.decompress(reply).decode("utf-8")
        elif wanted:
            sent = json.loads(self.last_response)
            without = [field for part, fields in SDK_LACKS.items() if part in str(operation) for field in fields]
            missing = [
                what for what in lost(sent, default_encoder.sanitize_for_serialization(reply)) if what.rsplit(".", 1)[-1] not in without
            ]
            if missing:
                raise SystemExit(f"{operation}: the SDK loses {missing} of {self.last_response!r}")
        elif self.last_response:
            raise SystemExit(f"{operation}: a reply without a type has a body: {self.last_response!r}")
        note(operation, by="sdk", type=wanted or "nothing")
        return reply

    def call_api_with_headers(self, resource_path, method, *args, **kwargs):
        """What the SDK does where headers are part of the answer. It sends and reads JSON there, whatever the type is: it can
        ask for nothing but headers."""
        operation = SERVED.get((method, shape(resource_path)))
        if operation is None or method != "HEAD":
            raise SystemExit(f"{method} {resource_path} is not for the SDK")
        reply = super().call_api_with_headers(resource_path, method, *args, **kwargs)
        note(operation, by="sdk", type="headers")
        return reply


def own(operation, path, body=None, method=None):
    """Calls an operation of ours and checks the reply against the served description."""
    method = method or ("GET" if body is None else "POST")
    assert SERVED.get((method, shape(path))) or operation in DECLARED, operation
    status, _, raw = fetch(method, path, body)
    declared = DECLARED[operation]["responses"]
    good = next(code for code in declared if code.startswith("2"))
    if str(status) != good:
        raise SystemExit(f"{operation}: {status} instead of {good}: {raw!r}")
    content = declared[good].get("content", {}).get("application/json")
    if raw and not content:
        note(operation, by="http", type="text")
        return raw.decode()
    reply = json.loads(raw) if raw else None
    if content:
        schema = {**content["schema"], "components": SPEC["components"]}
        jsonschema_rs.validate(schema, reply)
    note(operation, by="http", type=content and content["schema"].get("$ref", "inline").rsplit("/", 1)[-1] or "nothing")
    return reply


def refused(status, call, *args, **kwargs):
    """The documented error of a call, with the contract's body."""
    try:
        call(*args, **kwargs)
    except urllib.error.HTTPError as error:
        with error:
            body = json.loads(error.read())
        assert error.code == status == body["code"] and body["message"], (error.code, body)
        return body["message"]
    raise SystemExit(f"{call.__name__} should answer {status}")
