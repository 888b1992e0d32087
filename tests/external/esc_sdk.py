"""The official Python client for environments: every method of its EscClient, against a real server.

Takes the server's address, a token. Says which methods were called, as JSON.
"""

import inspect
import json
import sys

import pulumi_esc_sdk as esc
from pulumi_esc_sdk.exceptions import ApiException

URL, TOKEN = sys.argv[1:3]
ORG, PROJECT, NAME = "pulumi", "python", "main"
AT = (ORG, PROJECT, NAME)
SECRET = "python-planted-secret"
TEXT = f"""# kept
imports:
  - python/base
values:
  list: [1, two, {{x: 1.5}}]
  nothing: null
  second: ${{list[1]}}
  password:
    fn::secret: {SECRET} # why
  environmentVariables:
    FIRST: ${{base}}
  pulumiConfig:
    aws:region: eu-west-1
  files:
    CERT: ${{password}}
"""
called = set()


class Watched(esc.EscClient):
    """Notes what is called."""

    def __getattribute__(self, name):
        found = super().__getattribute__(name)
        if inspect.ismethod(found):
            called.add(name)
        return found


client = Watched(esc.Configuration(host=URL, access_token=TOKEN))


def refused(status, call, *args):
    try:
        call(*args)
    except ApiException as error:
        assert error.status == status, error
        return json.loads(error.body)["message"]
    raise SystemExit(f"{call.__name__} should answer {status}")


def definition(**values):
    return esc.EnvironmentDefinition(values=esc.EnvironmentDefinitionValues(additional_properties=values))


def definitions():
    for name in ("base", NAME):
        client.create_environment(ORG, PROJECT, name)
    refused(409, client.create_environment, *AT)
    client.update_environment(ORG, PROJECT, "base", definition(base="from below"))
    opened, values, _ = client.open_and_read_environment(*AT)
    assert (opened.properties, opened.execution_context, values) == (None, None, None), opened
    assert client.update_environment_yaml(*AT, TEXT).diagnostics is None
    _, stored = client.get_environment(*AT)
    stored = stored.decode()
    assert stored.startswith("# kept\n") and "# why" in stored and SECRET not in stored, stored
    clear, text = client.decrypt_environment(*AT)
    assert text == TEXT, text
    assert clear.values.additional_properties["password"] == {"fn::secret": SECRET}
    # What was read can be written again: ciphertexts stay what they are.
    client.update_environment_yaml(*AT, stored)
    first, _ = client.get_environment_at_version(*AT, "1")
    assert first.imports is None and first.values is None, first
    listed = client.list_environments(ORG).environments
    assert {(e.project, e.name) for e in listed} >= {(PROJECT, NAME), (PROJECT, "base")}, listed


def values():
    session = client.open_environment(*AT).id
    environment, opened, raw = client.read_open_environment(*AT, session)
    assert opened["password"] == SECRET and opened["list"] == [1, "two", {"x": 1.5}] and opened["nothing"] is None
    assert opened["second"] == "two" and opened["base"] == "from below", opened
    assert environment.properties["password"].secret and "exprs" not in json.loads(raw)
    assert opened["environmentVariables"] == {"FIRST": "from below"} and opened["files"] == {"CERT": SECRET}
    assert opened["pulumiConfig"] == {"aws:region": "eu-west-1"}, opened
    for path, expected in [("password", SECRET), ("list[2].x", 1.5), ('pulumiConfig["aws:region"]', "eu-west-1")]:
        value, read = client.read_open_environment_property(*AT, session, path)
        assert (value.value, read) == (expected, expected), (path, value, read)
    refused(404, client.read_open_environment_property, *AT, session, "no.such")
    refused(404, client.read_open_environment, ORG, PROJECT, "base", session)
    session = client.open_environment_at_version(*AT, "1").id
    assert client.read_open_environment(*AT, session)[1] is None


def checks():
    good = client.check_environment_yaml(ORG, "values:\n  a: 1\n  b: x-${a}\n")
    assert good.diagnostics is None and good.properties["b"].value == "x-1", good
    bad = client.check_environment_yaml(ORG, "values:\n  a: ${nope}\n")
    assert [(d.summary, d.path, d.range.environment) for d in bad.diagnostics] == [
        ('unknown property "nope"', "values.a", "<yaml>")
    ], bad
    assert client.check_environment(ORG, definition(a=1)).diagnostics is None
    message = refused(400, client.update_environment_yaml, *AT, "values:\n  a: ${nope}\n")
    assert message, message


def revisions():
    every = client.list_environment_revisions(*AT)
    assert [r.number for r in every] == [3, 2, 1], every
    assert [r.number for r in client.list_environment_revisions(*AT, before=3, count=1)] == [2]
    client.create_environment_revision_tag(*AT, "alpha", 2)
    names = lambda **page: [(t.name, t.revision) for t in client.list_environment_revision_tags(*AT, **page).tags]
    assert names() == [("latest", 3), ("alpha", 2)], names()
    # From page to page by the last name, until there is nothing.
    assert [names(after=after, count=1) for after in (None, "latest", "alpha")] == [[("latest", 3)], [("alpha", 2)], []]
    client.update_environment_revision_tag(*AT, "alpha", 1)
    assert client.get_environment_revision_tag(*AT, "alpha").revision == 1
    assert client.open_and_read_environment_at_version(*AT, "alpha")[1] is None
    client.delete_environment_revision_tag(*AT, "alpha")
    refused(404, client.get_environment_revision_tag, *AT, "alpha")
    refused(400, client.delete_environment_revision_tag, *AT, "latest")


def tags():
    client.create_environment_tag(*AT, "owner", "ops")
    refused(409, client.create_environment_tag, *AT, "owner", "ops")
    assert client.list_environment_tags(*AT).tags["owner"].value == "ops"
    client.update_environment_tag(*AT, "owner", "ops", "team", "web")
    assert client.get_environment_tag(*AT, "team").value == "web"
    client.delete_environment_tag(*AT, "team")
    assert client.list_environment_tags(*AT).tags == {}


def copies():
    client.clone_environment(*AT, PROJECT, "copy")
    client.clone_environment(*AT, "twins", NAME, {"preserve_history": True, "preserve_access": True})
    assert len(client.list_environment_revisions(ORG, PROJECT, "copy")) == 1
    assert len(client.list_environment_revisions(ORG, "twins", NAME)) == 3
    assert client.open_and_read_environment(ORG, "twins", NAME)[1]["password"] == SECRET
    for project, name in ((PROJECT, "copy"), ("twins", NAME), (PROJECT, NAME)):
        client.delete_environment(ORG, project, name)
    refused(404, client.get_environment, *AT)


for step in (definitions, values, checks, revisions, tags, copies):
    step()
methods = {name for name, _ in inspect.getmembers(esc.EscClient, inspect.isfunction) if not name.startswith("_")}
assert called >= methods, methods - called
print(json.dumps(sorted(methods)))
