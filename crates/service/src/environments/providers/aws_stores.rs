//! `aws-secrets` and `aws-parameter-store`: what AWS keeps, by the keys of a login.
//!
//! This room knows the providers' inputs and outputs. How AWS is asked is the `clouds` crate's.

use super::{Answer, Call, Outcome, Properties, Site, aws_login, filled, is_true, part, text};
use futures_util::{StreamExt as _, stream};
use pileus_clouds::{
    CloudError,
    aws::{Aws, Credentials, Parameter, SecretValue},
};
use pileus_esc::value::{Repr, Value};
use std::{collections::BTreeMap, fmt::Write as _, sync::Arc};

/// Most entries of one call.
const MOST: usize = 100;
/// Most entries that are asked for at the same time.
const AT_ONCE: usize = 8;
/// How many failures an error tells of.
const TOLD: usize = 5;
/// Longest value, in bytes: each store keeps at most 64 KiB, which are more in base64.
const LONGEST: usize = 96 << 10;

/// Most bytes of all values of one call: entries may name the same long one, and calls wait together.
const TOGETHER: usize = 1 << 20;

/// One entry of `get`.
#[derive(Clone)]
enum Wanted {
    Secret { id: String, version: Option<String>, stage: Option<String> },
    Parameter { name: String, decrypt: bool },
}

pub(super) fn secrets(site: &Arc<Site>, call: &Call) -> Answer {
    store(site, call, "aws-secrets", |entry| Wanted::Secret {
        id: text(entry, "secretId").unwrap_or_default().to_owned(),
        version: filled(entry, "versionId").map(str::to_owned),
        stage: filled(entry, "versionStage").map(str::to_owned),
    })
}

pub(super) fn parameters(site: &Arc<Site>, call: &Call) -> Answer {
    store(site, call, "aws-parameter-store", |entry| Wanted::Parameter {
        name: text(entry, "name").unwrap_or_default().to_owned(),
        decrypt: is_true(entry, "decrypt"),
    })
}

fn store(site: &Arc<Site>, call: &Call, provider: &'static str, read: fn(&Properties) -> Wanted) -> Answer {
    let Some(entries) = part(&call.inputs, "get").filter(|entries| !entries.is_empty()) else {
        return Answer::error(format!("{provider}: 'get' names nothing"));
    };
    if entries.len() > MOST {
        return Answer::error(format!("{provider}: 'get' may name at most {MOST} entries"));
    }
    let entries = entries.iter().filter_map(|(name, entry)| Some((name.to_string(), read(entry.properties()?))));
    let wanted: BTreeMap<String, Wanted> = entries.collect();
    let credentials = part(&call.inputs, "login").map_or_else(Credentials::none, aws_login::credentials);
    if credentials.access_key_id.is_empty() || credentials.secret_access_key.expose().is_empty() {
        return Answer::error(format!("{provider}: 'login' has no keys"));
    }
    let region = text(&call.inputs, "region").unwrap_or_default().trim().to_owned();
    let site = Arc::clone(site);
    Answer::later(async move {
        let Some(aws) = &site.who.app.reach.aws else { return Err("this process cannot ask AWS".into()) };
        all(provider, aws, &credentials, &region, wanted).await
    })
}

/// All entries, or what is wrong with each that cannot be had.
async fn all(
    provider: &str,
    aws: &Aws,
    credentials: &Credentials,
    region: &str,
    wanted: BTreeMap<String, Wanted>,
) -> Outcome {
    let count = wanted.len();
    let asked = wanted.into_iter().map(|(name, wanted)| async move {
        let got = one(aws, credentials, region, &wanted).await;
        (name, got)
    });
    let mut answers = stream::iter(asked).buffer_unordered(AT_ONCE);
    let token = credentials.session_token.as_ref().map_or("", |token| token.expose().as_str());
    let secrets = [credentials.secret_access_key.expose().as_str(), token];
    let mut got = Got::default();
    while let Some((name, answer)) = answers.next().await {
        got.take(name, answer, &secrets).map_err(|why| format!("{provider}: {why}"))?;
    }
    let failed: Vec<String> = got.failed.into_iter().map(|(name, why)| format!("\"{name}\": {why}")).collect();
    if failed.is_empty() {
        return Ok(Value::new(Repr::Object(got.fields)));
    }
    let mut said = format!("{provider}: {} of {count} could not be read: ", failed.len());
    said.push_str(&failed[..failed.len().min(TOLD)].join("; "));
    if failed.len() > TOLD {
        let _ = write!(said, "; and {} more", failed.len() - TOLD);
    }
    Err(said)
}

