"""Writes aws/shapes/<service>.json: the shapes of the answers of the XML operations that aws/native/*.toml names.

Takes: nothing (botocore must be importable). Writes beside itself. Facts only: names, kinds and positions of members.

{"operations": {"ListBuckets": {"shape": "ListBucketsOutput", "wrapper": null}}, "shapes": {…}}
A shape is a scalar ("s" text, "i" integer, "f" float, "b" boolean) or one of
{"k":"o","m":{"Member":["elementName","Shape",flags]}}   an object; flags: "a" attribute, "F" flattened list or map, "H" header (left out)
{"k":"l","e":"elementName","of":"Shape","F":true}        a list; F: flattened
{"k":"m","key":"key","value":"value","of":"Shape","F":…} a map
"""
import glob
import json
import os
import tomllib

import botocore.session

HERE = os.path.dirname(os.path.abspath(__file__))
SCALARS = {"string": "s", "character": "s", "timestamp": "s", "blob": "s", "integer": "i", "long": "i",
           "float": "f", "double": "f", "boolean": "b"}


def flatten_shape(shape, shapes, ec2):
    """Adds the shape and all below it; returns its name in the table."""
    if shape.type_name in SCALARS:
        return SCALARS[shape.type_name]
    if shape.name in shapes:
        return shape.name
    entry = shapes[shape.name] = {}
    if shape.type_name == "structure":
        members = {}
        for name, member in shape.members.items():
            s = member.serialization
            if s.get("location") in ("header", "headers", "statusCode"):
                continue
            flags = "a" if s.get("xmlAttribute") else ""
            if s.get("flattened"):
                flags += "F"
            element = s.get("name", name)
            if member.type_name == "list" and s.get("flattened"):
                element = s.get("name") or member.member.serialization.get("name", name)
            if shape.serialization.get("payload") == name:
                flags += "P"
            members[name] = [element, flatten_shape(member, shapes, ec2), flags]
        entry.update(k="o", m=members)
    elif shape.type_name == "list":
        element = shape.member.serialization.get("name", "item" if ec2 else "member")
        entry.update(k="l", e=element, of=flatten_shape(shape.member, shapes, ec2))
        if shape.serialization.get("flattened"):
            entry["F"] = True
    elif shape.type_name == "map":
        entry.update(k="m", key=shape.key.serialization.get("name", "key"),
                     value=shape.value.serialization.get("name", "value"),
                     of=flatten_shape(shape.value, shapes, ec2))
        if shape.serialization.get("flattened"):
            entry["F"] = True
    return shape.name


def service_model(session, service):
    """The botocore model whose endpoint prefix and API version fit."""
    names = {"elb": "elb", "elbv2": "elbv2", "cloudwatch": "cloudwatch"}
    name = service.get("botocore", names.get(service["name"], service["name"]))
    return session.get_service_model(name)


def main():
    session = botocore.session.get_session()
    os.makedirs(os.path.join(HERE, "aws", "shapes"), exist_ok=True)
    for path in sorted(glob.glob(os.path.join(HERE, "aws", "native", "*.toml"))):
        with open(path, "rb") as f:
            catalogue = tomllib.load(f)
        service = catalogue["service"]
        if service["protocol"] not in ("query", "ec2", "rest-xml"):
            continue
        model = service_model(session, service)
        operations, shapes = {}, {}
        wanted = {o["op"] for t in catalogue.get("type", []) for o in [t["list"], *t.get("read", [])]}
        for op in sorted(wanted):
            output = model.operation_model(op).output_shape
            if output is None:
                continue
            wrapper = output.serialization.get("resultWrapper")
            operations[op] = {"shape": flatten_shape(output, shapes, service["protocol"] == "ec2"), "wrapper": wrapper}
        with open(os.path.join(HERE, "aws", "shapes", service["name"] + ".json"), "w") as f:
            f.write('{"operations":{\n')
            f.write(",\n".join(f"{json.dumps(k)}:{json.dumps(v, separators=(',', ':'))}" for k, v in operations.items()))
            f.write('\n},"shapes":{\n')
            f.write(",\n".join(f"{json.dumps(k)}:{json.dumps(v, separators=(',', ':'))}" for k, v in sorted(shapes.items())))
            f.write("\n}}\n")


if __name__ == "__main__":
    main()
