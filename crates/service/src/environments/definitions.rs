//! Definitions: read, replaced by a new revision, decrypted.

use super::{
    change::author,
    context::Who,
    evaluate::{How, Job, record_denied, run},
    names::Reference,
    require_locked,
    sealing::{EnvironmentKey, edit_failed},
    target,
    world::{Snapshot, Source, imported},
};
use crate::Cx;
use pileus_esc::{
    Limits, edit,
    host::{Decrypter as _, Encrypter as _},
    secret::{envelope, open_envelope},
};
use pileus_model::{
    Error, Result,
    audit::{EventType, catalogue},
};
use pileus_store::{
    Recorded,
    environments::{self as store, EnvironmentRow},
    environments_revisions::{self as revisions, RevisionRow},
};
use std::{collections::HashMap, sync::Arc};

/// How many bytes the texts of one request to encrypt or decrypt may have.
const MAX_TEXTS: usize = 1 << 20;

/// A definition.
#[derive(Debug, Clone)]
pub struct Definition {
    /// The text.
    pub text: String,
    /// Its revision.
    pub revision: i64,
    /// What tells it from others.
    pub etag: String,
}

/// What came of an update.
#[derive(Debug, Clone)]
pub struct Updated {
    /// The new revision and what tells it from others; none if the definition is wrong and nothing was stored.
    pub revision: Option<(i64, String)>,
    /// What is to be said, each a JSON object.
    pub diagnostics: Vec<String>,
}

/// What tells a revision from all others, of this and other environments.
fn etag(row: &EnvironmentRow, revision: i64) -> String {
    format!("\"{}-{revision}\"", row.id)
}

fn reference(project: &str, name: &str, version: Option<&str>) -> Reference {
    Reference { project: project.into(), name: name.into(), version: version.map(str::to_owned) }
}

/// Reads a revision and records that, within one transaction.
async fn recorded(cx: &Cx, reference: Reference, event: EventType, verb: &'static str) -> Result<Source> {
    let (cx, app) = (cx.clone(), cx.app.clone());
    app.store
        .write(move |tx| {
            let source = Source::read(tx, &cx.app, cx.org()?.id, &reference)?;
            let description =
                format!("{verb} revision {} of environment \"{}\"", source.number, source.row.reference());
            let event = cx.event(event, target(&source.row), description)?;
            Ok(Recorded::new(source, event))
        })
        .await
}

/// A revision's definition, its secrets encrypted.
///
/// # Errors
/// `NotFound`.
pub async fn read(cx: &Cx, project: &str, name: &str, version: Option<&str>) -> Result<Definition> {
    let source = recorded(cx, reference(project, name, version), catalogue::ENVIRONMENT_READ, "Read").await?;
    Ok(Definition { etag: etag(&source.row, source.number), revision: source.number, text: source.text })
}

/// As [`read`], without the text and without a record.
///
/// # Errors
/// `NotFound`.
pub async fn head(cx: &Cx, project: &str, name: &str) -> Result<Definition> {
    let (app, org, reference) = (Arc::clone(&cx.app), cx.org()?.id, reference(project, name, None));
    let source = cx.app.store.read(move |tx| Source::read(tx, &app, org, &reference)).await?;
    Ok(Definition { etag: etag(&source.row, source.number), revision: source.number, text: String::new() })
}

/// A revision's definition with its secrets in clear.
///
/// # Errors
/// `NotFound`; `Invalid` where a ciphertext was not made for this environment.
pub async fn decrypt(cx: &Cx, project: &str, name: &str, version: Option<&str>) -> Result<Definition> {
    let source = recorded(cx, reference(project, name, version), catalogue::ENVIRONMENT_DECRYPTED, "Decrypted").await?;
    let text = edit::decrypt_secrets(&source.text, &*source.key, &Limits::default()).map_err(|e| edit_failed(&e))?;
    Ok(Definition { etag: etag(&source.row, source.number), revision: source.number, text })
}

/// Replaces the definition by a new revision, if it is right. With `if_match`, only if the newest revision is still the one
/// that it names.
///
/// # Errors
/// `NotFound`; `Conflict` where the definition has changed; `TooLarge`.
pub async fn update(cx: &Cx, project: &str, name: &str, text: String, if_match: Option<String>) -> Result<Updated> {
    let limits = Limits::default();
    if text.len() > limits.document_bytes {
        return Err(Error::too_large(format!("a definition has at most {} bytes", limits.document_bytes)));
    }
    let who = Who::caller(cx)?;
    let (app, org, reference) = (Arc::clone(&cx.app), who.org.id, reference(project, name, None));
    let (given, wanted) = (text.clone(), if_match.clone());
    let (source, snapshot) = cx
        .app
        .store
        .read(move |tx| {
            let source = Source::read(tx, &app, org, &reference)?;
            unchanged(&source.row, wanted.as_deref())?;
            Ok((source, Snapshot::read(tx, &app, org, &given, HashMap::new())?))
        })
        .await?;
    let job = Job::update(&source, text.clone(), snapshot);
    let ran = run(&who, job, How::Check { secrets: false }).await?;
    record_denied(cx, &ran.denied);
    if ran.problem.is_some() {
        return Ok(Updated { revision: None, diagnostics: ran.diagnostics });
    }
    let sealed = edit::encrypt_secrets(&text, &*source.key, &limits).map_err(|e| edit_failed(&e))?;
    if sealed.len() > limits.document_bytes {
        return Err(Error::too_large(format!("a definition has at most {} bytes", limits.document_bytes)));
    }
    let revision = store_revision(cx, &source.row, sealed, if_match).await?;
    Ok(Updated { revision: Some((revision, etag(&source.row, revision))), diagnostics: ran.diagnostics })
}

