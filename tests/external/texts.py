"""Reads exports of the audit log with parsers that none of us wrote, and compares every field with the pages.

    texts.py URL TOKEN DIRECTORY

Python's `csv` (strict) for CSV, `gzip` for the stream, `cefp` for CEF, and `pycef` where its known defects allow. Leaves
`v1.csv`, `v2.csv`, `all.csv`, `safe.csv` and `expected.json` (what each CSV must hold, as records) in DIRECTORY, for other
readers. The log must not change meanwhile but for this script's own reading of it, which is cut off by the time range.
"""

import csv
import gzip
import io
import json
import pathlib
import sys
import time
import urllib.request
import zlib
from datetime import datetime, timezone

import cefp
import pycef

URL, TOKEN, DIRECTORY = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
LOG = "/api/orgs/pulumi/auditlogs"
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
FLAGS = ("RequireOrgAdmin", "RequireStackAdmin", "AuthenticationFailure")
V1 = ["Timestamp", "Name", "Login", "Event", "Description", "SourceIP", *FLAGS]
V2 = ["Timestamp", "Name", "Login", "Event", "Description", "SourceIP", "TokenID", "TokenName", *FLAGS]


def get(path):
    request = urllib.request.Request(URL + path, headers={"Authorization": f"token {TOKEN}"})
    with OPENER.open(request, timeout=60) as reply:
        return reply.headers, reply.read()


def export(query, version="v2/"):
    """The text of an export, which is exactly one gzip member."""
    headers, raw = get(f"{LOG}/{version}export?{query}")
    assert headers["Content-Encoding"] == "gzip" and "json" not in (headers["Content-Type"] or ""), headers
    whole = gzip.decompress(raw)
    member = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    assert member.decompress(raw) + member.flush() == whole and member.eof and not member.unused_data
    return whole.decode("utf-8")


def pages(end):
    """Every event before this second, by pages, newest first."""
    events, token = [], ""
    while True:
        page = json.loads(get(f"{LOG}/v2?endTime={end}&pageSize=100{token}")[1])
        events += page["auditLogEvents"]
        if "continuationToken" not in page:
            return events
        token = f"&continuationToken={page['continuationToken']}"


def instant(event):
    return datetime.fromtimestamp(event["timestamp"], timezone.utc)


def record(event, columns, cell=lambda text: text):
    """What a CSV must say of an event."""
    said = {
        "Timestamp": instant(event).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "Name": cell(event["user"]["name"]),
        "Login": event["user"]["githubLogin"],
        "Event": NAMES[event["event"]],
        "Description": cell(event["description"]),
        "SourceIP": event["sourceIP"],
        "TokenID": event.get("tokenID", ""),
        "TokenName": cell(event.get("tokenName", "")),
    }
    for column, flag in zip(FLAGS, ("reqOrgAdmin", "reqStackAdmin", "authFailure")):
        said[column] = str(event.get(flag, False)).lower()
    return [said[column] for column in columns]


def defused(text):
    """What `cells=safe` makes of a cell that a spreadsheet would take for a formula."""
    return "'" + text if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def check_csv(end, events):
    v1 = export(f"startTime={end}", version="")
    files = {"v1.csv": v1, "v2.csv": export(f"endTime={end}"), "safe.csv": export(f"endTime={end}&cells=safe")}
    expected = {
        "v1.csv": [V1] + [record(e, V1) for e in events],
        "v2.csv": [V2] + [record(e, V2) for e in events],
        "safe.csv": [V2] + [record(e, V2, defused) for e in events],
    }
    for name, text in files.items():
        # Lines end with LF, and texts are recorded with LF: Go's reader would change a CRLF inside of quotes.
        assert "\r" not in text, name
        records = list(csv.reader(io.StringIO(text, newline=""), strict=True))
        same(records, expected[name], name)
        (DIRECTORY / name).write_text(text, newline="")
    files["all.csv"] = export(f"endTime={end}&columns=all")
    (DIRECTORY / "all.csv").write_text(files["all.csv"], newline="")
    every = list(csv.reader(io.StringIO(files["all.csv"], newline=""), strict=True))
    same([row[: len(V2)] for row in every], expected["v2.csv"], "all.csv")
    assert [int(r["Sequence"]) for r in csv.DictReader(io.StringIO(files["all.csv"], newline=""), strict=True)] == list(
        range(len(events), 0, -1)
    )
    expected["all.csv"] = every
    (DIRECTORY / "expected.json").write_text(json.dumps(expected))
    return every


