"""Writes aws/cloudcontrol.jsonl: one line per type of the public resource schemas, as facts.

Takes: the folder of the schemas (that of PyPI c7n-awscc by default). Names, identifiers, handlers, permissions and the marks of properties
are taken over; no text is. Run it again when a newer set of schemas is out; its output depends on nothing else.
"""

import importlib.util
import json
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
# Services that have one place a partition, by the schemas' names. The schemas do not say it; botocore's endpoints and the services' own
# endpoints do: one host for all regions, or one region that holds everything.
GLOBAL = {"BCM", "BCMDataExports", "BcmPricingCalculator", "Billing", "BillingConductor", "Budgets", "CE", "CUR", "Chatbot", "CloudFront",
          "GlobalAccelerator", "IAM", "Invoicing", "NetworkManager", "NotificationsContacts", "Organizations", "Route53",
          "Route53GlobalResolver", "Route53RecoveryControl", "Route53RecoveryReadiness", "Shield", "SupportApp", "UXC", "WAF"}
GLOBAL_TYPES = {"AWS::ECR::PublicRepository", "AWS::RDS::GlobalCluster", "AWS::S3::MultiRegionAccessPoint",
                "AWS::S3::MultiRegionAccessPointPolicy", "AWS::Neptune::GlobalCluster", "AWS::DocDB::GlobalCluster"}
# Pulumi's module where it is not the schema's service in small letters.
MODULES = {"Config": "configuration"}
# Properties that hold secrets and that the schemas mark neither write-only nor otherwise.
SECRET = re.compile(r"(password|passphrase|secretkey|secretaccesskey|clientsecret|privatekey|authtoken|accesstoken|apikey|secretstring)$", re.I)


def schemas(folder):
    for path in sorted(pathlib.Path(folder).glob("*.json")):
        schema = json.loads(path.read_text())
        if "typeName" in schema and "primaryIdentifier" in schema:
            yield schema


def token(name):
    """Pulumi's name: the module in small letters, runs of capitals as words (DBInstance: DbInstance)."""
    _, service, resource = name.split("::")
    resource = re.sub(r"([A-Z])([A-Z]+)(?=[A-Z][a-z]|[0-9]|$|s$)", lambda m: m.group(1) + m.group(2).lower(), resource)
    return f"aws-native:{MODULES.get(service, service.lower())}:{resource}"


def paths(schema, key):
    return sorted({p.removeprefix("/properties/") for p in schema.get(key, [])})


def required(node):
    """The properties that a list needs: those of all, or of the first way of several."""
    found = set(node.get("required", []))
    for part in node.get("allOf", []):
        found |= required(part)
    for key in ("oneOf", "anyOf"):
        if node.get(key):
            found |= required(node[key][0])
    return found


def secrets(schema, marked):
    """Texts whose name says that they are a secret, by path; references are followed once."""
    definitions, found = schema.get("definitions", {}), set()

    def down(node, path, seen):
        ref = node.get("$ref", "")
        if ref.startswith("#/definitions/"):
            name = ref.removeprefix("#/definitions/")
            if name in seen:
                return
            down(definitions.get(name, {}), path, seen | {name})
        for name, inner in (node.get("properties") or {}).items():
            here = f"{path}/{name}".lstrip("/")
            kind = inner.get("type", "string" if "$ref" not in inner else "")
            if SECRET.search(name) and kind == "string" and here not in marked:
                found.add(here)
            down(inner, here, seen)
        if isinstance(node.get("items"), dict):
            down(node["items"], path + "/*", seen)

    down({"properties": schema.get("properties", {})}, "", frozenset())
    return sorted(p for p in found if "TokenValidityUnits" not in p)


def line(schema):
    name, handlers = schema["typeName"], schema.get("handlers", {})
    entry = {"type": name, "token": token(name), "id": [p.removeprefix("/properties/") for p in schema["primaryIdentifier"]]}
    entry["scope"] = "global" if name in GLOBAL_TYPES or name.split("::")[1] in GLOBAL else "regional"
    if "list" in handlers:
        needs = sorted(required(handlers["list"].get("handlerSchema", {})))
        entry["list"] = "parent" if needs else "plain"
        if needs:
            entry["parent"] = needs
    else:
        entry["list"] = "none"
    entry["read"] = "read" in handlers
    actions = {a for h in ("list", "read") for a in handlers.get(h, {}).get("permissions", []) if re.fullmatch(r"[a-zA-Z0-9-]+:[A-Za-z0-9*]+", a)}
    entry["actions"] = sorted(actions)
    write_only = paths(schema, "writeOnlyProperties")
    if write_only:
        entry["writeOnly"] = write_only
    hidden = secrets(schema, set(write_only))
    if hidden:
        entry["secret"] = hidden
    read_only = paths(schema, "readOnlyProperties")
    if read_only:
        entry["readOnly"] = read_only
    return entry


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(importlib.util.find_spec("c7n_awscc").origin).parent / "data"
    entries = sorted((line(s) for s in schemas(folder)), key=lambda e: e["type"])
    text = "".join(json.dumps(e, separators=(",", ":")) + "\n" for e in entries)
    (HERE / "aws" / "cloudcontrol.jsonl").write_text(text)
    kinds = {k: sum(e["list"] == k for e in entries) for k in ("plain", "parent", "none")}
    print(f"{len(entries)} types: {kinds}; {sum(e['scope'] == 'global' for e in entries)} global; {len(text)} bytes")


if __name__ == "__main__":
    main()
