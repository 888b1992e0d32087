//! OIDC issuers and their policies on the wire: converts, calls `pileus_service::oidc`, converts back. Knows no rule and no
//! SQL.

use pileus_contract::{ops, wire};
use pileus_model::{Result, Timestamp};
use pileus_service::{
    Cx,
    oidc::{self, AuthPolicy, Definition, Issuer, IssuerChange, NewDefinition, NewIssuer},
};
use serde_json::{Value, json};

/// `List_orgs_oidc_issuers`
pub async fn list(cx: Cx, _: ops::ListOrgsOidcIssuersArgs) -> Result<wire::ListOidcIssuersResponse> {
    let issuers = oidc::list(&cx).await?;
    Ok(wire::ListOidcIssuersResponse { oidc_issuers: issuers.into_iter().map(issuer).collect() })
}

/// `RegisterOidcIssuer`
pub async fn register(cx: Cx, args: ops::RegisterOidcIssuerArgs) -> Result<wire::OidcIssuerRegistrationResponse> {
    let new = NewIssuer {
        name: args.body.name,
        url: args.body.url,
        jwks: args.body.jwks.map(key_set),
        thumbprints: args.body.thumbprints,
        max_expiration: args.body.max_expiration,
    };
    oidc::register(&cx, new).await.map(issuer)
}

/// `GetOidcIssuer`
pub async fn get(cx: Cx, args: ops::GetOidcIssuerArgs) -> Result<wire::OidcIssuerRegistrationResponse> {
    oidc::get(&cx, &args.issuer_id).await.map(issuer)
}

/// `UpdateOidcIssuer`
pub async fn update(cx: Cx, args: ops::UpdateOidcIssuerArgs) -> Result<wire::OidcIssuerRegistrationResponse> {
    let change = IssuerChange {
        name: args.body.name,
        jwks: args.body.jwks.map(key_set),
        thumbprints: args.body.thumbprints,
        max_expiration: args.body.max_expiration,
    };
    oidc::update(&cx, &args.issuer_id, change).await.map(issuer)
}

/// `DeleteOidcIssuer`
pub async fn delete(cx: Cx, args: ops::DeleteOidcIssuerArgs) -> Result<()> {
    oidc::delete(&cx, &args.issuer_id).await
}

/// `RegenerateThumbprints`
pub async fn regenerate_thumbprints(
    cx: Cx,
    args: ops::RegenerateThumbprintsArgs,
) -> Result<wire::OidcIssuerRegistrationResponse> {
    oidc::regenerate_thumbprints(&cx, &args.issuer_id).await.map(issuer)
}

/// `GetAuthPolicy`
pub async fn get_policy(cx: Cx, args: ops::GetAuthPolicyArgs) -> Result<wire::AuthPolicy> {
    oidc::policy(&cx, &args.issuer_id).await.map(policy)
}

/// `UpdateAuthPolicy`
pub async fn update_policy(cx: Cx, args: ops::UpdateAuthPolicyArgs) -> Result<wire::AuthPolicy> {
    let definitions = args.body.policies.into_iter().map(new_definition).collect();
    oidc::update_policy(&cx, &args.policy_id, definitions).await.map(policy)
}

fn key_set(set: wire::JSONWebKeySet) -> Value {
    json!({ "keys": set.keys })
}

fn issuer(issuer: Issuer) -> wire::OidcIssuerRegistrationResponse {
    let keys = |set: Value| set.get("keys").and_then(Value::as_array).cloned().unwrap_or_default();
    let used = issuer.last_used_at != Timestamp::EPOCH;
    wire::OidcIssuerRegistrationResponse {
        id: issuer.id.to_string(),
        name: issuer.name,
        url: issuer.url,
        issuer: issuer.issuer,
        thumbprints: Some(issuer.thumbprints),
        jwks: issuer.jwks.map(|set| wire::JSONWebKeySet { keys: keys(set) }),
        max_expiration: issuer.max_expiration,
        created: Some(issuer.created_at.rfc3339_millis()),
        modified: Some(issuer.modified_at.rfc3339_millis()),
        last_used: used.then(|| issuer.last_used_at.rfc3339_millis()),
    }
}

fn new_definition(wire: wire::AuthPolicyDefinition) -> NewDefinition {
    NewDefinition {
        decision: wire.decision,
        token_type: wire.token_type,
        team_name: wire.team_name,
        user_login: wire.user_login,
        role_id: wire.role_id,
        permissions: wire.authorized_permissions.unwrap_or_default(),
        rules: wire.rules,
    }
}

fn policy(policy: AuthPolicy) -> wire::AuthPolicy {
    wire::AuthPolicy {
        id: policy.id.to_string(),
        version: policy.version,
        created: Some(policy.created_at.rfc3339_millis()),
        modified: Some(policy.modified_at.rfc3339_millis()),
        policies: policy.policies.into_iter().map(definition).collect(),
    }
}

fn definition(definition: Definition) -> wire::AuthPolicyDefinition {
    wire::AuthPolicyDefinition {
        decision: definition.decision.as_str().to_owned(),
        token_type: definition.kind,
        team_name: definition.team,
        user_login: definition.user,
        runner_id: None,
        role_id: definition.role,
        authorized_permissions: Some(definition.permissions),
        rules: definition.rules.into_iter().map(|(claim, patterns)| (claim, patterns.to_json())).collect(),
    }
}
