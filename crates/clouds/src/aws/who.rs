//! Who the credentials are, and which regions are open to them.
//!
//! This room knows these two questions. It must never know what is scanned.

use super::{
    Identity,
    asked::asked,
    client::{Session, Tally},
    data::Scope,
    partition::DOCUMENTED,
    protocol::Ask,
};
use crate::CloudError;
use crate::value::Value;

/// `GetCallerIdentity`.
pub(crate) async fn identity(session: &Session<'_>) -> Result<Identity, CloudError> {
    let (service, call) = asked()?.identity()?;
    let answer = session.call(service, call, &ask(session, call)?, &Tally::default()).await?;
    let text = |key: &str| answer.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let identity = Identity {
        account: text("Account"),
        arn: text("Arn"),
        user_id: text("UserId"),
        partition: session.partition.name.clone(),
    };
    if identity.account.is_empty() {
        return Err(CloudError::Broken { code: "malformed", message: "GetCallerIdentity names no account".into() });
    }
    Ok(identity)
}

/// The regions that are enabled, sorted, if the cloud says which.
pub(crate) async fn enabled(session: &Session<'_>) -> Result<Option<Vec<String>>, CloudError> {
    let known = asked()?;
    for (service, call) in [known.regions()?, known.account_regions()?] {
        let mut ask = ask(session, call)?;
        let mut found = Vec::new();
        let mut seen = std::collections::HashSet::new();
        let listed = loop {
            let answer = match session.call(service, call, &ask, &Tally::default()).await {
                Ok(answer) => answer,
                Err(error @ (CloudError::Credentials { .. } | CloudError::Setting(_))) => return Err(error),
                Err(_) => break false,
            };
            let more = match &call.page {
                Some(page) => super::scan::next(page, &answer, &mut ask, &mut seen)?,
                None => false,
            };
            let names = call.items.as_ref().map(|path| path.take(answer)).unwrap_or_default();
            found.extend(names.iter().filter_map(Value::as_str).map(str::to_owned));
            if !more {
                break true;
            }
        };
        found.retain(|region| super::partition::of(region).is_ok());
        found.sort_unstable();
        found.dedup();
        if listed && !found.is_empty() {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// The regions that are enabled, sorted; the documented ones where the cloud does not say which.
pub(crate) async fn regions(session: &Session<'_>) -> Result<Vec<String>, CloudError> {
    if let Some(found) = enabled(session).await? {
        return Ok(found);
    }
    let partition = session.partition;
    let mut regions: Vec<String> = match partition.name.as_str() {
        "aws" => DOCUMENTED.iter().map(|r| (*r).to_owned()).collect(),
        _ => partition.regions.clone(),
    };
    regions.sort_unstable();
    Ok(regions)
}

fn ask(session: &Session<'_>, call: &super::data::Call) -> Result<Ask, CloudError> {
    Ask::new(call, &Scope { item: &Value::Null, parent: None, place: &session.place }).map_err(CloudError::Setting)
}