/// Refuses a change of something that has changed since it was read.
fn unchanged(row: &EnvironmentRow, if_match: Option<&str>) -> Result<()> {
    let bare = |tag: &str| tag.trim().trim_start_matches("W/").trim_matches('"').to_owned();
    match if_match.map(bare) {
        None => Ok(()),
        Some(tag) if tag == "*" || tag == bare(&etag(row, row.latest)) => Ok(()),
        Some(_) => Err(Error::conflict(format!(
            "environment \"{}\" has changed since it was read: its newest revision is {}",
            row.reference(),
            row.latest
        ))),
    }
}

async fn store_revision(cx: &Cx, checked: &EnvironmentRow, text: String, if_match: Option<String>) -> Result<i64> {
    let imports = imported(&text);
    let (cx, app, checked) = (cx.clone(), cx.app.clone(), checked.clone());
    app.store
        .write(move |tx| {
            let org = cx.org()?.id;
            let row = require_locked(tx, org, &checked.project, &checked.name)?;
            if row.id != checked.id {
                return Err(Error::conflict(format!("environment \"{}\" was made anew", row.reference())));
            }
            unchanged(&row, if_match.as_deref())?;
            let (creator_login, creator_name) = author(&cx);
            let (number, now) = (row.latest + 1, cx.now());
            let new = RevisionRow { number, creator_login, creator_name, created_at: now, retracted: None };
            revisions::insert(tx, org, row.id, &new, &text)?;
            store::set_latest(tx, org, row.id, number, now)?;
            store::add_imports(tx, org, row.id, number, &imports)?;
            let description = format!("Updated environment \"{}\" to revision {number}", row.reference());
            Ok(Recorded::new(number, cx.event(catalogue::ENVIRONMENT_UPDATED, target(&row), description)?))
        })
        .await
}

/// The environment's key.
async fn key(cx: &Cx, project: &str, name: &str) -> Result<(EnvironmentRow, EnvironmentKey)> {
    let row = super::metadata(cx, project, name).await?;
    let key = EnvironmentKey::of(&cx.app, &row)?;
    Ok((row, key))
}

fn check_size(texts: &[String]) -> Result<()> {
    if texts.iter().map(String::len).sum::<usize>() > MAX_TEXTS {
        return Err(Error::too_large(format!("all texts together may have at most {MAX_TEXTS} bytes")));
    }
    Ok(())
}

/// Encrypts texts with the environment's key, in the form that definitions hold.
///
/// # Errors
/// `NotFound`; `TooLarge`.
pub async fn encrypt_secrets(cx: &Cx, project: &str, name: &str, texts: &[String]) -> Result<Vec<String>> {
    check_size(texts)?;
    let (_, key) = key(cx, project, name).await?;
    let sealed = texts.iter().map(|text| key.encrypt(text.as_bytes()).map(|inner| envelope(&inner)));
    sealed.collect::<std::result::Result<_, _>>().map_err(Error::internal)
}

/// Decrypts texts that were encrypted with the environment's key.
///
/// # Errors
/// `NotFound`; `TooLarge`; `Invalid` where one was not.
pub async fn decrypt_secrets(cx: &Cx, project: &str, name: &str, texts: &[String]) -> Result<Vec<String>> {
    check_size(texts)?;
    let (row, key) = key(cx, project, name).await?;
    let open = |(i, text): (usize, &String)| {
        let clear = open_envelope(text).and_then(|inner| key.decrypt(&inner));
        let clear = clear.and_then(|bytes| String::from_utf8(bytes).map_err(|_| "it is no text".to_owned()));
        clear.map_err(|why| Error::invalid(format!("ciphertexts[{i}]: {why}")))
    };
    let clear = texts.iter().enumerate().map(open).collect::<Result<Vec<String>>>()?;
    let description = format!("Decrypted {} secrets of environment \"{}\"", clear.len(), row.reference());
    let event = cx.event(catalogue::ENVIRONMENT_DECRYPTED, target(&row), description)?;
    cx.app.store.write(move |_| Ok(Recorded::new((), event.clone()))).await?;
    Ok(clear)
}
