"""The operations on environments, with the official SDK; where it cannot read an answer, without it."""

import json

from pulumi_cloud_sdk import apis, models
from sdk_client import ORG, Client, TOKEN, fetch, own, refused

BASE = f"/api/esc/environments/{ORG}"
SECRET = "planted-secret"
TEXT = f"""values:
  greeting: hello
  password:
    fn::secret: {SECRET}
  environmentVariables:
    GREETING: ${{greeting}} world
"""

api = apis.EnvironmentsApi(Client(TOKEN))
AT = (ORG, "web", "prod")
PATH = f"{BASE}/web/prod"


def texts():
    """What is created, written and read. The SDK quotes YAML as JSON and reads it as JSON: these are not for it."""
    api.create_environment_esc_environments(ORG, models.CreateEnvironmentRequest(project="web", name="prod"))
    refused(409, api.create_environment_esc_environments, ORG, models.CreateEnvironmentRequest(project="web", name="prod"))
    own("UpdateEnvironment_esc_environments", PATH, TEXT, method="PATCH")
    sealed = own("ReadEnvironment_esc_environments", PATH)
    assert "ciphertext" in sealed and SECRET not in sealed, sealed
    assert SECRET in own("DecryptEnvironment_esc_environments", f"{PATH}/decrypt")
    assert own("ReadEnvironment_esc_environments_versions", f"{PATH}/versions/2") == sealed
    assert SECRET in own("DecryptEnvironment_esc_environments_versions", f"{PATH}/versions/2/decrypt")
    api.head_environment_esc_environments(*AT)
    assert fetch("HEAD", PATH)[1]["Pulumi-ESC-Revision"] == "2"
    refused(404, api.get_environment_metadata_esc_environments, ORG, "web", "nowhere")
    names = lambda found: [(e.project, e.name) for e in found.environments]
    assert ("web", "prod") in names(api.list_environments_esc())
    assert ("web", "prod") in names(api.list_org_environments_esc(ORG))
    assert api.get_environment_metadata_esc_environments(*AT) is not None


def evaluation():
    # Without secrets their values are null, which the SDK takes for a mistake.
    assert SECRET not in json.dumps(own("CheckEnvironment_esc_environments", f"{PATH}/check", method="POST"))
    assert api.check_environment_esc_environments(*AT, show_secrets=True).properties
    assert api.check_environment_esc_environments_versions(*AT, "2", show_secrets=True).properties
    assert api.check_yaml_esc(ORG, "values:\n  a: 1\n").properties
    session = api.open_environment_esc_environments(*AT, duration="1h").id
    opened = api.read_open_environment_esc_environments(*AT, session)
    assert SECRET in json.dumps(opened) and "hello world" in json.dumps(opened), opened
    alias = own("ReadOpenEnvironmentAlias", f"{PATH}/open//{session}?property=greeting")
    assert alias["value"] == "hello", alias
    assert api.open_environment_esc_environments_versions(*AT, "2").id
    # The SDK has no place for the text that is to be opened.
    session = own("OpenYAML_esc", f"{BASE}/yaml/open", "imports: [web/prod]\nvalues: {own: 1}\n")["id"]
    assert "hello world" in json.dumps(api.read_anonymous_open_environment_esc(ORG, session))
    refused(404, api.read_open_environment_esc_environments, *AT, "nosuch")
    sealed = api.encrypt_environment_secrets(*AT, models.EncryptEnvironmentSecretsRequest(plaintexts=[SECRET])).ciphertexts
    clear = api.decrypt_environment_secrets(*AT, models.DecryptEnvironmentSecretsRequest(ciphertexts=sealed)).plaintexts
    assert clear == [SECRET] != sealed


