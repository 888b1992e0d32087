//! `aws-login`: static keys, or keys that AWS gives for an identity token of ours.
//!
//! This room knows the provider's inputs and outputs and one call of STS (AssumeRoleWithWebIdentity, which needs no
//! signature). Scans have their own client.

use super::{Site, schema, text, texts};
use crate::environments::issuer::{self, Claims};
use pileus_egress::Request;
use pileus_esc::{
    host::{ExecContext, Provider},
    schema::SchemaRef,
    value::{Properties, Value},
};
use std::sync::Arc;

/// How long a role is taken on if nobody says (the published default).
const DEFAULT_SECONDS: i64 = 7200;

const INPUTS: &str = r#"{"type": "object", "properties": {
  "oidc": {"type": "object", "properties": {
    "roleArn": {"type": "string", "minLength": 20, "maxLength": 2048},
    "sessionName": {"type": "string", "minLength": 2, "maxLength": 64, "pattern": "^[\\w+=,.@-]*$"},
    "duration": {"type": "string", "pattern": "^([0-9]+h)?([0-9]+m)?([0-9]+s)?$"},
    "policyArns": {"type": "array", "items": {"type": "string"}},
    "subjectAttributes": {"type": "array", "items": {"type": "string"}}
  }, "required": ["roleArn", "sessionName"], "additionalProperties": false},
  "static": {"type": "object", "properties": {
    "accessKeyId": {"type": "string"},
    "secretAccessKey": {"type": "string"},
    "sessionToken": {"type": "string"}
  }, "required": ["accessKeyId", "secretAccessKey"], "additionalProperties": false}
}, "additionalProperties": false}"#;

const OUTPUTS: &str = r#"{"type": "object", "properties": {
  "accessKeyId": {"type": "string"},
  "secretAccessKey": {"type": "string", "secret": true},
  "sessionToken": {"type": "string", "secret": true}
}, "required": ["accessKeyId", "secretAccessKey"], "additionalProperties": false}"#;

/// The provider.
pub(super) struct AwsLogin {
    site: Arc<Site>,
}

impl AwsLogin {
    pub fn new(site: Arc<Site>) -> Self {
        Self { site }
    }
}

/// Keys, as the provider gives them.
fn keys(id: &str, secret: &str, token: Option<&str>) -> Value {
    let mut fields = vec![("accessKeyId", Value::string(id)), ("secretAccessKey", Value::secret(secret))];
    fields.extend(token.map(|token| ("sessionToken", Value::secret(token))));
    Value::object(fields)
}

impl Provider for AwsLogin {
    fn schema(&self) -> (SchemaRef, SchemaRef) {
        (schema(INPUTS), schema(OUTPUTS))
    }

    fn open(&self, inputs: &Properties, context: &ExecContext) -> Result<Value, String> {
        let part = |name: &str| inputs.get(name).and_then(|value| value.properties());
        match (part("static"), part("oidc")) {
            (Some(given), None) => {
                let id = text(given, "accessKeyId").unwrap_or_default();
                let secret = text(given, "secretAccessKey").unwrap_or_default();
                Ok(keys(id, secret, text(given, "sessionToken").filter(|token| !token.is_empty())))
            }
            (None, Some(asked)) => self.exchange(asked, context),
            (Some(_), Some(_)) => Err("give either 'static' or 'oidc', not both".into()),
            (None, None) => Err("give 'static' keys or 'oidc'".into()),
        }
    }
}

impl AwsLogin {
    fn exchange(&self, asked: &Properties, context: &ExecContext) -> Result<Value, String> {
        let role = text(asked, "roleArn").unwrap_or_default();
        let seconds = match text(asked, "duration").filter(|text| !text.is_empty()) {
            Some(duration) => {
                crate::environments::context::parse_duration(duration).map_err(|e| e.message().to_owned())?
            }
            None => DEFAULT_SECONDS,
        };
        let [current, root] = self.site.environments(context);
        let claims = Claims { vendor: "aws", current, root, attributes: texts(asked, "subjectAttributes") };
        let who = &self.site.who;
        let token = self.site.wait(issuer::issue(who, &claims)).map_err(|e| e.message().to_owned())?;
        let mut form = vec![
            ("Action".to_owned(), "AssumeRoleWithWebIdentity".to_owned()),
            ("Version".to_owned(), "2011-06-15".to_owned()),
            ("RoleArn".to_owned(), role.to_owned()),
            ("RoleSessionName".to_owned(), text(asked, "sessionName").unwrap_or_default().to_owned()),
            ("WebIdentityToken".to_owned(), token),
            ("DurationSeconds".to_owned(), seconds.to_string()),
        ];
        for (i, arn) in texts(asked, "policyArns").into_iter().enumerate() {
            form.push((format!("PolicyArns.member.{}.arn", i + 1), arn));
        }
        let endpoint = who.app.sts_endpoint.clone().unwrap_or_else(|| endpoint(role));
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = Request::form(endpoint, body);
        let answer = self.site.wait(who.app.egress.request(request));
        let answer = answer.map_err(|e| format!("AWS STS cannot be reached: {e}"))?;
        let xml = String::from_utf8_lossy(&answer.body);
        if !answer.status.is_success() {
            let (code, message) = (tag(&xml, "Code"), tag(&xml, "Message"));
            return Err(format!(
                "AWS STS refused: {}: {}",
                code.unwrap_or_else(|| answer.status.to_string()),
                message.unwrap_or_default()
            ));
        }
        match (tag(&xml, "AccessKeyId"), tag(&xml, "SecretAccessKey")) {
            (Some(id), Some(secret)) => Ok(keys(&id, &secret, tag(&xml, "SessionToken").as_deref())),
            _ => Err("AWS STS gave no credentials".into()),
        }
    }
}

/// The STS of the partition that a role is in.
fn endpoint(role: &str) -> String {
    match role.split(':').nth(1) {
        Some("aws-cn") => "https://sts.cn-north-1.amazonaws.com.cn/".into(),
        Some("aws-us-gov") => "https://sts.us-gov-west-1.amazonaws.com/".into(),
        _ => "https://sts.amazonaws.com/".into(),
    }
}

/// The text of the first element with this name.
fn tag(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once("</")?;
    let plain = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    Some(plain.iter().fold(text.trim().to_owned(), |text, (from, to)| text.replace(from, to)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_can_be_read() {
        let _ = (schema(INPUTS), schema(OUTPUTS));
    }

    #[test]
    fn answers_of_sts() {
        let xml = "<R><Credentials><AccessKeyId>AKIA</AccessKeyId><SessionToken> a&amp;b= </SessionToken></R>";
        assert_eq!(tag(xml, "AccessKeyId").as_deref(), Some("AKIA"));
        assert_eq!(tag(xml, "SessionToken").as_deref(), Some("a&b="));
        assert_eq!(tag(xml, "SecretAccessKey"), None);
        assert_eq!(endpoint("arn:aws-cn:iam::1:role/r"), "https://sts.cn-north-1.amazonaws.com.cn/");
    }
}
