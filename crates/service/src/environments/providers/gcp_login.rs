//! `gcp-login`: an access token that is given, or one that Google gives for an identity token of ours; in either case that of
//! a service account, if one is named.
//!
//! This room knows the provider's inputs and outputs and two calls: Security Token Service's exchange (RFC 8693) and IAM
//! Credentials' `generateAccessToken`.

use super::{Answer, Call, Outcome, Properties, Site, filled, given, part, quoted, seconds, text, texts};
use crate::environments::issuer::{self, Claims};
use pileus_egress::{HeaderName, HeaderValue, Method, Request, Response};
use pileus_esc::value::{Repr, Value};
use serde_json::{Value as Json, json};
use std::sync::Arc;

/// How long a token is good if nobody says (the published default).
const DEFAULT_SECONDS: i64 = 3600;
/// What tokens are good for; what may be done with them is decided by roles.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
const STS: &str = "https://sts.googleapis.com";
const AUTHORIZATION: HeaderName = HeaderName::from_static("authorization");
const CONTENT_TYPE: HeaderName = HeaderName::from_static("content-type");
const IAM: &str = "https://iamcredentials.googleapis.com";

/// The token of a service account that is wanted.
struct Wanted {
    account: String,
    seconds: i64,
}

pub(super) fn open(site: &Arc<Site>, call: &Call) -> Answer {
    let Some(project) = given(&call.inputs, "project") else {
        return Answer::error("gcp-login: give the number of the 'project'");
    };
    let opened = match (part(&call.inputs, "oidc"), part(&call.inputs, "accessToken")) {
        (Some(asked), None) => exchange(site, call, asked, project),
        (None, Some(given)) => from_token(site, given, project),
        (Some(_), Some(_)) => Err("gcp-login: give either 'oidc' or 'accessToken', not both".into()),
        (None, None) => Err("gcp-login: give an 'accessToken', or how to get one as 'oidc'".into()),
    };
    opened.unwrap_or_else(Answer::error)
}

/// A token, as the provider gives it.
fn outputs(project: Value, token: &str, expiry: Option<&str>) -> Value {
    let mut fields =
        vec![("project", project), ("accessToken", Value::secret(token)), ("tokenType", Value::string("Bearer"))];
    fields.extend(expiry.map(|expiry| ("expiry", Value::string(expiry))));
    Value::object(fields)
}

fn from_token(site: &Arc<Site>, given: &Properties, project: Value) -> Result<Answer, String> {
    let token = text(given, "accessToken").unwrap_or_default().trim().to_owned();
    let Some(account) = filled(given, "serviceAccount") else {
        return Ok(Answer::Now(Ok(outputs(project, &token, None))));
    };
    let wanted = Wanted { account: account.to_owned(), seconds: seconds(given, "tokenLifetime", DEFAULT_SECONDS)? };
    let site = Arc::clone(site);
    Ok(Answer::later(async move { impersonated(&site, project, &token, &wanted).await }))
}

fn exchange(site: &Arc<Site>, call: &Call, asked: &Properties, project: Value) -> Result<Answer, String> {
    let Repr::Number(number) = &project.repr else { return Err("gcp-login: the project is not a number".into()) };
    let named = |name: &str| text(asked, name).unwrap_or_default().to_owned();
    let audience = format!(
        "//iam.googleapis.com/projects/{number}/locations/{}/workloadIdentityPools/{}/providers/{}",
        filled(asked, "region").unwrap_or("global"),
        named("workloadPoolId"),
        named("providerId"),
    );
    let wanted =
        Wanted { account: named("serviceAccount"), seconds: seconds(asked, "tokenLifetime", DEFAULT_SECONDS)? };
    let claims = Claims::vendor(&site.who, &call.place, "gcp", &texts(asked, "subjectAttributes"));
    let claims = claims.map_err(|error| error.message().to_owned())?;
    let site = Arc::clone(site);
    Ok(Answer::later(async move {
        let token = issuer::issue(&site.who, &claims, issuer::LONGEST).await.map_err(|e| e.message().to_owned())?;
        let federated = federated(&site, &audience, &token).await?;
        impersonated(&site, project, &federated, &wanted).await
    }))
}

/// The token that the pool gives for ours.
async fn federated(site: &Site, audience: &str, token: &str) -> Result<String, String> {
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange")
        .append_pair("audience", audience)
        .append_pair("scope", SCOPE)
        .append_pair("requested_token_type", "urn:ietf:params:oauth:token-type:access_token")
        .append_pair("subject_token_type", "urn:ietf:params:oauth:token-type:jwt")
        .append_pair("subject_token", token)
        .finish();
    let answer = site.ask_google(STS, |base| Request::form(format!("{base}/v1/token"), form)).await;
    let answer = answer.map_err(|e| format!("gcp-login: Google's token service cannot be reached: {e}"))?;
    let said = read("Google's token service", &answer, &[token])?;
    let token = said.get("access_token").and_then(Json::as_str);
    token.map(str::to_owned).ok_or_else(|| "gcp-login: Google's token service gave no token".into())
}

/// The token of a service account.
async fn impersonated(site: &Site, project: Value, token: &str, wanted: &Wanted) -> Outcome {
    let account = &wanted.account;
    if account.is_empty() || !account.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '@')) {
        return Err("gcp-login: the serviceAccount is not an e-mail address".into());
    }
    let body = json!({"scope": [SCOPE], "lifetime": format!("{}s", wanted.seconds)});
    let mut bearer = HeaderValue::from_str(&format!("Bearer {token}"))
        .map_err(|_| "gcp-login: the access token cannot be sent".to_owned())?;
    bearer.set_sensitive(true);
    let request = |base: &str| {
        let url = format!("{base}/v1/projects/-/serviceAccounts/{account}:generateAccessToken");
        let request = Request { method: Method::POST, body: Some(body.to_string().into_bytes()), ..Request::get(url) };
        request.header(AUTHORIZATION, bearer).header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
    };
    let answer = site.ask_google(IAM, request).await;
    let answer = answer.map_err(|e| format!("gcp-login: Google's IAM cannot be reached: {e}"))?;
    let said = read("Google's IAM", &answer, &[token])?;
    let field = |name: &str| said.get(name).and_then(Json::as_str);
    match field("accessToken") {
        Some(token) => Ok(outputs(project, token, field("expireTime"))),
        None => Err("gcp-login: Google's IAM gave no token".into()),
    }
}

/// An answer as JSON, or what it refuses: `{error: {status, message}}`, or `{error, error_description}`.
fn read(who: &str, answer: &Response, secrets: &[&str]) -> Result<Json, String> {
    let said: Json = serde_json::from_slice(&answer.body).unwrap_or_default();
    if answer.status.is_success() {
        return Ok(said);
    }
    let text = |value: Option<&Json>| value.and_then(Json::as_str).map(str::to_owned);
    let error = said.get("error");
    let code = text(error.and_then(|error| error.get("status"))).or_else(|| text(error));
    let message = text(error.and_then(|error| error.get("message"))).or_else(|| text(said.get("error_description")));
    let code = code.unwrap_or_else(|| answer.status.as_u16().to_string());
    Err(format!("gcp-login: {who}: {}", quoted(&format!("{code}: {}", message.unwrap_or_default()), secrets)))
}