def tags():
    made = api.create_environment_tag_esc_environments(*AT, models.CreateEnvironmentTagRequest(name="stage", value="a"))
    assert (made.name, made.value, made.editor_login) == ("stage", "a", "admin")
    change = {"currentTag": {"value": "a"}, "newTag": {"value": "b"}}
    assert api.update_environment_tag_esc_environments(*AT, "stage", change).value == "b"
    assert api.get_environment_tag_esc_environments(*AT, "stage").value == "b"
    assert api.list_environment_tags_esc_environments(*AT).tags["stage"].value == "b"
    assert api.list_all_environment_tags_esc(ORG) == {"stage": ["b"]}
    api.delete_environment_tag_esc_environments(*AT, "stage")
    refused(404, api.get_environment_tag_esc_environments, *AT, "stage")


def revisions():
    every = api.list_environment_revisions_esc_environments(*AT)
    assert [r.number for r in every] == [2, 1], every
    request = models.CreateEnvironmentRevisionTagRequest(name="live", revision=1)
    api.create_revision_tag_esc_environments_versions_tags(*AT, request)
    api.update_revision_tag_esc_environments(*AT, "live", models.UpdateEnvironmentRevisionTagRequest(revision=2))
    assert api.read_revision_tag_esc_environments(*AT, "live").revision == 2
    assert "live" in [t.name for t in api.list_revision_tags_esc_environments_versions(*AT).tags]
    assert "live" in [t.name for t in api.list_revision_tags_esc_environments_versions2(*AT, "2").tags]
    api.delete_revision_tag_esc_environments(*AT, "live")
    refused(404, api.read_revision_tag_esc_environments, *AT, "live")
    api.create_environment_esc_environments(ORG, models.CreateEnvironmentRequest(project="web", name="user"))
    own("UpdateEnvironment_esc_environments", f"{BASE}/web/user", "imports: [web/prod]\nvalues: {}\n", method="PATCH")
    # Who refers to it is a list of one of several shapes, which the SDK does not keep whole.
    referrers = own("ListEnvironmentReferrers_esc_environments", f"{PATH}/referrers")
    assert "user" in json.dumps(referrers), referrers
    own("ListEnvironmentReferrers_esc_environments_versions", f"{PATH}/versions/2/referrers")
    own("UpdateEnvironment_esc_environments", PATH, "values: {a: 2}\n", method="PATCH")
    # Which sends the revision 0 as its replacement: none is named.
    request = models.RetractEnvironmentRevisionRequest(reason="a walk")
    api.retract_environment_revision_esc_environments(*AT, "2", request)
    assert [r.number for r in api.list_environment_revisions_esc_environments(*AT) if r.retracted] == [2]


def copies():
    def copy(name, **what):
        api.clone_environment(*AT, models.CloneEnvironmentRequest(name=name, **what))

    copy("twin", preserve_history=True, preserve_environment_tags=True, preserve_revision_tags=True)
    copy("copy")
    refused(409, copy, "copy")
    count = lambda name: len(api.list_environment_revisions_esc_environments(ORG, "web", name))
    assert (count("copy"), count("twin")) == (1, count("prod")), (count("copy"), count("twin"))
    before = api.reassign_environment_ownership(
        ORG, "web", "twin", models.UserInfo(github_login="admin", name="", avatar_url="")
    )
    assert before.github_login == "admin", before
    api.delete_environment_esc_environments(ORG, "web", "twin")
    gone = api.list_deleted_environments(ORG).environments
    assert [(e.project, e.name) for e in gone] == [("web", "twin")], gone
    sent = next(e for e in own("ListDeletedEnvironments", f"{BASE}/restore")["environments"])["deletedAt"]
    request = models.RestoreEnvironmentRequest(project="web", name="twin", deletion_timestamp=sent)
    api.restore_environment(ORG, request)
    refused(404, api.restore_environment, ORG, request)
    assert count("twin") == count("prod")
    for name in ("twin", "copy"):
        api.delete_environment_esc_environments(ORG, "web", name)
    fields = api.get_context_schema().schema.properties
    assert set(fields) == {"currentEnvironment", "pulumi", "rootEnvironment"}, fields


