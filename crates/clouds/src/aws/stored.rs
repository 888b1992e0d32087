//! Secrets and parameters that AWS keeps, and credentials for an identity token of somebody else.
//!
//! This room knows three operations: `AssumeRoleWithWebIdentity`, which needs no signature, `GetSecretValue` and `GetParameter`. It must
//! never know what the answers are for. Their errors quote the service and never what was sent.

use super::{
    Aws, Credentials, QUESTION,
    asked::{described, list},
    client::{Session, Tally},
    data::{Scope, catalogue::File},
    partition,
    protocol::Ask,
};
use crate::{CloudError, Value};
use pileus_model::Secret;
use std::sync::OnceLock;

const STS: &str = r#"
[service]
name = "sts"
protocol = "query"
endpoint = "sts"
version = "2011-06-15"
[[type]]
token = "role"
id = "{Credentials.AccessKeyId}"
[type.list]
op = "AssumeRoleWithWebIdentity"
action = "sts:AssumeRoleWithWebIdentity"
items = ""
"#;
const STS_SHAPES: &str = r#"{"operations":{"AssumeRoleWithWebIdentity":{"shape":"Out","wrapper":"AssumeRoleWithWebIdentityResult"}},
"shapes":{"Out":{"k":"o","m":{"Credentials":["Credentials","Keys",""]}},"Keys":{"k":"o","m":{"AccessKeyId":["AccessKeyId","s",""],
"SecretAccessKey":["SecretAccessKey","s",""],"SessionToken":["SessionToken","s",""]}}}}"#;
const SECRETS: &str = r#"
[service]
name = "secretsmanager"
protocol = "json-1.1"
endpoint = "secretsmanager"
target = "secretsmanager"
[[type]]
token = "secret"
id = "{ARN}"
[type.list]
op = "GetSecretValue"
action = "secretsmanager:GetSecretValue"
items = ""
"#;
const PARAMETERS: &str = r#"
[service]
name = "ssm"
protocol = "json-1.1"
endpoint = "ssm"
target = "AmazonSSM"
[[type]]
token = "parameter"
id = "{Parameter.ARN}"
[type.list]
op = "GetParameter"
action = "ssm:GetParameter"
items = ""
"#;

/// The role that is to be taken on, and by what.
#[derive(Debug, Clone)]
pub struct WebIdentity {
    /// The role's ARN; its partition is the one that is asked.
    pub role: String,
    /// What the session is called.
    pub session: String,
    /// The identity token.
    pub token: Secret<String>,
    /// How long the credentials are to be good.
    pub seconds: i64,
    /// Policies that narrow them further.
    pub policies: Vec<String>,
}

/// What Secrets Manager keeps.
#[derive(Debug, Clone)]
pub enum SecretValue {
    /// A text.
    Text(Secret<String>),
    /// Bytes, in base64 as they came.
    Binary(Secret<String>),
}

/// What Parameter Store keeps.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// `String`, `StringList`, `SecureString`.
    pub kind: String,
    /// The value; of a `SecureString` that was not decrypted, its ciphertext.
    pub value: Secret<String>,
}

impl Aws {
    /// Credentials of a role for an identity token. The request is not signed.
    ///
    /// # Errors
    /// [`CloudError::Setting`] for what is no ARN of a known partition; what STS answered.
    pub async fn assume_role_with_web_identity(&self, asked: &WebIdentity) -> Result<Credentials, CloudError> {
        let partition = asked.role.split(':').nth(1).and_then(|name| partition::all().iter().find(|p| p.name == name));
        let partition = partition.filter(|_| asked.role.starts_with("arn:"));
        let partition =
            partition.ok_or_else(|| CloudError::Setting("the role is no ARN of a known partition".into()))?;
        let nobody = Credentials::none();
        let mut session = self.session(&nobody, Some(&partition.global), QUESTION)?;
        // One pace for each account, since nobody's keys would be one for all of them.
        session.place.account = asked.role.split(':').nth(4).unwrap_or_default().to_owned();
        let mut params = vec![
            ("RoleArn".to_owned(), Value::from(asked.role.as_str())),
            ("RoleSessionName".to_owned(), asked.session.as_str().into()),
            ("WebIdentityToken".to_owned(), asked.token.expose().as_str().into()),
            ("DurationSeconds".to_owned(), asked.seconds.into()),
        ];
        let policies = asked.policies.iter().enumerate();
        params.extend(policies.map(|(i, arn)| (format!("PolicyArns.member.{}.arn", i + 1), arn.as_str().into())));
        let answer = ask(&session, &questions()?.sts, params).await?;
        let text = |key: &str| answer.get("Credentials")?.get(key)?.as_str().map(str::to_owned);
        match (text("AccessKeyId"), text("SecretAccessKey")) {
            (Some(access_key_id), Some(secret)) => {
                let session_token = text("SessionToken").map(Secret::new);
                Ok(Credentials { access_key_id, secret_access_key: Secret::new(secret), session_token })
            }
            _ => Err(malformed("AssumeRoleWithWebIdentity gave no credentials")),
        }
    }

