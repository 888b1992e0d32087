//! Credentials as an environment gives them, and the identity behind them.
//!
//! This room knows the names of the variables. It must never know where they come from.

use crate::CloudError;
use pileus_model::Secret;

/// What requests are signed with.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Public half: `AKIA…`, `ASIA…`.
    pub access_key_id: String,
    /// The secret.
    pub secret_access_key: Secret<String>,
    /// With temporary credentials.
    pub session_token: Option<Secret<String>>,
}

impl Credentials {
    /// Nobody's: requests are sent without a signature.
    pub fn none() -> Self {
        Self { access_key_id: String::new(), secret_access_key: Secret::new(String::new()), session_token: None }
    }
    /// Whether there is anything to sign with.
    pub(crate) fn is_none(&self) -> bool {
        self.access_key_id.is_empty()
    }
    /// From environment variables (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`), surrounding white space removed. No
    /// other variable is looked at, least of all an endpoint.
    ///
    /// # Errors
    /// [`CloudError::Setting`] that names what is missing.
    pub fn from_variables<'a>(get: impl Fn(&str) -> Option<&'a str>) -> Result<Self, CloudError> {
        let given = |name: &str| get(name).map(str::trim).filter(|value| !value.is_empty()).map(str::to_owned);
        let needed = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
        let missing: Vec<&str> = needed.into_iter().filter(|name| given(name).is_none()).collect();
        if !missing.is_empty() {
            let missing = missing.join(" and ");
            return Err(CloudError::Setting(format!("the environment has no environmentVariables {missing}")));
        }
        Ok(Self {
            access_key_id: given("AWS_ACCESS_KEY_ID").unwrap_or_default(),
            secret_access_key: Secret::new(given("AWS_SECRET_ACCESS_KEY").unwrap_or_default()),
            session_token: given("AWS_SESSION_TOKEN").map(Secret::new),
        })
    }
}

/// Who credentials are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Twelve digits.
    pub account: String,
    /// `arn:aws:iam::123456789012:user/scanner`.
    pub arn: String,
    /// The user's or role's unique id.
    pub user_id: String,
    /// `aws`, `aws-us-gov`, `aws-cn`, …
    pub partition: String,
}
