"""Holds the native catalogue (crates/clouds/data/aws/native) against botocore's models, and its ids against the documented import forms.

Takes: nothing. Prints every disagreement and a summary; exit code 1 if there is one. For each row: the operation exists; names, places and
kinds of what is sent are those of the model and nothing required is missing; continuation is the model's own; the path to the items, every
follow-up read and every property that a template, a condition, a volatile, secret or sorted path names exists in the answers' shapes; host,
signature, version and target are botocore's; the id of the example has the form that is documented for the type.
"""

import json
import pathlib
import re
import sys
import tomllib

import botocore.session

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = ROOT / "crates" / "clouds" / "data" / "aws"
# Names of members that continue a list; an operation that has one and is not paged is a row that stops too early.
CONTINUES = {"nexttoken", "marker", "nextmarker", "position", "continuationtoken", "nextpagetoken"}
# Operations that newer models send in another way; the older one, which is used here, is what more servers know.
OLDER = {"ListEmailIdentities": "/v2/email/identities", "ListConfigurationSets": "/v2/email/configuration-sets"}
KNOWN = {"query", "ec2", "json-1.0", "json-1.1", "rest-json", "rest-xml"}
PLACES = {"account", "region", "partition", "suffix"}
HOLE = re.compile(r"\{([^{}]*)\}")
STEP = re.compile(r"\[[^\]]*\]|[^.\[\]]+")


class Wrong(Exception):
    """A disagreement."""


class Made:
    """An object that reads have put together: names with what they hold, and maps whose keys no model tells."""

    def __init__(self):
        self.members, self.maps = {}, []

    def merge(self, node, wire):
        if isinstance(node, Made):
            self.members.update(node.members)
            self.maps += node.maps
        elif node.type_name == "structure":
            self.members.update(members(node, wire))
        elif node.type_name == "map":
            self.maps.append(node)
        else:
            raise Wrong(f"a {node.type_name} is merged into the item")


def members(shape, wire):
    """A structure's members under the names that the catalogue uses."""
    if wire:
        return {m.serialization.get("name", n): m for n, m in shape.members.items()}
    return dict(shape.members)


def step(node, part, wire):
    """What one step of a path leads to."""
    if part.startswith("["):
        inner = part[1:-1]
        if isinstance(node, Made) or node.type_name != "list":
            raise Wrong(f"{part} on what is no list")
        if "=" in inner and inner.split("=")[0] not in members(node.member, wire):
            raise Wrong(f"{part}: no such member")
        return node.member
    if isinstance(node, Made):
        if part in node.members:
            return node.members[part]
        for shape in node.maps:
            keys = getattr(shape.key, "enum", None)
            if not keys or part in keys:
                return shape.value
        raise Wrong(f"no property {part}")
    if node.type_name == "map":
        return node.value
    if node.type_name == "structure":
        found = members(node, wire)
        if part in found:
            return found[part]
        if getattr(node, "is_document_type", False):
            return node
    raise Wrong(f"no member {part} in {node.name}")


def walk(node, path, wire):
    """What a path leads to."""
    for part in STEP.findall(path):
        node = step(node, part, wire)
    return node


def holes(value):
    """The templates' holes in a value, wherever they stand in it."""
    if isinstance(value, str):
        yield from (h.rstrip("?+").split("|")[0].rstrip("?+") for h in HOLE.findall(value))
    elif isinstance(value, dict):
        for v in value.values():
            yield from holes(v)
    elif isinstance(value, list):
        for v in value:
            yield from holes(v)


