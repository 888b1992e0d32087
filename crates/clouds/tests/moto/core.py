"""What the other files of this folder are written in: clients of a moto server, and the two tables.

`seed(service)` marks a function that makes things of a service in one region; `row(…)` says how boto3 lists a type: the type's name, service
and operation, where the items are, and what of an item is the id that `pulumi import` takes. Neither knows how Pileus lists.
"""
import datetime
import functools
import json
import os
from collections import namedtuple

os.environ["AWS_DEFAULT_REGION"] = "us-east-1"
os.environ["AWS_ACCESS_KEY_ID"] = os.environ["AWS_SECRET_ACCESS_KEY"] = "testing"
for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
    os.environ.pop(name, None)

import boto3  # noqa: E402
import botocore.config  # noqa: E402
import jmespath  # noqa: E402

REGIONS = ["us-east-1", "eu-west-1", "ap-southeast-2"]
ACCOUNT = "123456789012"
# What must be nowhere in what a scan finds.
SECRET = "PLANTED-SECRET"
# Tags as they may be, and as they may be where a service is strict.
ODD = {"Name": "näme & <co> \"q\" 'a'", "a b/ü%2F+": "x+y %20 /=", "empty": "", "long": "v" * 250}
STRICT = {"Name": "näme", "a b/ü": "x+y /=@", "empty": "", "long": "v" * 250}
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": f"{who}.amazonaws.com"}}
    for who in ("lambda", "codepipeline")]})
# Things of one kind in the first region, more than any page holds.
BULK = 1100

Row = namedtuple("Row", "token service op items id place keep more skip args")
ROWS, SEEDS = [], []


def tags(odd=None, key="Key", value="Value"):
    """Tags as a list."""
    return [{key: k, value: v} for k, v in (ODD if odd is None else odd).items()]


class At:
    """One region of the server, as its owner sees it."""

    def __init__(self, url, region, bulk):
        self.url, self.region, self.bulk = url, region, bulk
        self.first = region == REGIONS[0]

    def many(self, count):
        """So many in the first region, to have more than a page; a few elsewhere."""
        return range(count if self.first and self.bulk else 3)

    @functools.cache
    def client(self, service):
        config = botocore.config.Config(retries={"total_max_attempts": 1}, read_timeout=120, parameter_validation=False,
                                        s3={"addressing_style": "path"}, inject_host_prefix=False)
        return boto3.client(service, region_name=self.region, endpoint_url=self.url, config=config)

    __call__ = client

    def every(self, service, op, items, **args):
        """All items of all pages."""
        client = self.client(service)
        if client.can_paginate(op):
            pages = client.get_paginator(op).paginate(**args)
        else:
            pages = [getattr(client, op)(**args)]
        return [item for page in pages for item in jmespath.search(items, page) or []]

    # What several services stand on.
    @functools.cached_property
    def role(self):
        return f"arn:aws:iam::{ACCOUNT}:role/base"

    @functools.cached_property
    def vpc(self):
        return self.every("ec2", "describe_vpcs", "Vpcs[?IsDefault].VpcId")[0]

    @functools.cached_property
    def subnets(self):
        found = self.every("ec2", "describe_subnets", "Subnets", Filters=[{"Name": "vpc-id", "Values": [self.vpc]}])
        return [s["SubnetId"] for s in sorted(found, key=lambda s: s["AvailabilityZone"])]

    @functools.cached_property
    def group(self):
        found = self.every("ec2", "describe_security_groups", "SecurityGroups",
                           Filters=[{"Name": "vpc-id", "Values": [self.vpc]}])
        return next(g["GroupId"] for g in found if g["GroupName"] == "default")

    @functools.cached_property
    def image(self):
        return self("ec2").describe_images(Owners=["amazon"])["Images"][0]["ImageId"]


def seed(service, place="region"):
    """Marks a function that makes things of this service, in each region or (`global`) once."""
    def mark(function):
        SEEDS.append((service, place, function))
        return function
    return mark


def row(token, service, op, items, id, *, place="region", keep=None, more=None, skip=(), args=None):
    """How a type is listed. `id`: a member of the item (an item that is a text is its own id), or a function of place and item. `keep`:
    which items are meant. `more`: further properties of an item. `skip`: members that a scan leaves out or hides. `args`: a function of the
    place that yields one set of arguments for each list, with `_` in it as what the ids' function gets as third argument."""
    ROWS.append(Row(token, service, op, items, id, place, keep, more, skip, args))


def plain(value):
    """A value as JSON; None for what has no fixed form."""
    if isinstance(value, dict):
        return {k: p for k, v in value.items() if (p := plain(v)) is not None}
    if isinstance(value, (list, tuple)):
        return [p for v in value if (p := plain(v)) is not None]
    if isinstance(value, (str, bool, int, float)):
        return value
    return None


def listed(at, row):
    """What boto3 lists of a type: ids, each with properties that must be found."""
    found = {}
    for args in row.args(at) if row.args else [{}]:
        extra = [args["_"]] if "_" in args else []
        for item in at.every(row.service, row.op, row.items, **{k: v for k, v in args.items() if k != "_"}):
            if row.keep and not row.keep(at, item):
                continue
            if callable(row.id):
                name = row.id(at, item, *extra)
            else:
                name = item if isinstance(item, str) else item[row.id]
            item = {} if isinstance(item, str) else dict(item)
            item.pop("ResponseMetadata", None)
            if row.more:
                item.update(row.more(at, item or name))
            if name in found:
                raise ValueError(f"{row.token}: {name} is listed twice")
            for inner in (s.split(".") for s in row.skip if "." in s):
                item[inner[0]] = {k: v for k, v in item[inner[0]].items() if k != inner[1]}
            found[name] = {k: p for k, v in item.items() if k not in row.skip
                           and not isinstance(v, datetime.datetime) and (p := plain(v)) is not None}
    return found