def not_vacuous(events):
    """The log really holds everything that is hard, so that reading it proves something."""
    texts = {
        "description": [e["description"] for e in events],
        "name": [e["user"]["name"] for e in events],
        "tokenName": [e.get("tokenName", "") for e in events],
    }
    for where, hard in texts.items():
        for mark in ("\"", ",", "\n", "|", "=", "\\", "\t", "🦀", "ש", "\u202e"):
            assert any(mark in text for text in hard), f"no {mark!r} in any {where}"
        assert where == "description" or any(text.startswith(("=", "@", "\t")) for text in hard), where
    assert any(len(text) > 512 for text in texts["description"]), "no description is too long for a CEF name"
    assert any(":" in e["sourceIP"] for e in events), "no IPv6 address"


def same(left, right, name):
    assert len(left) == len(right), f"{name}: {len(left)} records instead of {len(right)}"
    for at, (is_, should) in enumerate(zip(left, right)):
        assert is_ == should, f"{name}, record {at}: {is_} instead of {should}"


def header_text(text):
    """Header fields have no escape for control characters: they become spaces."""
    return "".join(" " if ord(c) < 32 or 127 <= ord(c) < 160 else c for c in text)


def check_cef(end, events, every):
    lines = export(f"endTime={end}&format=cef").split("\n")
    assert lines.pop() == "" and len(lines) == len(events), f"{len(lines)} lines for {len(events)} events"
    rows = [dict(zip(every[0], row)) for row in every[1:]]
    orgs, spared = set(), 0
    for line, event, row in zip(lines, events, rows):
        prefix, found, rest = line.partition(" CEF:")
        assert found and prefix.startswith(instant(event).strftime("%b %d %H:%M:%S ")), line
        host = prefix.split(" ")[3]
        parsed = cefp.parse("CEF:" + rest)
        description = event["description"]
        short = description if len(description) <= 512 else description[:511] + "…"
        assert parsed["version"] == "0" and parsed["severity"] == "0", line
        device = {"vendor": "Pulumi", "product": "Pulumi Service", "version": "1.0", "event_class_id": NAMES[event["event"]]}
        assert parsed["device"] == device, line
        assert parsed["name"] == header_text(short), (parsed["name"], header_text(short))
        extension = {
            "authenticationFailure": row["AuthenticationFailure"],
            "dvchost": host,
            "requireOrgAdmin": row["RequireOrgAdmin"],
            "requireStackAdmin": row["RequireStackAdmin"],
            "src": event["sourceIP"],
            "suser": event["user"]["githubLogin"],
            "tokenID": event.get("tokenID", ""),
            "tokenName": event.get("tokenName", ""),
            "userID": row["UserID"],
        }
        if short != description:
            extension["msg"] = description
        if ":" in event["sourceIP"]:
            extension |= {"c6a2": extension.pop("src"), "c6a2Label": "Source IPv6 Address"}
        orgs.add(parsed["extension"].pop("orgID"))
        rt = int(parsed["extension"].pop("rt"))
        assert rt == int(datetime.fromisoformat(row["Time"].replace("Z", "+00:00")).timestamp() * 1000 + 0.0005), line
        assert parsed["extension"] == extension, (parsed["extension"], extension)
        keys = [pair.split("=")[0] for pair in rest.rsplit("|0|", 1)[1].split(" ") if "=" in pair]
        assert sorted(keys) == keys or "=" in "".join(extension.values()), line
        spared += check_pycef(line, event)
    assert len(orgs) == 1 and all(len(org) == 36 for org in orgs), orgs
    print(json.dumps({"cef": len(lines), "pycef": spared}))
    assert spared >= 3


def check_pycef(line, event):
    """That parser fails for `=`, `|` and a backslash in the header, and keeps escapes in values (audit.md §6)."""
    if set(event["description"]) & set("=|\\"):
        return 0
    parsed = pycef.parse(line)
    assert parsed["DeviceEventClassID"] == NAMES[event["event"]], parsed
    assert parsed["Name"] == header_text(event["description"]), parsed
    assert parsed["suser"] == event["user"]["githubLogin"] and parsed["Severity"] == "0", parsed
    return 1


NAMES = {t["event"]: t["displayName"] for t in json.loads(get(f"{LOG}/event-types")[1])["eventTypes"]}
# Everything up to the end of this second; what this script reads is recorded later.
END = int(time.time()) + 1
while time.time() < END + 0.2:
    time.sleep(0.05)
EVENTS = pages(END)
not_vacuous(EVENTS)
EVERY = check_csv(END, EVENTS)
check_cef(END, EVENTS, EVERY)
print(json.dumps({"events": len(EVENTS), "end": END}))