class Row:
    """One type of one service."""

    def __init__(self, model, service, kind, parents):
        self.model, self.service, self.kind, self.parents = model, service, kind, parents
        self.protocol = service["protocol"]
        self.wire = "json" in self.protocol
        self.item = Made()

    def hole(self, path, where):
        """A hole leads somewhere."""
        if path in PLACES:
            return
        if path.startswith("parent."):
            parent = self.parents.get(self.kind.get("for"))
            if parent is None:
                raise Wrong(f"{where}: there is no parent")
            walk(parent.item, path.removeprefix("parent."), self.wire)
        else:
            walk(self.item, path, self.wire)

    def text(self, value, where):
        for path in holes(value):
            self.hole(path, where)

    def operation(self, call):
        if call["op"] not in self.model.operation_names:
            raise Wrong(f"no operation {call['op']}")
        return self.model.operation_model(call["op"])

    # What is sent.

    def sent(self, call, more=()):
        """Members of the input that the call fills, by name."""
        op = self.operation(call)
        shape = op.input_shape
        names = set()
        if self.protocol.startswith("rest"):
            names |= self.sent_rest(op, call)
        else:
            for name, value in call.get("params", {}).items():
                names.add(self.sent_flat(shape, name, value) if self.protocol in ("query", "ec2") else self.sent_json(shape, name, value))
        names |= set(more)
        missing = set(shape.required_members if shape else ()) - names
        if missing:
            raise Wrong(f"{op.name}: required and not sent: {sorted(missing)}")
        for value in [call.get("params", {}), call.get("uri", ""), call.get("ids", "")]:
            self.text(value, op.name)

    def sent_json(self, shape, name, value):
        if name not in shape.members:
            raise Wrong(f"{shape.name} has no {name}")
        self.kind_of(shape.members[name], value, name)
        return name

    def sent_flat(self, shape, name, value):
        """A flat parameter of the query protocols: walks the input by its dotted parts."""
        if not isinstance(value, str):
            raise Wrong(f"{name}: parameters of {self.protocol} are texts")
        node, first, parts = shape, None, name.split(".")
        while parts:
            if node.type_name == "list":
                flat = self.protocol == "ec2" or node.serialization.get("flattened")
                if not flat and parts.pop(0) != node.member.serialization.get("name", "member"):
                    raise Wrong(f"{name}: .member is missing")
                if not parts or not parts.pop(0).isdigit():
                    raise Wrong(f"{name}: a number is missing")
                node = node.member
            elif node.type_name == "structure":
                part = parts.pop(0)
                found = [n for n, m in node.members.items() if self.flat_name(n, m) == part]
                if not found:
                    raise Wrong(f"{name}: {node.name} has no {part}")
                first, node = first or found[0], node.members[found[0]]
            else:
                raise Wrong(f"{name}: goes on behind a {node.type_name}")
        if node.type_name in ("list", "structure"):
            raise Wrong(f"{name}: ends at a {node.type_name}")
        self.kind_of(node, value, name)
        return first

    def flat_name(self, name, member):
        if self.protocol == "ec2":
            written = member.serialization.get("queryName") or member.serialization.get("name", name)
            return written[0].upper() + written[1:]
        return member.serialization.get("name", name)

    def sent_rest(self, op, call):
        http, shape = op.http, op.input_shape
        method = call.get("method", "GET")
        if method != http["method"] and OLDER.get(op.name) == call["uri"]:
            return set()
        if method != http["method"]:
            raise Wrong(f"{op.name} is a {http['method']}")
        names, wanted, given = set(), http["requestUri"], call["uri"]
        wanted_path, _, wanted_query = wanted.partition("?")
        path, _, query = HOLE.sub("{}", given).partition("?")
        pattern, labels = "", []
        for piece in re.split(r"(\{[^}]*\})", wanted_path):
            if piece.startswith("{"):
                labels.append(piece.strip("{}+"))
                pattern += r"[^/]+"
            else:
                pattern += re.escape(piece)
        if not re.fullmatch(pattern, path):
            raise Wrong(f"{op.name}: {path} is not {wanted_path}")
        by_place = {}
        for name, member in (shape.members.items() if shape else ()):
            place = member.serialization.get("location", "body")
            by_place.setdefault(place, {})[member.serialization.get("name", name)] = (name, member)
        names |= {by_place["uri"][label][0] for label in labels}
        fixed = dict(p.partition("=")[::2] for p in wanted_query.split("&") if p)
        got = dict(p.partition("=")[::2] for p in query.split("&") if p)
        if any(got.get(k) != v for k, v in fixed.items()):
            raise Wrong(f"{op.name}: the query {wanted_query} is missing")
        asked = {k: v for k, v in got.items() if k not in fixed}
        body = call.get("params", {})
        if method in ("GET", "DELETE"):
            asked, body = {**asked, **body}, {}
        for place, values in (("querystring", asked), ("body", body), ("header", call.get("headers", {}))):
            for name, value in values.items():
                if place == "header" and name == "Accept":
                    continue
                if name not in by_place.get(place, {}):
                    raise Wrong(f"{op.name}: {name} is not in its {place}")
                member_name, member = by_place[place][name]
                self.kind_of(member, value, name)
                names.add(member_name)
        return names

    def kind_of(self, shape, value, name):
        kinds = {"string": str, "integer": int, "long": int, "boolean": bool, "list": list, "structure": dict, "map": dict}
        flat = isinstance(value, str) and not self.protocol.startswith("json") and shape.type_name not in ("list", "structure", "map")
        kind = kinds.get(shape.type_name)
        if kind and not flat and not isinstance(value, kind):
            raise Wrong(f"{name} is a {shape.type_name}")
        if shape.type_name == "structure":
            inner = members(shape, True)
            for k, v in value.items():
                if k not in inner:
                    raise Wrong(f"{name} has no {k}")
                self.kind_of(inner[k], v, f"{name}.{k}")
        if shape.type_name == "list" and isinstance(value, list):
            for v in value:
                self.kind_of(shape.member, v, name)
        enum = getattr(shape, "enum", None)
        if shape.type_name == "string" and enum and "{" not in str(value) and str(value) not in enum:
            raise Wrong(f"{name}: {value} is none of its values")
        most, least = shape.metadata.get("max"), shape.metadata.get("min")
        if shape.type_name in ("integer", "long") and str(value).isdigit():
            if (most is not None and int(value) > most) or (least is not None and int(value) < least):
                raise Wrong(f"{name}: {value} is out of its range")

    # How it goes on.

    def paged(self, call):
        op = self.operation(call)
        page = call.get("page")
        name = self.service.get("botocore", self.service["name"])
        out = op.output_shape
        if page is None:
            given = {n.lower() for n in (op.input_shape.members if op.input_shape else ())}
            both = {n.lower() for n in out.members} & given & CONTINUES if out else set()
            taken_first = "take" in call and not call["take"].endswith("[]")
            if both and not taken_first and "batch" not in call and "items" in call:
                raise Wrong(f"{op.name} goes on by {sorted(both)}, and the row does not")
            return
        tokens = page["token"] if isinstance(page["token"], list) else [page["token"]]
        froms = page["from"] if isinstance(page["from"], list) else [page["from"]]
        written = {}
        for member, shape in op.input_shape.members.items():
            written[self.flat_name(member, shape) if self.protocol in ("query", "ec2") else shape.serialization.get("name", member)] = member
        for token in tokens:
            if token not in written:
                raise Wrong(f"{op.name} takes no {token}")
        leads = [walk(out, path, self.wire) for path in froms]
        if any(shape.type_name not in ("string", "integer") for shape in leads):
            raise Wrong(f"{op.name}: {froms} is no text")
        if "more" in page and walk(out, page["more"], self.wire).type_name != "boolean":
            raise Wrong(f"{op.name}: {page['more']} is no boolean")
        paginators = PAGINATORS.setdefault(name, loader_pages(name))
        model = paginators.get(op.name)
        if not model:
            return
        as_list = lambda v: v if isinstance(v, list) else [v]
        if [written[t] for t in tokens] != as_list(model["input_token"]) and froms != ["NextToken"]:
            raise Wrong(f"{op.name}: botocore continues by {model['input_token']}, the row by {tokens}")
        plain = [o for o in as_list(model["output_token"]) if re.fullmatch(r"[A-Za-z.]+", o)]
        ends = [walk(out, o, False) for o in plain]
        if len(plain) == len(froms) and froms != ["NextToken"] and [id(s) for s in ends] != [id(s) for s in leads] \
                and [s.name for s in ends] != [s.name for s in leads]:
            raise Wrong(f"{op.name}: botocore's token is {plain}, the row's {froms}")

    # What comes of it.

    def codes(self, call):
        """Codes of errors are the model's; those of EC2 and S3 are in no model."""
        if self.service["name"] in ("ec2", "s3"):
            return
        known = {"AWS.SimpleQueueService.NonExistentQueue"}
        for name in self.model.shape_names:
            shape = self.model.shape_for(name)
            if shape.type_name == "structure" and shape.metadata.get("exception"):
                known |= {name, shape.error_code}
        unknown = set(call.get("absent", []) + call.get("gone", [])) - known
        if unknown:
            raise Wrong(f"{call['op']}: no such errors: {sorted(unknown)}")

    def check(self):
        for call in [self.kind["list"], *self.kind.get("read", [])]:
            self.codes(call)
        kind, call = self.kind, self.kind["list"]
        self.sent(call)
        self.paged(call)
        node = walk(self.operation(call).output_shape, call["items"], self.wire)
        if "as" in call:
            if node.type_name != "string":
                raise Wrong(f"{call['items']} are no texts")
            self.item.members[call["as"]] = node
        else:
            self.item.merge(node, self.wire)
        for read in sorted(kind.get("read", []), key=lambda r: not r.get("early", False)):
            self.read(read)
        for name in ("id", "name", "arn"):
            self.text(kind.get(name, ""), name)
        for condition in kind.get("keep", []):
            walk(self.item, condition["path"], self.wire)
            self.text([condition.get(k, "") for k in ("is", "not", "starts", "lacks")], "keep")
            self.values(condition)
        for name in ("decode", "drop", "secret", "sort"):
            for path in kind.get(name, []):
                leads = walk(self.item, path, self.wire)
                if name == "sort" and leads.type_name != "list":
                    raise Wrong(f"sort: {path} is no list")
        self.example(kind["example"]["item"], self.item, "example")
        if "for" in kind:
            self.example(kind["example"]["parent"], self.parents[kind["for"]].item, "example's parent")

    def values(self, condition):
        """What a condition names is a value that the model knows, if it knows them."""
        leads = walk(self.item, condition["path"], self.wire)
        enum = getattr(leads, "enum", None)
        for value in [*condition.get("is", []), *condition.get("not", [])]:
            if enum and value and "{" not in value and value.lower() not in {e.lower() for e in enum}:
                raise Wrong(f"keep: {condition['path']} is never {value}")

    def read(self, read):
        more = ()
        op = self.operation(read)
        if "batch" in read:
            name = read["param"].removesuffix(".member")
            found = {n: s for n, s in op.input_shape.members.items() if s.serialization.get("name", n) == name}
            if not found:
                raise Wrong(f"{op.name} takes no {name}")
            (name, shape), = found.items()
            if shape.type_name != "list" or read["batch"] > shape.metadata.get("max", 1000):
                raise Wrong(f"{op.name}: {name} takes no {read['batch']}")
            more = (name,)
        self.sent(read, more)
        self.paged(read)
        node = walk(op.output_shape, read.get("take", ""), self.wire)
        if "batch" in read:
            walk(node, read["match"], self.wire)
        for name in ("unless", ):
            if name in read:
                walk(self.item, read[name], self.wire)
        if "when" in read:
            walk(self.item, read["when"]["path"], self.wire)
            self.values(read["when"])
        if "into" not in read:
            self.item.merge(node, self.wire)
        elif read.get("take", "").endswith("[]") and "batch" not in read:
            # All pages together: the list that the path goes through.
            self.item.members[read["into"]] = walk(op.output_shape, read["take"].removesuffix("[]"), self.wire)
        else:
            self.item.members[read["into"]] = node

    def example(self, value, node, where):
        for key, inner in value.items():
            leads = step(node, key, self.wire)
            if isinstance(inner, dict):
                self.example(inner, leads, where)


