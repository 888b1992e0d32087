"""Calls every served operation with the official SDK (PyPI `pulumi-cloud-sdk`) and parses its typed reply.

    sdk_walk.py URL TOKEN

What is served is read from the served description. Operations of ours, which the SDK lacks, go by urllib, and their replies
are checked against the description. One JSON line for each operation; fails for one that was not called successfully, for a
reply that the SDK cannot parse, and for one of which it loses something. The issuer of identity tokens is a small server of
this script's own on 127.0.0.1, which the server under test must be allowed to reach.
"""

import json
import time

import sdk_environments
import sdk_insights
from issuer import Issuer
from pulumi_cloud_sdk import apis, default_encoder, models
from sdk_client import ORG, SERVED, Client, TOKEN, done, own, refused

client = Client(TOKEN)
misc, users, orgs = apis.MiscellaneousApi(client), apis.UsersApi(client), apis.OrganizationsApi(client)


def installation():
    own("GetStatus", "/api/status")
    own("GetReadiness", "/readyz")
    assert misc.capabilities().capabilities is not None
    misc.version()
    assert misc.fetch_rest_specification()["openapi"].startswith("3.")
    for login in ("alice", "bob", "carol"):
        made = own("CreateUser", "/api/admin/users", {"login": login, "name": login.title(), "email": f"{login}@example.com"})
        assert made["githubLogin"] == login
    assert {"admin", "alice", "bob", "carol"} <= {u["githubLogin"] for u in own("ListUsers", "/api/admin/users")["users"]}
    assert own("GetUser", "/api/admin/users/alice")["name"] == "Alice"
    assert own("UpdateUser", "/api/admin/users/alice", {"name": "Alice B."}, method="PATCH")["name"] == "Alice B."
    assert own("CreateUserToken", "/api/admin/users/alice/tokens", {"description": "hers"})["tokenValue"].startswith("pul-")
    own("CreateOrganization", "/api/admin/organizations", {"name": "second", "displayName": "The second", "admin": "admin"})
    assert [o for o in own("ListOrganizations", "/api/admin/organizations")["organizations"] if o["name"] == "second"]
    own("DeleteUser", "/api/admin/users/carol", method="DELETE")
    assert any(e["event"] == "user-created" for e in own("ListSiteAuditLogEvents", "/api/admin/auditlogs")["auditLogEvents"])


def account():
    me = users.get_current_user()
    assert me.github_login == "admin" and me.site_admin and [o.github_login for o in me.organizations]
    users.update_default_organization(ORG)
    assert users.get_default_organization().git_hub_login == ORG
    request = models.CreatePersonalAccessTokenRequest(description="walk", expires=int(time.time()) + 3600)
    made = users.create_personal_token(request, reason="a walk")
    assert Client(made.token_value).call_api("/api/user", "GET", response_type="User").github_login == "admin"
    assert made.id in [t.id for t in users.list_personal_tokens().tokens]
    users.delete_personal_token(made.id)
    assert made.id not in [t.id for t in users.list_personal_tokens().tokens]
    refused(401, apis.UsersApi(Client(made.token_value)).get_current_user)


def organization():
    assert orgs.get_organization(ORG).github_login == ORG
    orgs.get_organization_metadata(ORG)
    # The model's plain booleans are false unless set: only what is named may change.
    changed = orgs.update_organization_settings(ORG, {"setMembersCanCreateTeams": True})
    assert changed.members_can_create_teams
    for login in ("alice", "bob"):
        added = orgs.add_organization_member(ORG, login, models.AddOrganizationMemberRequest(role="member"))
        assert added.user.github_login == login and added.role == "member"
    refused(409, orgs.add_organization_member, ORG, "bob", models.AddOrganizationMemberRequest(role="member"))
    orgs.update_organization_member(ORG, "alice", models.UpdateOrganizationMemberRequest(role="billing-manager"))
    roles = {m.user.github_login: m.role for m in orgs.list_organization_members(ORG, type="backend").members}
    assert roles["alice"] == "billing-manager" and roles["bob"] == "member", roles
    orgs.delete_organization_member(ORG, "bob")
    orgs.add_organization_member(ORG, "bob", models.AddOrganizationMemberRequest(role="member"))
    orgs.add_organization_member("second", "alice", models.AddOrganizationMemberRequest(role="member"))
    orgs.set_sole_organization_admin("second", "alice")
    roles = {m.user.github_login: m.role for m in orgs.list_organization_members("second").members}
    assert roles == {"admin": "member", "alice": "admin"}, roles
    refused(404, orgs.get_organization, "nowhere")


