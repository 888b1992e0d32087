//! A cloud that knows its own credentials, in the test's process: for accounts, not for what is in them.

use pileus_service::insights::cloud::{BoxFuture, CloudError, CloudIdentity, Credentials, Identity};

/// AWS with an account for each access key `AKIA` and twelve digits, whose secret is `right`, and two regions.
#[derive(Debug, Clone, Copy, Default)]
pub struct FakeClouds;

fn account(credentials: &Credentials) -> Result<String, CloudError> {
    let account = credentials.access_key_id.strip_prefix("AKIA").unwrap_or_default();
    if credentials.secret_access_key.expose() == "right" && account.len() == 12 {
        return Ok(account.to_owned());
    }
    let message = "The request signature we calculated does not match the signature you provided.";
    Err(CloudError::Credentials { code: "SignatureDoesNotMatch".into(), message: message.into() })
}

impl CloudIdentity for FakeClouds {
    fn identify<'a>(
        &'a self,
        credentials: &'a Credentials,
        _: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Identity, CloudError>> {
        Box::pin(async {
            let account = account(credentials)?;
            let arn = format!("arn:aws:iam::{account}:user/scanner");
            Ok(Identity { account, arn, user_id: "AIDA".into(), partition: "aws".into() })
        })
    }
    fn regions<'a>(
        &'a self,
        credentials: &'a Credentials,
        _: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Vec<String>, CloudError>> {
        Box::pin(async { account(credentials).map(|_| vec!["eu-west-1".into(), "us-east-1".into()]) })
    }
}