def loader_pages(name):
    try:
        return SESSION.get_component("data_loader").load_service_model(name, "paginators-1")["pagination"]
    except Exception:  # A service without lists has no such file.
        return {}


def header(service, model, name):
    """Protocol, version, target and hosts."""
    meta = model.metadata
    protocols = [*meta.get("protocols", []), meta["protocol"]]
    wanted = service["protocol"]
    if wanted not in KNOWN or wanted.split("-1.")[0] not in protocols or (wanted.startswith("json-") and wanted != "json-" + meta["jsonVersion"]):
        raise Wrong(f"protocol: botocore has {protocols}")
    if wanted in ("query", "ec2") and service.get("version") != meta["apiVersion"]:
        raise Wrong(f"version: botocore has {meta['apiVersion']}")
    if wanted.startswith("json-") and service.get("target") != meta["targetPrefix"]:
        raise Wrong(f"target: botocore has {meta['targetPrefix']}")
    if service.get("signing", service["endpoint"]) != meta.get("signingName", meta["endpointPrefix"]):
        raise Wrong(f"signing: botocore has {meta.get('signingName', meta['endpointPrefix'])}")
    suffixes = {"aws": "amazonaws.com", "aws-cn": "amazonaws.com.cn", "aws-us-gov": "amazonaws.com"}
    regional = {"aws": ["us-east-1", "eu-west-1", "ap-southeast-2"], "aws-cn": ["cn-north-1"], "aws-us-gov": ["us-gov-west-1"]}
    for partition, regions in regional.items():
        if "global" in service:
            regions = [service["global"][partition]] if partition in service["global"] else []
        if partition not in SESSION.get_available_partitions() or not regions:
            continue
        known = SESSION.get_available_regions(name, partition, allow_non_regional=True)
        if partition != "aws" and not known:
            continue
        for region in regions:
            client = SESSION.create_client(name, region_name=region, aws_access_key_id="a", aws_secret_access_key="b")
            host = client.meta.endpoint_url.split("://")[1]
            own = service.get("hosts", {}).get(partition, f"{service['endpoint']}.{{region}}.{{suffix}}")
            own = own.replace("{region}", region).replace("{suffix}", suffixes[partition])
            if host != own and (name, region) != ("s3", "us-east-1"):  # S3 answers there under its regional name, too.
                raise Wrong(f"host in {region}: botocore has {host}, the row {own}")