def older_addresses():
    at = (ORG, "old")
    api.create_environment_preview_environments(*at, models.CreateEnvironmentRequest(project="default", name="old"))
    api.create_revision_tag_preview_environments_versions_tags(*at, "live", {"revision": 1})
    assert api.read_revision_tag_esc_environments(ORG, "default", "old", "live").revision == 1
    api.delete_environment_esc_environments(ORG, "default", "old")


def rotation():
    at = (ORG, "web", "rotated")
    path = f"{BASE}/web/rotated"
    api.create_environment_esc_environments(ORG, models.CreateEnvironmentRequest(project="web", name="rotated"))
    text = "values:\n  pw:\n    fn::rotate::password:\n      inputs: {length: 20}\n"
    own("UpdateEnvironment_esc_environments", path, text, method="PATCH")
    done = api.rotate_environment(*at, models.RotateEnvironmentRequest(paths=["pw"])).secret_rotation_event
    assert (done.status, done.pre_rotation_revision, done.post_rotation_revision) == ("succeeded", 2, 3), done
    history = api.list_environment_secret_rotation_history(*at).events
    assert [(e.id, [r.environment_path for r in e.rotations]) for e in history] == [(done.id, ["pw"])], history
    # A schedule names one of two times; the SDK sends the other one as null.
    request = {"scheduleCron": "0 3 * * *", "secretRotationRequest": {"environmentPath": ""}}
    made = api.create_environment_schedule(*at, request)
    assert (made.schedule_cron, made.paused, made.kind) == ("0 3 * * *", False, "environment_rotation"), made
    assert [s.id for s in api.list_environment_schedule(*at).schedules] == [made.id]
    api.update_environment_schedule(*at, made.id, {"scheduleCron": "0 4 * * *"})
    assert api.read_environment_schedule(*at, made.id).schedule_cron == "0 4 * * *"
    api.pause_environment_schedule(*at, made.id)
    assert api.read_environment_schedule(*at, made.id).paused
    api.resume_environment_schedule(*at, made.id)
    assert api.list_environment_schedule_history(*at, made.id).schedule_history_events == []
    api.delete_environment_schedule(*at, made.id)
    refused(404, api.read_environment_schedule, *at, made.id)
    api.delete_environment_esc_environments(*at)


def providers():
    for listed, schema in (
        (api.list_providers_esc, api.get_provider_schema_esc),
        (api.list_providers_preview_environments, api.get_provider_schema_preview_environments),
    ):
        assert {"aws-login", "azure-login", "gcp-login", "oidc"} <= set(listed().providers)
        assert set(schema("aws-login").inputs.properties) == {"oidc", "static"}
        refused(404, schema, "nosuch")
    assert "password" in api.list_rotators().rotators
    assert api.get_rotator_schema("password").name == "password"


def protection():
    api.patch_environment_settings(*AT, models.PatchEnvironmentSettingsRequest(deletion_protected=True))
    assert api.get_environment_settings(*AT).deletion_protected
    refused(409, api.delete_environment_esc_environments, *AT)
    api.patch_environment_settings(*AT, {"deletionProtected": False})
    api.delete_environment_esc_environments(ORG, "web", "user")
    api.delete_environment_esc_environments(*AT)
    refused(404, api.get_environment_metadata_esc_environments, *AT)


def issuer():
    for version, path in (("", "/oidc"), ("V2", "/oidc/v2")):
        keys = own(f"GetIssuerKeys{version}", f"{path}/.well-known/jwks")["keys"]
        assert keys and all("d" not in key for key in keys)
        found = own(f"GetIssuerConfiguration{version}", f"{path}/.well-known/openid-configuration")
        assert found["jwks_uri"].endswith(f"{path}/.well-known/jwks"), found


def master_key():
    keys = own("GetMasterKeys", "/api/admin/keys")
    done = own("RotateMasterKey", "/api/admin/keys/rotate", method="POST")
    assert done["active"] != keys["active"] and not done.get("retiring"), (keys, done)


def walk():
    texts()
    evaluation()
    tags()
    revisions()
    copies()
    older_addresses()
    rotation()
    providers()
    protection()
    issuer()
    master_key()
