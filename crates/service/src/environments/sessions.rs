//! Opening environments: the result is kept sealed until it expires, for whoever opened it.

use super::{
    context::{Who, go_duration, parse_duration},
    deleted,
    evaluate::{DEFAULT_SECONDS, How, Job, Ran, record_denied, run},
    names::Reference,
    require, target,
    world::{Snapshot, Source},
};
use crate::{App, Cx};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use pileus_codec::envelope;
use pileus_esc::{
    host::ANONYMOUS,
    json::Json,
    path::{self, Step},
};
use pileus_model::{
    Error, Result,
    audit::{EventType, NewEvent, Target, catalogue},
    caller::Principal,
    ids::EnvironmentId,
};
use pileus_store::{
    Recorded,
    environments_keys::{self as store, SessionRow},
};
use sha2::{Digest, Sha256};
use std::{collections::HashMap, fmt::Write as _, sync::Arc};

/// The longest session: a week.
const MAX_SECONDS: i64 = 7 * 24 * 3600;
/// How deep the stored results may be nested, well above what evaluation allows.
const MAX_DEPTH: usize = 4096;

/// What came of opening.
#[derive(Debug, Clone)]
pub struct Session {
    /// The session; none if the definition is wrong, and nothing was kept.
    pub id: Option<String>,
    /// What is to be said, each a JSON object.
    pub diagnostics: Vec<String>,
}

/// Seconds that a session is to last.
fn seconds(duration: Option<&str>) -> Result<i64> {
    let seconds = duration.map_or(Ok(DEFAULT_SECONDS), parse_duration)?;
    if seconds > MAX_SECONDS {
        return Err(Error::invalid(format!("duration is at most {}", go_duration(MAX_SECONDS))));
    }
    Ok(seconds)
}

/// Opens an environment, at a version if one is named.
///
/// # Errors
/// `NotFound`; `Invalid` for a bad duration.
pub async fn open(
    cx: &Cx,
    project: &str,
    name: &str,
    version: Option<&str>,
    duration: Option<&str>,
) -> Result<Session> {
    let seconds = seconds(duration)?;
    let reference = Reference { project: project.into(), name: name.into(), version: version.map(str::to_owned) };
    let by_tag = version.is_some_and(|version| version.parse::<i64>().is_err());
    let who = Who::caller(cx)?;
    let (app, org) = (Arc::clone(&cx.app), who.org.id);
    let (source, snapshot) = cx.app.store.read(move |tx| Source::read_with_imports(tx, &app, org, &reference)).await?;
    let seconds = snapshot.seconds(cx.access()?, source.seconds(cx.access()?, seconds));
    let ran = run(&who, Job::stored(&source, snapshot), How::Open { seconds, values: false }).await?;
    let event: EventType = if by_tag { catalogue::ENVIRONMENT_REVISION_TAG_OPEN } else { catalogue::ENVIRONMENT_OPEN };
    let said = format!("Opened environment \"{}\" at revision {}", source.row.reference(), source.number);
    let said = format!("{} for {}", opened(said, &ran), by(cx)?);
    let event = cx.event(event, target(&source.row), said)?;
    keep(cx, Some((source.row.id, source.number)), ran, seconds, event).await
}

/// The description of an opening: what was opened besides.
pub(super) fn opened(mut said: String, ran: &Ran) -> String {
    if !ran.imports.is_empty() {
        let _ = write!(said, ", importing {}", ran.imports.join(", "));
    }
    said
}

/// Who opens something, for the record.
fn by(cx: &Cx) -> Result<String> {
    let caller = cx.caller()?;
    Ok(match &caller.principal {
        Principal::User(user) => format!("user \"{}\"", user.login),
        Principal::Organization(_) => format!("the organization's token \"{}\"", caller.token_name),
        Principal::Team { name, .. } => format!("the token \"{}\" of team \"{name}\"", caller.token_name),
    })
}

/// The command of the CLI that works on a stack, if it is one: what it opens is the stack's, not anybody's to look at.
fn update(cx: &Cx) -> String {
    let command = &cx.request.cli_command;
    if command.is_empty() { String::new() } else { format!("an update (\"{}\") by ", command.replace('-', " ")) }
}

/// Opens a definition that is stored nowhere. `overrides` is base64url of a JSON object: imports to be replaced by others.
///
/// # Errors
/// `Invalid` for a bad duration or overrides.
pub async fn open_yaml(cx: &Cx, text: String, duration: Option<&str>, overrides: Option<&str>) -> Result<Session> {
    let seconds = seconds(duration)?;
    let overrides = match overrides {
        None => HashMap::new(),
        Some(encoded) => URL_SAFE_NO_PAD
            .decode(encoded.trim_end_matches('='))
            .ok()
            .and_then(|bytes| serde_json::from_slice::<HashMap<String, String>>(&bytes).ok())
            .ok_or_else(|| Error::invalid("environmentOverrides must be base64url of a JSON object of texts"))?,
    };
    let who = Who::caller(cx)?;
    let (app, org, definition) = (Arc::clone(&cx.app), who.org.id, text.clone());
    let snapshot = cx.app.store.read(move |tx| Snapshot::read(tx, &app, org, &definition, overrides.clone())).await?;
    let seconds = snapshot.seconds(cx.access()?, seconds);
    let ran = run(&who, Job::anonymous(text, snapshot), How::Open { seconds, values: false }).await?;
    let said = opened("Opened a definition that is not stored".into(), &ran);
    let said = format!("{said} for {}{}", update(cx), by(cx)?);
    let event = cx.event(catalogue::ENVIRONMENT_OPEN, Target::new("environment", ANONYMOUS), said)?;
    keep(cx, None, ran, seconds, event).await
}