def form(value):
    """The form of an id: for ARNs service and kind of resource, otherwise its separators and a leading word like vpc-."""
    if value.startswith("arn:"):
        parts = value.split(":", 5)
        rest = parts[5] if len(parts) > 5 else ""
        # What SNS has begins with its own name, and not with its kind.
        return "arn", parts[2], "".join(re.findall("[/:]", rest)) if parts[2] == "sns" else re.split("[/:]", rest)[0]
    if value.startswith("https://"):
        return ("url",)
    lead = re.match(r"[a-z]+(?:-[a-z]+)*-(?=[0-9a-f]{6,})", value)
    inner = value[lead.end():] if lead else value
    inner = re.sub(r"arn:[^,#|]*", "arn", inner)
    return lead.group(0) if lead else "", "".join(re.findall(r"[/:|,#]", inner.lstrip("/")))


def ids(rows):
    """The rows' ids against aws/import-ids.tsv: token, the documented forms, and a reason where the row's id has another one."""
    wrong, documented = [], {}
    for line in (DATA / "import-ids.tsv").read_text().splitlines():
        if line and not line.startswith("#"):
            token, forms, why = (line.split("\t") + ["", ""])[:3]
            documented[token] = (forms.split(" "), why)
    for token, example in rows.items():
        if token not in documented:
            wrong.append(f"{token}: not in import-ids.tsv")
            continue
        forms, why = documented[token]
        fits = form(example) in [form(f) for f in forms]
        if fits == bool(why):
            wrong.append(f"{token}: {example} against {forms}" + (": its exception is no longer needed" if fits else ""))
    wrong += [f"{token}: in import-ids.tsv, and no row" for token in documented if token not in rows]
    return wrong


