//! Whether an environment really holds an account's credentials, and whose they are.
//!
//! Knows what each cloud needs, by name, and that AWS is asked before anything is written. It must never know how an environment is
//! evaluated or how a cloud is asked.

use crate::{
    Cx,
    environments::{self, Opened as OpenedEnvironment, Opener},
};
use pileus_clouds::{CloudError, aws::Credentials};
use pileus_model::{
    Error, ErrorKind, Result, Secret,
    insights::{EnvironmentRef, Provider},
};
use serde_json::Value;
use std::collections::BTreeMap;

/// What an environment provides, as far as accounts are concerned.
#[derive(Debug, Clone, Default)]
pub struct Opened {
    /// Its `environmentVariables`.
    pub variables: BTreeMap<String, Secret<String>>,
    /// The names of its `files`.
    pub files: Vec<String>,
}

impl Opened {
    /// A variable that is not empty.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(|value| value.expose().trim()).filter(|value| !value.is_empty())
    }
    fn of(opened: OpenedEnvironment) -> Self {
        let files = opened.values.get("files").and_then(Value::as_object);
        let files = files.into_iter().flatten().map(|(name, _)| name.clone()).collect();
        Self { variables: opened.environment_variables, files }
    }
}

/// What a cloud has confirmed.
#[derive(Debug, Clone, Default)]
pub(super) struct Confirmed {
    /// The cloud's own id of the account, where it has one.
    pub account: Option<String>,
    /// The partition of AWS.
    pub partition: Option<String>,
    /// The regions that are to be scanned; empty for other clouds.
    pub regions: Vec<String>,
}

/// What a cloud's scanner needs of an environment: environment variables, files, and alternatives, of which one is enough.
struct Needs {
    variables: &'static [&'static str],
    files: &'static [&'static str],
    one_of: &'static [&'static [&'static str]],
    /// The variable that holds the cloud's own id of the account.
    account: Option<&'static str>,
}

const fn needs(provider: Provider) -> Needs {
    match provider {
        Provider::Aws => {
            Needs { variables: &["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"], files: &[], one_of: &[], account: None }
        }
        Provider::AzureNative => Needs {
            variables: &["ARM_CLIENT_ID", "ARM_TENANT_ID", "ARM_SUBSCRIPTION_ID"],
            files: &[],
            one_of: &[&["ARM_CLIENT_SECRET"], &["ARM_USE_OIDC", "ARM_OIDC_TOKEN"]],
            account: Some("ARM_SUBSCRIPTION_ID"),
        },
        Provider::Gcp => Needs {
            variables: &["GOOGLE_PROJECT", "GOOGLE_OAUTH_ACCESS_TOKEN"],
            files: &[],
            one_of: &[],
            account: Some("GOOGLE_PROJECT"),
        },
        Provider::Oci => Needs {
            variables: &["OCI_TENANCY_OCID", "OCI_USER_OCID", "OCI_FINGERPRINT", "OCI_REGION"],
            files: &["OCI_PRIVATE_KEY_PATH"],
            one_of: &[],
            account: Some("OCI_TENANCY_OCID"),
        },
        Provider::Kubernetes => Needs { variables: &[], files: &["KUBECONFIG"], one_of: &[], account: None },
    }
}

/// Refuses an environment that lacks, by name, what this cloud's scanner needs.
///
/// # Errors
/// `Invalid`, naming everything that is missing.
pub fn check_provided(provider: Provider, environment: &str, opened: &Opened) -> Result<()> {
    let needs = needs(provider);
    let given = |name: &&str| opened.variable(name).is_some();
    let lacking = |names: &[&'static str]| names.iter().filter(|name| !given(name)).copied().collect::<Vec<_>>();
    let mut missing = Vec::new();
    let variables = lacking(needs.variables);
    if !variables.is_empty() {
        missing.push(format!("environmentVariables {}", variables.join(", ")));
    }
    let files: Vec<&str> =
        needs.files.iter().filter(|name| !opened.files.iter().any(|file| file == *name)).copied().collect();
    if !files.is_empty() {
        missing.push(format!("files {}", files.join(", ")));
    }
    if !needs.one_of.is_empty() && !needs.one_of.iter().any(|names| names.iter().all(given)) {
        let ways: Vec<String> = needs.one_of.iter().map(|names| names.join(" and ")).collect();
        missing.push(format!("either {} among its environmentVariables", ways.join(", or ")));
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "environment \"{environment}\" does not provide what an account of {} needs: {}",
        provider.title(),
        missing.join("; ")
    )))
}

