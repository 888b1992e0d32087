//! Evaluated definitions on the wire: checks, sessions, what they hold.
//!
//! The results are JSON texts that the language writes, and stay what they are: numbers keep their digits. Knows how they
//! are put together with diagnostics. No rule and no SQL.

use crate::{JSON, Reply};
use pileus_contract::ops;
use pileus_model::Result;
use pileus_service::{
    Cx,
    environments::{self as service, Checked, Session},
};

/// The error that says what is wrong with a definition: the clients read its diagnostics.
pub(super) fn failed(message: &str, diagnostics: &[String]) -> Reply {
    let message = serde_json::Value::from(message);
    let body = format!("{{\"code\":400,\"message\":{message},\"diagnostics\":[{}]}}", diagnostics.join(","));
    Reply::bytes(400, JSON, body)
}

/// The object with further fields; diagnostics only where there are any.
fn with(object: &str, diagnostics: &[String], fields: &[(&str, &str)]) -> Reply {
    let mut body = object.strip_suffix('}').unwrap_or("{").to_owned();
    let joined = format!("[{}]", diagnostics.join(","));
    let diagnostics = (!diagnostics.is_empty()).then_some(("diagnostics", joined.as_str()));
    for (name, value) in fields.iter().copied().chain(diagnostics) {
        let comma = if body.len() > 1 { "," } else { "" };
        body.push_str(&format!("{comma}\"{name}\":{value}"));
    }
    body.push('}');
    Reply::bytes(200, JSON, body)
}

fn checked(checked: &Checked) -> Reply {
    if checked.failed {
        return failed("the definition is not valid", &checked.diagnostics);
    }
    with(&checked.result, &checked.diagnostics, &[("environmentFunctionSummary", &checked.functions)])
}

fn opened(session: &Session) -> Reply {
    match &session.id {
        Some(id) => with("{}", &session.diagnostics, &[("id", &format!("\"{id}\""))]),
        None => failed("the environment cannot be opened", &session.diagnostics),
    }
}

fn json(text: String) -> Reply {
    Reply::bytes(200, JSON, text)
}

/// `CheckYAML`
pub async fn check_yaml(cx: Cx, args: ops::CheckYAMLEscArgs) -> Result<Reply> {
    Ok(checked(&service::check_yaml(&cx, args.body, args.show_secrets == Some(true)).await?))
}

/// `CheckEnvironment`
pub async fn check(cx: Cx, args: ops::CheckEnvironmentEscEnvironmentsArgs) -> Result<Reply> {
    let secrets = args.show_secrets == Some(true);
    Ok(checked(&service::check(&cx, &args.project_name, &args.env_name, None, secrets).await?))
}

/// `CheckEnvironment` at a version
pub async fn check_version(cx: Cx, args: ops::CheckEnvironmentEscEnvironmentsVersionsArgs) -> Result<Reply> {
    let (version, secrets) = (Some(args.version.as_str()), args.show_secrets == Some(true));
    Ok(checked(&service::check(&cx, &args.project_name, &args.env_name, version, secrets).await?))
}

/// `OpenEnvironment`
pub async fn open(cx: Cx, args: ops::OpenEnvironmentEscEnvironmentsArgs) -> Result<Reply> {
    let duration = args.duration.as_deref();
    Ok(opened(&service::open(&cx, &args.project_name, &args.env_name, None, duration).await?))
}

/// `OpenEnvironment` at a version
pub async fn open_version(cx: Cx, args: ops::OpenEnvironmentEscEnvironmentsVersionsArgs) -> Result<Reply> {
    let (version, duration) = (Some(args.version.as_str()), args.duration.as_deref());
    Ok(opened(&service::open(&cx, &args.project_name, &args.env_name, version, duration).await?))
}

/// `OpenYAML`
pub async fn open_yaml(cx: Cx, args: ops::OpenYAMLEscArgs) -> Result<Reply> {
    let (duration, overrides) = (args.duration.as_deref(), args.environment_overrides.as_deref());
    Ok(opened(&service::open_yaml(&cx, args.body, duration, overrides).await?))
}

/// `ReadOpenEnvironment`
pub async fn read_session(cx: Cx, args: ops::ReadOpenEnvironmentEscEnvironmentsArgs) -> Result<Reply> {
    let environment = Some((args.project_name.as_str(), args.env_name.as_str()));
    service::read_session(&cx, environment, &args.open_session_id, args.property.as_deref()).await.map(json)
}

/// `ReadOpenEnvironment`, at the SDKs' path
pub async fn read_session_alias(cx: Cx, args: ops::ReadOpenEnvironmentAliasArgs) -> Result<Reply> {
    let environment = Some((args.project_name.as_str(), args.env_name.as_str()));
    service::read_session(&cx, environment, &args.open_session_id, args.property.as_deref()).await.map(json)
}

/// `ReadAnonymousOpenEnvironment`
pub async fn read_yaml_session(cx: Cx, args: ops::ReadAnonymousOpenEnvironmentEscArgs) -> Result<Reply> {
    service::read_session(&cx, None, &args.open_session_id, args.property.as_deref()).await.map(json)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(reply: &Reply) -> &str {
        reply.body.as_bytes().and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }

    #[test]
    fn texts_are_put_together() {
        assert_eq!(body(&with("{}", &[], &[("id", "\"x\"")])), r#"{"id":"x"}"#);
        let said = ["{\"summary\":\"s\"}".to_owned()];
        assert_eq!(body(&with(r#"{"a":1e5}"#, &said, &[])), r#"{"a":1e5,"diagnostics":[{"summary":"s"}]}"#);
        assert_eq!(body(&with("{}", &[], &[])), "{}");
        assert_eq!(body(&failed("no", &said)), r#"{"code":400,"message":"no","diagnostics":[{"summary":"s"}]}"#);
    }
}