def actions(table):
    """Actions that exist: those of the schemas' handlers, and those of actions.txt."""
    by_hand = [a for a in (DATA / "actions.txt").read_text().splitlines() if a and not a.startswith("#")]
    return {a.lower() for entry in table.values() for a in entry["actions"]} | {a.lower() for a in by_hand}


PAGINATORS, SESSION = {}, botocore.session.get_session()


def main():
    wrong, count, seen, examples = [], 0, set(), {}
    table = {}
    for line in (DATA / "cloudcontrol.jsonl").read_text().splitlines():
        entry = json.loads(line)
        table[entry["type"]] = entry
    allowed = actions(table)
    for path in sorted((DATA / "native").glob("*.toml")):
        catalogue = tomllib.loads(path.read_text())
        service = catalogue["service"]
        name = service.get("botocore", service["name"])
        model = SESSION.get_service_model(name)
        parents = {}
        try:
            if service["name"] != path.stem:
                raise Wrong("its name is not the file's")
            header(service, model, name)
        except Wrong as why:
            wrong.append(f"{path.name}: {why}")
        for kind in catalogue["type"]:
            row = Row(model, service, kind, parents)
            try:
                row.check()
                if kind["token"] in seen:
                    raise Wrong("named twice")
                if "cfn" in kind and kind["cfn"] not in table:
                    raise Wrong(f"{kind['cfn']} is no type of the schemas")
                for call in [kind["list"], *kind.get("read", [])]:
                    for action in call["action"] if isinstance(call["action"], list) else [call["action"]]:
                        if action.lower() not in allowed:
                            raise Wrong(f"{action} is in no handler of the schemas and not in actions.txt")
            except Wrong as why:
                wrong.append(f"{path.name}: {kind['token']}: {why}")
            seen.add(kind["token"])
            parents[kind["token"]] = row
            if not kind.get("internal"):
                examples[kind["token"]] = kind["example"]["id"]
                count += 1
    wrong += ids(examples)
    for line in wrong:
        print(line)
    print(f"{count} types, {len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
