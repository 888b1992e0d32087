//! Environments opened for something of ours: the credentials of accounts and scans.

use super::{
    OPEN,
    context::Who,
    evaluate::{DEFAULT_SECONDS, How, Job, record_denied, run},
    names::Reference,
    sessions::opened,
    target,
    world::{Snapshot, Source},
};
use crate::{App, Cx, auth};
use pileus_model::{
    Error, Result, Secret,
    audit::{Outcome, Target, catalogue},
    caller::{OrgAccess, OrgRef},
    ids::UserId,
};
use pileus_store::{Recorded, Tx};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

/// For whom an environment is opened.
#[derive(Debug, Clone, Copy)]
pub enum Opener<'a> {
    /// The caller of a request, within his permissions.
    Caller(&'a Cx),
    /// Pileus itself, for what an account names.
    System {
        /// The process.
        app: &'a Arc<App>,
        /// The organisation.
        org: &'a OrgRef,
        /// Who answers for what the environment imports, if anybody does: whoever writes a definition decides that, later than
        /// the account was made.
        owner: Option<UserId>,
    },
}

/// An opened environment. `Debug` shows no value.
pub struct Opened {
    /// All values in clear, as plain JSON.
    pub values: serde_json::Value,
    /// The environment variables in clear.
    pub environment_variables: BTreeMap<String, Secret<String>>,
    /// `project/name`.
    pub environment: String,
    /// The revision that was opened.
    pub version: i64,
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opened").field("environment", &self.environment).field("version", &self.version).finish()
    }
}

/// Credentials for AWS, as an environment provides them.
#[derive(Debug, Clone)]
pub struct AwsCredentials {
    /// `AWS_ACCESS_KEY_ID`
    pub access_key_id: String,
    /// `AWS_SECRET_ACCESS_KEY`
    pub secret_access_key: Secret<String>,
    /// `AWS_SESSION_TOKEN`
    pub session_token: Option<Secret<String>>,
    /// `AWS_REGION`, or `AWS_DEFAULT_REGION`.
    pub region: Option<String>,
}

impl Opened {
    /// A variable that is there and not empty.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.environment_variables.get(name).map(|value| value.expose().as_str()).filter(|value| !value.is_empty())
    }
    /// `project/name@revision`.
    pub fn reference(&self) -> String {
        format!("{}@{}", self.environment, self.version)
    }
    /// The credentials for AWS among its environment variables.
    ///
    /// # Errors
    /// `Invalid`, naming the variables that are missing.
    pub fn aws(&self) -> Result<AwsCredentials> {
        let names = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
        let missing: Vec<&str> = names.into_iter().filter(|name| self.variable(name).is_none()).collect();
        if !missing.is_empty() {
            return Err(Error::invalid(format!(
                "environment \"{}\" does not provide {} among its environmentVariables",
                self.environment,
                missing.join(" and ")
            )));
        }
        let text = |name: &str| self.variable(name).map(str::to_owned);
        Ok(AwsCredentials {
            access_key_id: text(names[0]).unwrap_or_default(),
            secret_access_key: Secret::new(text(names[1]).unwrap_or_default()),
            session_token: text("AWS_SESSION_TOKEN").map(Secret::new),
            region: text("AWS_REGION").or_else(|| text("AWS_DEFAULT_REGION")),
        })
    }
}

/// Refuses whoever may not open this environment, or one that it names directly or by way of others.
///
/// # Errors
/// `Invalid` for a bad reference; `NotFound`; `Forbidden`, naming what may not be opened.
pub fn may_open(tx: &mut dyn Tx, app: &App, access: &OrgAccess, reference: &str) -> Result<()> {
    let reference = Reference::parse(reference)?;
    let source = Source::read(tx, app, access.org.id, &reference)?;
    let snapshot = Snapshot::read(tx, app, access.org.id, &source.text, HashMap::new())?;
    match refused(&source, &snapshot, access) {
        None => Ok(()),
        Some(refused) => Err(forbidden(&refused)),
    }
}