    /// A secret, by name or ARN; its current version unless one or a stage is named.
    ///
    /// # Errors
    /// [`CloudError::Setting`] for an unknown region; what Secrets Manager answered.
    pub async fn secret_value(
        &self,
        credentials: &Credentials,
        region: &str,
        id: &str,
        version: Option<&str>,
        stage: Option<&str>,
    ) -> Result<SecretValue, CloudError> {
        let session = self.session(credentials, Some(region), QUESTION)?;
        let mut params = vec![("SecretId".to_owned(), Value::from(id))];
        params.extend(version.map(|version| ("VersionId".to_owned(), version.into())));
        params.extend(stage.map(|stage| ("VersionStage".to_owned(), stage.into())));
        let answer = ask(&session, &questions()?.secrets, params).await?;
        let text = |key: &str| answer.get(key).and_then(Value::as_str).map(|text| Secret::new(text.to_owned()));
        match (text("SecretString"), text("SecretBinary")) {
            (Some(text), _) => Ok(SecretValue::Text(text)),
            (None, Some(bytes)) => Ok(SecretValue::Binary(bytes)),
            (None, None) => Err(malformed("GetSecretValue gave no value")),
        }
    }

    /// A parameter, by name or ARN, with `:version` or `:label` if wanted.
    ///
    /// # Errors
    /// [`CloudError::Setting`] for an unknown region; what Parameter Store answered.
    pub async fn parameter(
        &self,
        credentials: &Credentials,
        region: &str,
        name: &str,
        decrypt: bool,
    ) -> Result<Parameter, CloudError> {
        let session = self.session(credentials, Some(region), QUESTION)?;
        let params = vec![("Name".to_owned(), Value::from(name)), ("WithDecryption".to_owned(), decrypt.into())];
        let answer = ask(&session, &questions()?.parameters, params).await?;
        let text = |key: &str| answer.get("Parameter")?.get(key)?.as_str().map(str::to_owned);
        match (text("Type"), text("Value")) {
            (Some(kind), Some(value)) => Ok(Parameter { kind, value: Secret::new(value) }),
            _ => Err(malformed("GetParameter gave no value")),
        }
    }
}

fn malformed(message: &str) -> CloudError {
    CloudError::Broken { code: "malformed", message: message.to_owned() }
}

async fn ask(session: &Session<'_>, file: &'static File, params: Vec<(String, Value)>) -> Result<Value, CloudError> {
    let (service, call) = list(file)?;
    let scope = Scope { item: &Value::Null, parent: None, place: &session.place };
    let mut ask = Ask::new(call, &scope).map_err(CloudError::Setting)?;
    for (name, value) in params {
        ask.set(&name, value.into());
    }
    session.call(service, call, &ask, &Tally::default()).await
}

/// The three operations.
struct Questions {
    sts: File,
    secrets: File,
    parameters: File,
}

/// The operations, read once; a test holds that they can be.
fn questions() -> Result<&'static Questions, CloudError> {
    static ALL: OnceLock<Result<Questions, String>> = OnceLock::new();
    let all = ALL.get_or_init(|| {
        Ok(Questions {
            sts: described("sts", STS, STS_SHAPES)?,
            secrets: described("secretsmanager", SECRETS, "")?,
            parameters: described("ssm", PARAMETERS, "")?,
        })
    });
    all.as_ref().map_err(|why| CloudError::Setting(why.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_questions_can_be_read() {
        assert!(questions().is_ok(), "{:?}", questions().err());
    }
}
