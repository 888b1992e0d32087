"""Writes aws/import-ids.tsv: for each type of aws/native/*.toml the forms of the ids that `pulumi import` takes.

Takes: nothing (PyPI pulumi-aws must be installed: its examples of imports are read, as facts). A line is: token, the documented examples
with a blank between them, and why our id has another form. The last column is written by hand and kept; so are the examples of types of
which the package has none.
"""

import importlib.util
import pathlib
import re
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
EXAMPLE = re.compile(r"pulumi import (aws:\w+/\w+:\w+) \S+ (.+)")


def documented():
    found = {}
    for path in sorted(pathlib.Path(importlib.util.find_spec("pulumi_aws").origin).parent.rglob("*.py")):
        for token, example in EXAMPLE.findall(path.read_text()):
            example = example.strip().strip("'\"`")
            if example and " " not in example:
                found.setdefault(token, set()).add(example)
    return found


def main():
    target, kept = HERE / "aws" / "import-ids.tsv", {}
    if target.exists():
        for line in target.read_text().splitlines():
            if line and not line.startswith("#"):
                token, forms, why = (line.split("\t") + ["", ""])[:3]
                kept[token] = (forms, why)
    tokens = set()
    for path in (HERE / "aws" / "native").glob("*.toml"):
        tokens |= {t["token"] for t in tomllib.loads(path.read_text())["type"] if not t.get("internal")}
    known = documented()
    lines = ["# Token, documented import ids, why ours has another form. Written by import_ids.py; the last column by hand."]
    for token in sorted(tokens):
        forms, why = kept.get(token, ("", ""))
        forms = " ".join(sorted(known[token])[:4]) if token in known else forms
        lines.append("\t".join([token, forms, why]).rstrip("\t"))
        if not forms and not why:
            print(f"no documented id: {token}")
    target.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