/// The first environment that may not be opened.
fn refused(source: &Source, snapshot: &Snapshot, access: &OrgAccess) -> Option<String> {
    let mut all = std::iter::once(source).chain(snapshot.sources());
    all.find(|source| !source.permits(access, OPEN)).map(|source| source.row.reference())
}

fn forbidden(reference: &str) -> Error {
    Error::forbidden(format!("this needs the permission {OPEN} on environment \"{reference}\""))
}

/// Refuses what is imported and its owner may not open now.
async fn answered_for(who: &Who, source: &Source, snapshot: &Snapshot, owner: UserId) -> Result<()> {
    if snapshot.sources().next().is_none() {
        return Ok(());
    }
    let access = auth::access_of_user(&who.app, owner, &who.org.name).await?;
    let may = |source: &Source| access.as_ref().is_some_and(|access| source.permits(access, OPEN));
    let Some(refused) = snapshot.sources().find(|source| !may(source)).map(|source| source.row.reference()) else {
        return Ok(());
    };
    let why = format!(
        "\"{}\" imports \"{refused}\", which the owner of the account may not open: this needs the permission {OPEN} on it, or another owner",
        source.row.reference()
    );
    let mut event = who.event(
        catalogue::ENVIRONMENT_UNAUTHORIZED_OPEN,
        Target::new("environment", refused),
        format!("Refused to open environment {why}"),
    );
    event.outcome = Outcome::Denied;
    who.app.store.write(move |_| Ok(Recorded::new((), event.clone()))).await?;
    Err(Error::forbidden(why))
}

/// Opens `project/name[@version]` for a purpose, which ends the sentence "Opened environment … for …" in the record: `scan
/// of account "x"`. A caller needs the permission to open it and all that it imports; for Pileus itself, the owner whom it names
/// needs it on what is imported.
///
/// # Errors
/// `Invalid` for a bad reference, or where it cannot be evaluated without errors: says the first; `NotFound`; `Forbidden`,
/// which is recorded as `environment-unauthorized-open`.
pub async fn open_for(opener: Opener<'_>, reference: &str, purpose: &str) -> Result<Opened> {
    let who = match opener {
        Opener::Caller(cx) => Who::caller(cx)?,
        Opener::System { app, org, .. } => Who::system(app, org, "Scan"),
    };
    let parsed = Reference::parse(reference)?;
    let (app, org) = (Arc::clone(&who.app), who.org.id);
    let (source, snapshot) = who.app.store.read(move |tx| Source::read_with_imports(tx, &app, org, &parsed)).await?;
    if let (Opener::Caller(cx), Some(access)) = (opener, &who.access)
        && let Some(refused) = refused(&source, &snapshot, access)
    {
        record_denied(cx, std::slice::from_ref(&refused));
        return Err(forbidden(&refused).recorded());
    }
    if let Opener::System { owner: Some(owner), .. } = opener {
        answered_for(&who, &source, &snapshot, owner).await?;
    }
    let ran = run(&who, Job::stored(&source, snapshot), How::Open { seconds: DEFAULT_SECONDS, values: true }).await?;
    if let Some(problem) = &ran.problem {
        return Err(Error::invalid(format!("environment \"{}\" cannot be opened: {problem}", source.at())));
    }
    let said = format!("Opened environment \"{}\" at revision {}", source.row.reference(), source.number);
    let said = format!("{} for {purpose}", opened(said, &ran));
    let event = who.event(catalogue::ENVIRONMENT_OPEN, target(&source.row), said);
    who.app.store.write(move |_| Ok(Recorded::new((), event.clone()))).await?;
    let values = serde_json::from_str(&ran.values).map_err(|e| Error::internal(format!("values are no JSON: {e}")))?;
    let variables = ran.variables.into_iter().map(|(name, value)| (name, Secret::new(value))).collect();
    let (environment, version) = (source.row.reference(), source.number);
    Ok(Opened { values, environment_variables: variables, environment, version })
}