def teams_and_roles():
    request = models.CreatePulumiTeamRequest(name="ops", display_name="Operations", description="Those who run it")
    team = orgs.create_pulumi_team(ORG, request)
    assert team.name == "ops" and team.kind == "pulumi"
    orgs.update_team(ORG, "ops", models.UpdateTeamRequest(member="alice", member_action="add"))
    assert "alice" in [m.github_login for m in orgs.get_team(ORG, "ops").members]
    assert orgs.get_organization_member_teams(ORG, "alice").teams == ["Operations"]
    assert "ops" in [t.name for t in orgs.list_teams(ORG).teams]
    allow = models.PermissionDescriptorAllow(permissions=["team:list", "team:read"])
    role = orgs.create_role(
        ORG, models.PermissionDescriptorBase(name="reader", description="", resource_type="organization", ux_purpose="role", details=allow)
    )
    assert isinstance(role.details, models.PermissionDescriptorAllow), role.details
    assert orgs.list_available_scopes(ORG)
    assert orgs.get_role(ORG, role.id).name == "reader"
    assert orgs.update_role(ORG, role.id, models.UpdateRoleRequest(description="Reads teams")).description == "Reads teams"
    every = orgs.list_roles_by_org_id_and_ux_purpose(ORG, models.PermissionDescriptorUXPurpose.Role).roles
    assert "reader" in [r.name for r in every]
    before = next(r for r in every if r.is_org_default)
    orgs.update_organization_default_role(ORG, role.id)
    orgs.update_organization_default_role(ORG, before.id)
    orgs.enable_team_roles(ORG, "ops")
    orgs.update_team_roles(ORG, "ops", role.id)
    assert [t.name for t in orgs.list_teams_with_role(ORG, role.id).teams] == ["ops"]
    assert role.id in [r.id for r in orgs.list_team_roles(ORG, "ops").roles]
    orgs.update_organization_member(ORG, "bob", models.UpdateOrganizationMemberRequest(fga_role_id=role.id))
    assert "bob" in json.dumps(default_encoder.sanitize_for_serialization(orgs.list_users_with_role(ORG, role.id)))
    request = models.CreateOrgAccessTokenRequest(name="ci", description="for CI", expires=0, admin=False, role_id=role.id)
    token = orgs.create_org_token(ORG, request, reason="a walk")
    assert token.id in [t.id for t in orgs.list_org_tokens_with_role(ORG, role.id).tokens]
    refused(400, orgs.delete_role, ORG, role.id)
    tokens(token)
    orgs.delete_team_role(ORG, "ops", role.id)
    orgs.delete_role(ORG, role.id, force=True)
    orgs.delete_team(ORG, "ops")
    refused(404, orgs.get_team, ORG, "ops")


def tokens(made):
    assert "ci" in [t.name for t in orgs.list_org_tokens(ORG).tokens]
    assert Client(made.token_value).call_api("/api/user", "GET", response_type="User").token_info.organization == ORG
    orgs.delete_org_token(ORG, made.id)
    request = models.CreateTeamAccessTokenRequest(name="team-ci", description="", expires=0)
    made = orgs.create_team_token(ORG, "ops", request, reason="a walk")
    assert Client(made.token_value).call_api("/api/user", "GET", response_type="User").token_info.team == "ops"
    assert "team-ci" in [t.name for t in orgs.list_team_tokens(ORG, "ops").tokens]
    orgs.delete_team_token(ORG, "ops", made.id)


def oidc():
    issuer = Issuer()
    made = orgs.register_oidc_issuer(ORG, models.OidcIssuerRegistrationRequest(name="ci", url=issuer.url, max_expiration=3600))
    assert made.url == issuer.url
    assert made.id in [i.id for i in orgs.list_orgs_oidc_issuers(ORG).oidc_issuers]
    change = models.OidcIssuerUpdateRequest(name="ci, renamed", max_expiration=1800)
    assert orgs.update_oidc_issuer(ORG, made.id, change).name == "ci, renamed"
    assert orgs.get_oidc_issuer(ORG, made.id).max_expiration == 1800
    orgs.regenerate_thumbprints(ORG, made.id)
    exchange = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "audience": f"urn:pulumi:org:{ORG}",
        "requested_token_type": "urn:pulumi:token-type:access_token:organization",
        "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
        "subject_token": issuer.token(aud=f"urn:pulumi:org:{ORG}"),
    }
    # A new issuer grants nothing.
    refused(400, misc.token, exchange)
    policy = orgs.get_auth_policy(ORG, made.id)
    assert policy.policies == []
    rule = models.AuthPolicyDefinition(
        decision="allow",
        token_type="organization",
        authorized_permissions=["standard"],
        rules={"aud": f"urn:pulumi:org:{ORG}", "sub": "repo:acme/*"},
    )
    policy = orgs.update_auth_policy(ORG, policy.id, models.AuthPolicyUpdateRequest(policies=[rule]))
    assert policy.policies[0].rules["sub"] == "repo:acme/*"
    got = misc.token(exchange)
    assert got.token_type == "Bearer" and 0 < got.expires_in <= 1800
    assert Client(got.access_token).call_api("/api/user", "GET", response_type="User").token_info.organization == ORG
    orgs.delete_oidc_issuer(ORG, made.id)
    refused(404, orgs.get_oidc_issuer, ORG, made.id)


def audit():
    known = {t.event: t for t in orgs.list_audit_log_event_types(ORG).event_types}
    assert list(known) == sorted(known) and len(known) > 169
    assert orgs.get_audit_logs_reader_kind(ORG) == "DynamoDB"
    second = orgs.list_audit_log_events_handler_v2(ORG, event_filter="team-created")
    assert [e.event for e in second.audit_log_events] == ["team-created"]
    assert second.audit_log_events[0].user.github_login == "admin" and second.audit_log_events[0].req_org_admin
    first = orgs.list_audit_log_events_handler_v1(ORG, user_filter="admin", start_time=int(time.time()) + 60)
    assert "Team Created" in [e.event for e in first.audit_log_events]
    refused(404, orgs.list_audit_log_events_handler_v1, ORG, user_filter="nobody")
    refused(400, orgs.list_audit_log_events_handler_v2, ORG, start_time=2, end_time=1)
    later = int(time.time()) + 60
    old = orgs.export_audit_log_events_handler_v1(ORG, start_time=later)
    assert old.startswith("Timestamp,Name,Login,Event,Description,SourceIP,RequireOrgAdmin,"), old[:200]
    new = orgs.export_audit_log_events_handler_v2(ORG, end_time=later, format="cef")
    assert all(" CEF:0|Pulumi|Pulumi Service|1.0|" in line for line in new.splitlines()), new[:200]


installation()
account()
organization()
teams_and_roles()
oidc()
audit()
sdk_environments.walk()
sdk_insights.walk()
missing = sorted(set(SERVED.values()) - set(done))
if missing:
    raise SystemExit(f"served and not called: {', '.join(missing)}")