/// What came of the entries so far.
#[derive(Default)]
struct Got {
    fields: BTreeMap<Arc<str>, Arc<Value>>,
    failed: BTreeMap<String, String>,
    bytes: usize,
}

impl Got {
    /// Takes an answer in.
    ///
    /// # Errors
    /// Why the others need not be waited for.
    fn take(&mut self, name: String, answer: Result<Value, CloudError>, secrets: &[&str]) -> Result<(), String> {
        match answer {
            Ok(value) => {
                self.bytes += value.to_json(false).to_text().len();
                if self.bytes > TOGETHER {
                    return Err(format!("too much: one call may be given at most {TOGETHER} bytes"));
                }
                let _ = self.fields.insert(Arc::from(name), Arc::new(value));
            }
            // What is wrong with the request itself is wrong with every entry.
            Err(error @ CloudError::Setting(_)) => return Err(aws_login::refused(&error, secrets)),
            Err(error) => drop(self.failed.insert(name, aws_login::refused(&error, secrets))),
        }
        Ok(())
    }
}

async fn one(aws: &Aws, credentials: &Credentials, region: &str, wanted: &Wanted) -> Result<Value, CloudError> {
    let bounded = |length: usize| {
        if length <= LONGEST {
            return Ok(());
        }
        Err(CloudError::Broken { code: "too-large", message: format!("the value is longer than {LONGEST} bytes") })
    };
    match wanted {
        Wanted::Secret { id, version, stage } => {
            let got = aws.secret_value(credentials, region, id, version.as_deref(), stage.as_deref()).await?;
            let (SecretValue::Text(text) | SecretValue::Binary(text)) = got;
            bounded(text.expose().len())?;
            Ok(Value::secret(text.expose()))
        }
        Wanted::Parameter { name, decrypt } => {
            let got = aws.parameter(credentials, region, name, *decrypt).await?;
            bounded(got.value.expose().len())?;
            Ok(parameter(&got))
        }
    }
}

/// A list as a list; what is kept encrypted is secret, decrypted or not.
fn parameter(got: &Parameter) -> Value {
    let value = got.value.expose();
    match got.kind.as_str() {
        "StringList" => Value::new(Repr::Array(value.split(',').map(|item| Arc::new(Value::string(item))).collect())),
        "SecureString" => Value::secret(value),
        _ => Value::string(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pileus_model::Secret;

    #[test]
    fn values_are_measured_together() {
        let mut got = Got::default();
        let long = || Ok(Value::secret(&"x".repeat(LONGEST)));
        let taken = (0..MOST).take_while(|n| got.take(n.to_string(), long(), &[]).is_ok()).count();
        assert_eq!(taken, TOGETHER / (LONGEST + 2));
        assert!(got.take("one more".into(), long(), &[]).is_err_and(|why| why.contains("too much")));
    }

    #[test]
    fn parameters_by_kind() {
        let of = |kind: &str| parameter(&Parameter { kind: kind.into(), value: Secret::new("a,b".into()) });
        assert_eq!(of("String"), Value::string("a,b"));
        assert_eq!(of("SecureString"), Value::secret("a,b"));
        assert_eq!(of("StringList").to_json(false).to_text(), r#"["a","b"]"#);
    }
}