/// Opens the environment for the caller, checks what it provides, and asks the cloud whose credentials these are. With `fixed`, they
/// must be that account's.
///
/// # Errors
/// `Forbidden` if the caller may not open it or what it imports, `NotFound` if it or its version does not exist, `Invalid`
/// otherwise, saying what is missing or what the cloud answered.
pub(super) async fn confirm(
    cx: &Cx,
    name: &str,
    provider: Provider,
    environment: &EnvironmentRef,
    regions: &[String],
    fixed: Option<&str>,
) -> Result<Confirmed> {
    let reference = environment.to_string();
    let purpose = format!("account \"{name}\"");
    let opened = environments::open_for(Opener::Caller(cx), &reference, &purpose).await;
    let opened = Opened::of(opened.map_err(unknown)?);
    check_provided(provider, &reference, &opened)?;
    let confirmed = if provider == Provider::Aws {
        of_aws(cx, &reference, &opened, regions).await?
    } else {
        let account = needs(provider).account.and_then(|name| opened.variable(name)).map(str::to_owned);
        Confirmed { account, ..Confirmed::default() }
    };
    match (fixed, confirmed.account.as_deref()) {
        (Some(fixed), Some(now)) if fixed != now => Err(Error::invalid(format!(
            "the credentials of environment \"{reference}\" belong to the {} account {now}, but \"{name}\" is {fixed}",
            provider.title()
        ))),
        _ => Ok(confirmed),
    }
}

/// An environment that does not exist, in the words that clients know; of a version that is missing, with what is wrong with it.
fn unknown(error: Error) -> Error {
    match error.kind() {
        ErrorKind::NotFound if error.message().ends_with(" not found") => Error::not_found("environment not found"),
        ErrorKind::NotFound => Error::not_found(format!("environment not found: {}", error.message())),
        _ => error,
    }
}

async fn of_aws(cx: &Cx, reference: &str, opened: &Opened, regions: &[String]) -> Result<Confirmed> {
    let refused = |error: CloudError| {
        Error::invalid(format!("the credentials of environment \"{reference}\" could not be confirmed by AWS: {error}"))
    };
    let credentials = Credentials::from_variables(|name| opened.variable(name)).map_err(refused)?;
    let region = opened.variable("AWS_REGION").or_else(|| opened.variable("AWS_DEFAULT_REGION"));
    let region = region.or(regions.first().map(String::as_str));
    let identity = cx.app.clouds.identify(&credentials, region).await.map_err(refused)?;
    let regions = match regions {
        [] => cx.app.clouds.regions(&credentials, region).await.map_err(refused)?,
        named => named.to_vec(),
    };
    Ok(Confirmed { account: Some(identity.account), partition: Some(identity.partition), regions })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn opened(variables: &[&str], files: &[&str]) -> Opened {
        Opened {
            variables: variables.iter().map(|name| ((*name).to_owned(), Secret::new("x".to_owned()))).collect(),
            files: files.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    #[test]
    fn what_each_cloud_needs() {
        let says = |provider, variables: &[&str], files: &[&str]| {
            check_provided(provider, "p/e", &opened(variables, files)).map_err(|e| e.message().to_owned())
        };
        assert_eq!(
            says(Provider::Aws, &["AWS_ACCESS_KEY_ID"], &[]).unwrap_err(),
            "environment \"p/e\" does not provide what an account of AWS needs: environmentVariables AWS_SECRET_ACCESS_KEY"
        );
        assert!(says(Provider::Aws, &["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"], &[]).is_ok());
        let azure = ["ARM_CLIENT_ID", "ARM_TENANT_ID", "ARM_SUBSCRIPTION_ID"];
        assert!(
            says(Provider::AzureNative, &azure, &[]).unwrap_err().contains("either ARM_CLIENT_SECRET among")
                || says(Provider::AzureNative, &azure, &[]).unwrap_err().contains("either ARM_CLIENT_SECRET, or")
        );
        assert!(says(Provider::AzureNative, &[&azure[..], &["ARM_CLIENT_SECRET"]].concat(), &[]).is_ok());
        assert!(says(Provider::AzureNative, &[&azure[..], &["ARM_USE_OIDC", "ARM_OIDC_TOKEN"]].concat(), &[]).is_ok());
        assert!(says(Provider::Kubernetes, &["KUBECONFIG"], &[]).unwrap_err().ends_with("files KUBECONFIG"));
        assert!(says(Provider::Kubernetes, &[], &["KUBECONFIG"]).is_ok());
        assert!(says(Provider::Gcp, &["GOOGLE_PROJECT", "GOOGLE_OAUTH_ACCESS_TOKEN"], &[]).is_ok());
    }
}