/// Keeps a result, with the event in the same transaction.
async fn keep(cx: &Cx, of: Option<(EnvironmentId, i64)>, ran: Ran, seconds: i64, event: NewEvent) -> Result<Session> {
    record_denied(cx, &ran.denied);
    if ran.problem.is_some() {
        return Ok(Session { id: None, diagnostics: ran.diagnostics });
    }
    let mut random = [0; 24];
    cx.app.entropy.fill(&mut random);
    let id = URL_SAFE_NO_PAD.encode(random);
    let hash = hashed(&id);
    let (key, data_key) = cx.app.keys.fresh(&session_owner(&hash), &*cx.app.entropy)?;
    let result = envelope::seal(&key, &hash, ran.result.as_bytes(), &*cx.app.entropy)?;
    let now = cx.now();
    let mut row = SessionRow {
        id: hash,
        env: of.map(|(env, _)| env),
        number: of.map(|(_, number)| number),
        opener: opener(cx)?,
        data_key,
        result,
        created_at: now,
        expires_at: now.plus_seconds(seconds),
    };
    let (org, keys, entropy) = (cx.org()?.id, cx.app.keys.clone(), Arc::clone(&cx.app.entropy));
    cx.app
        .store
        .write(move |tx| {
            row.data_key = keys.current(tx, &session_owner(&row.id), &row.data_key, &*entropy)?;
            store::insert_session(tx, org, &row)?;
            Ok(Recorded::new((), event.clone()))
        })
        .await?;
    Ok(Session { id: Some(id), diagnostics: ran.diagnostics })
}

/// Under which hash a session is kept: who reads the database cannot name it.
fn hashed(id: &str) -> [u8; 32] {
    Sha256::digest(id.as_bytes()).into()
}

/// What the key of the session with this id is bound to.
pub(crate) fn session_owner(id: &[u8]) -> Vec<u8> {
    [b"session ", id].concat()
}

/// Whose a session is: a person's, whichever of his tokens he uses, or a token's.
fn opener(cx: &Cx) -> Result<String> {
    let caller = cx.caller()?;
    Ok(match &caller.principal {
        Principal::User(user) => format!("user {}", user.id),
        _ => format!("token {}", caller.token),
    })
}

/// What a session holds, or one property of it: JSON. Of an environment if one is named, else of a definition that is stored
/// nowhere.
///
/// # Errors
/// `NotFound` for a session that does not exist, has ended, is of another environment or someone else's, and for a property
/// that it does not have; `Invalid` for a bad path.
pub async fn read_session(
    cx: &Cx,
    environment: Option<(&str, &str)>,
    id: &str,
    property: Option<&str>,
) -> Result<String> {
    let steps = property.map(path::parse).transpose();
    let steps = steps.map_err(|why| Error::invalid(format!("property is no path: {why}")))?;
    let environment = environment.map(|(project, name)| (project.to_owned(), name.to_owned()));
    let (hash, opener, shown) = (hashed(id), opener(cx)?, property.map(str::to_owned));
    let (cx, app) = (cx.clone(), cx.app.clone());
    let row = app
        .store
        .write(move |tx| {
            let org = cx.org()?.id;
            let env = match &environment {
                Some((project, name)) => Some(require(tx, org, project, name)?),
                None => None,
            };
            let found = store::session(tx, org, &hash, cx.now())?;
            let id = env.as_ref().map(|row| row.id);
            let Some(found) = found.filter(|found| found.env == id && found.opener == opener) else {
                return Err(Error::not_found("the open session does not exist, or has ended"));
            };
            let name = env.as_ref().map_or_else(|| ANONYMOUS.to_owned(), |row| row.reference());
            let what = shown.as_ref().map(|path| format!("property \"{path}\" of ")).unwrap_or_default();
            let revision = found.number.map(|number| format!(" at revision {number}")).unwrap_or_default();
            let description = format!("Read {what}opened environment \"{name}\"{revision} for {}", by(&cx)?);
            let target = Target::new("environment", name);
            Ok(Recorded::new(found, cx.event(catalogue::ENVIRONMENT_READ_OPEN, target, description)?))
        })
        .await?;
    let key = app.keys.unwrap(&session_owner(&row.id), &row.data_key)?;
    let result = envelope::open(&key, &row.id, &row.result)?;
    let text = String::from_utf8(result).map_err(|_| Error::internal("a session holds no text"))?;
    match steps {
        None => Ok(text),
        Some(steps) => at(&text, &steps).ok_or_else(|| Error::not_found("the opened environment has no such property")),
    }
}

/// The value at this path of a result.
fn at(text: &str, steps: &[Step]) -> Option<String> {
    let result = Json::parse(text, MAX_DEPTH).ok()?;
    let mut fields = result.get("properties")?;
    let (last, before) = steps.split_last()?;
    for step in before {
        fields = child(fields, step)?.get("value")?;
    }
    child(fields, last).map(Json::to_text)
}

fn child<'a>(value: &'a Json, step: &Step) -> Option<&'a Json> {
    match step {
        Step::Key(key) => value.get(key),
        Step::Index(index) => value.as_array()?.get(*index),
    }
}

/// Forgets the sessions that have ended, and the environments that can be restored no longer. How many sessions there were.
///
/// # Errors
/// `Unavailable`.
pub async fn sweep(app: &App) -> Result<u64> {
    let now = app.clock.now();
    let why = "what has ended is forgotten; its opening is on record";
    let ended = app.store.write(move |tx| Ok(Recorded::unaudited(store::sweep_sessions(tx, now)?, why))).await?;
    deleted::purge(app).await?;
    Ok(ended)
}
