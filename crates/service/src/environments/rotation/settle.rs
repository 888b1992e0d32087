//! The end of a rotation: a new revision holds what was made, and the record says what came of it.
//!
//! What was made goes into the newest definition, which may be newer than the one that was rotated. Where that one has lost
//! the rotator, or holds another state by now, whoever changed it is right: what was made is taken away again.

use super::{
    FAILED, RUNNING, RotationEvent, SUCCEEDED, below_values,
    journal::{self, Journal, Kept},
    perform::Performed,
    sealed,
};
use crate::environments::{context::Who, resolve, sealing::EnvironmentKey, target, world::imported};
use pileus_esc::{
    Limits, edit,
    host::{Decrypter as _, Encrypter as _},
    path,
    value::{Properties, Value},
};
use pileus_model::{
    Error, Result,
    audit::{NewEvent, Target, catalogue},
    ids::EnvironmentRotationId,
};
use pileus_store::{
    Recorded, Tx,
    environments::{self, EnvironmentRow},
    environments_revisions::{self as revisions, RevisionRow},
    environments_rotation::{self as store, RetiredRow, RotationRow, SecretRow},
    organizations,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    sync::Arc,
};

/// How often the definition may change while a rotation ends.
const TRIES: usize = 100;

/// Credentials to be taken away, each with what its rotator needs for that.
pub(super) type ToRetire = Vec<(RetiredRow, Value, Properties)>;

/// The definition as it is now.
type Newest = Option<(EnvironmentRow, i64, String)>;

/// What is on record as made.
type OnRecord = Vec<SecretRow>;

/// What is to be written.
#[derive(Clone, Default)]
struct Plan {
    /// The new definition.
    text: Option<String>,
    imports: Vec<(String, String, String)>,
    secrets: Vec<SecretRow>,
    /// The paths of what was made.
    made: BTreeSet<String>,
    retired: Vec<(RetiredRow, Value, Option<Properties>)>,
}

/// What was made, by path, and the key of the environment that it is for.
#[derive(Clone, Default)]
pub(super) struct Keeping {
    pub kept: BTreeMap<String, Kept>,
    pub key: Option<Arc<EnvironmentKey>>,
}

impl Keeping {
    /// What the journal knows.
    pub fn of(journal: Option<&Journal>) -> Self {
        journal.map(|j| Self { kept: j.kept(), key: Some(Arc::clone(&j.key)) }).unwrap_or_default()
    }
    /// Takes in what is on record besides: made by somebody who was no longer waited for.
    ///
    /// # Errors
    /// `Internal` where it does not open.
    pub fn add(&mut self, on_record: OnRecord) -> Result<()> {
        let Some(key) = &self.key else { return Ok(()) };
        for secret in on_record {
            let Some(bytes) = secret.made.filter(|_| !self.kept.contains_key(&secret.path)) else { continue };
            let clear = key.decrypt(&bytes).map_err(Error::internal)?;
            let made = sealed::made_of_bytes(&clear).ok_or_else(|| Error::internal("what was made cannot be read"))?;
            self.kept.insert(secret.path, Kept { rotator: secret.rotator, made, inputs: None });
        }
        Ok(())
    }
}

/// Ends a rotation. Returns what came of it, and what is then to be taken away.
///
/// # Errors
/// `Conflict` if somebody else has ended it; `Unavailable`: then somebody else will.
pub(super) async fn settle(
    who: &Who,
    rotation: RotationRow,
    performed: &Performed,
    keeping: &Keeping,
) -> Result<(RotationEvent, ToRetire)> {
    let mut keeping = keeping.clone();
    for _ in 0..TRIES {
        let (newest, on_record) = newest(who, &rotation).await?;
        keeping.add(on_record)?;
        let plan = planned(who, &rotation, newest.as_ref(), performed, &keeping).await?;
        let number = newest.as_ref().map(|(_, number, _)| *number);
        if let Some(event) = write(who, &rotation, number, (&plan, keeping.key.is_some()), performed).await? {
            let with_inputs =
                |(row, value, inputs): (RetiredRow, Value, Option<Properties>)| Some((row, value, inputs?));
            return Ok((event, plan.retired.into_iter().filter_map(with_inputs).collect()));
        }
    }
    Err(Error::conflict("the definition does not stay the same for long enough to end the rotation"))
}

async fn newest(who: &Who, rotation: &RotationRow) -> Result<(Newest, OnRecord)> {
    let (org, env, rotation) = (rotation.org, rotation.env, rotation.id);
    who.app
        .store
        .read(move |tx| {
            let on_record = store::secrets(tx, org, rotation)?;
            let Some(row) = environments::by_id(tx, org, env)? else { return Ok((None, on_record)) };
            let number = resolve(tx, org, &row, None)?;
            let text = revisions::definition(tx, org, env, number)?;
            let text = text.ok_or_else(|| Error::internal("a revision has no definition"))?;
            Ok((Some((row, number, text)), on_record))
        })
        .await
}

async fn planned(
    who: &Who,
    rotation: &RotationRow,
    newest: Option<&(EnvironmentRow, i64, String)>,
    performed: &Performed,
    keeping: &Keeping,
) -> Result<Plan> {
    let planner = Planner { who: who.clone(), rotation: rotation.id, base: performed.base.clone() };
    let text = newest.map(|(_, _, text)| text.clone());
    let (failed, keeping) = (performed.failed.clone(), keeping.clone());
    let task = tokio::task::spawn_blocking(move || planner.plan(text, &failed, keeping));
    task.await.map_err(|e| Error::internal(format!("a rotation ended badly: {e}")))?
}

struct Planner {
    who: Who,
    rotation: EnvironmentRotationId,
    base: Option<(i64, String)>,
}

impl Planner {
    fn plan(self, mut text: Option<String>, failed: &BTreeMap<String, String>, keeping: Keeping) -> Result<Plan> {
        let mut plan = Plan::default();
        let key = keeping.key.as_deref();
        for (path, kept) in keeping.kept {
            let placed = match (&text, key) {
                (Some(text), Some(key)) => self.place(text, &path, &kept, key),
                _ => Err("the environment was deleted meanwhile".to_owned()),
            };
            let gone = match &placed {
                Ok(_) => kept.made.old.clone(),
                Err(_) => Some(kept.made.new.clone()),
            };
            if let (Some(gone), Some(key)) = (gone, key) {
                let row = self.retired(&path, &kept.rotator, &gone, key)?;
                plan.retired.push((row, gone, kept.inputs.clone()));
            }
            let error = placed.as_ref().err().cloned();
            plan.secrets.push(self.secret(&path, &kept.rotator, error));
            plan.made.insert(path);
            if let Ok(placed) = placed {
                text = Some(placed);
                plan.text.clone_from(&text);
            }
        }
        for (path, why) in failed {
            if plan.secrets.iter().all(|secret| secret.path != *path) {
                plan.secrets.push(self.secret(path, "", Some(why.clone())));
            }
        }
        plan.secrets.sort_by(|a, b| a.path.cmp(&b.path));
        plan.imports = plan.text.as_deref().map(imported).unwrap_or_default();
        Ok(plan)
    }

    /// The definition with a new state, where its rotator is still what it was.
    fn place(&self, text: &str, path: &str, kept: &Kept, key: &EnvironmentKey) -> std::result::Result<String, String> {
        let limits = Limits::default();
        let document = pileus_esc::parse("", text, &limits).environment;
        let calls = document.map(|document| document.rotators()).unwrap_or_default();
        let call = calls
            .iter()
            .find(|call| below_values(&call.path) == path && call.rotator.as_deref() == Some(kept.rotator.as_str()));
        let call = call.ok_or("the definition was changed meanwhile: the rotator is gone")?;
        if let Some((_, base)) = &self.base
            && !same_state(base, text, &call.state_path, key)?
        {
            return Err("the definition was changed meanwhile: the rotator has another state".into());
        }
        let patch = [(call.state_path.clone(), kept.made.state.clone())];
        let patched =
            edit::apply_patches(text, &patch, &limits).map_err(|e| format!("the new state cannot be written: {e}"))?;
        let sealed = edit::encrypt_secrets(&patched, key, &limits)
            .map_err(|e| format!("the new state cannot be sealed: {e}"))?;
        if sealed.len() > limits.document_bytes {
            return Err("the definition would become too long".into());
        }
        Ok(sealed)
    }

    fn secret(&self, path: &str, rotator: &str, error: Option<String>) -> SecretRow {
        let app = &self.who.app;
        SecretRow {
            id: EnvironmentRotationId::new(&*app.clock, &*app.entropy),
            path: path.to_owned(),
            rotator: rotator.to_owned(),
            status: if error.is_none() { SUCCEEDED } else { FAILED }.into(),
            error,
            made: None,
        }
    }

    fn retired(&self, path: &str, rotator: &str, credential: &Value, key: &EnvironmentKey) -> Result<RetiredRow> {
        let app = &self.who.app;
        Ok(RetiredRow {
            id: EnvironmentRotationId::new(&*app.clock, &*app.entropy),
            rotation: self.rotation,
            path: path.to_owned(),
            rotator: rotator.to_owned(),
            credential: key.encrypt(&sealed::to_bytes(credential)).map_err(Error::internal)?,
        })
    }
}

/// Whether two definitions hold the same state at a path: secrets may be sealed anew, and are the same.
fn same_state(a: &str, b: &str, path: &str, key: &EnvironmentKey) -> std::result::Result<bool, String> {
    let limits = Limits::default();
    let clear = |text: &str| edit::decrypt_secrets(text, key, &limits).unwrap_or_else(|_| text.to_owned());
    edit::same_at(&clear(a), &clear(b), &path::parse(path)?, &limits).map_err(|e| e.to_string())
}

/// Writes it all, if the newest definition is still this one, and nothing else was made that could be read (`keyed`).
async fn write(
    who: &Who,
    rotation: &RotationRow,
    newest: Option<i64>,
    (plan, keyed): (&Plan, bool),
    performed: &Performed,
) -> Result<Option<RotationEvent>> {
    let (who, rotation, plan) = (who.clone(), rotation.clone(), plan.clone());
    let refused = performed.refused.as_ref().map(|error| error.message().to_owned());
    let imports = performed.imports.join(", ");
    let app = Arc::clone(&who.app);
    app.store
        .write(move |tx| {
            organizations::lock(tx, rotation.org)?;
            let row = environments::by_id(tx, rotation.org, rotation.env)?;
            let number = row.as_ref().map(|row| resolve(tx, rotation.org, row, None)).transpose()?;
            if number != newest {
                return Ok(Recorded::unaudited(None, "the definition changed; it is tried again"));
            }
            let on_record = store::secrets(tx, rotation.org, rotation.id)?;
            if keyed && on_record.iter().any(|secret| secret.made.is_some() && !plan.made.contains(&secret.path)) {
                return Ok(Recorded::unaudited(None, "something more was made; it is tried again"));
            }
            let mut done = ended(&rotation, &plan, refused.clone());
            let now = who.app.clock.now();
            done.completed_at = Some(now);
            let mut updated = None;
            if let (Some(row), Some(text)) = (&row, &plan.text) {
                let number = revise(tx, row, &done, text, &plan.imports, now)?;
                done.post_revision = Some(number);
                let said = format!("Updated environment \"{}\" to revision {number} by rotating it", row.reference());
                updated = Some(who.event(catalogue::ENVIRONMENT_UPDATED, target(row), said));
            }
            if !store::finish(tx, &done)? {
                return Err(Error::conflict("the rotation was given up meanwhile, and ended by another process"));
            }
            for secret in &plan.secrets {
                store::put_secret(tx, done.org, done.id, secret)?;
            }
            for (retired, ..) in &plan.retired {
                store::retire(tx, done.org, done.env, retired, now)?;
            }
            let secrets = store::secrets(tx, done.org, done.id)?;
            let mut events = vec![rotated(&who, row.as_ref(), &done, &secrets, &imports)];
            events.extend(updated);
            Ok(Recorded::with_all(Some(RotationEvent { rotation: done, secrets }), events))
        })
        .await
}

/// The rotation as it ends.
fn ended(rotation: &RotationRow, plan: &Plan, refused: Option<String>) -> RotationRow {
    let bad = plan.secrets.iter().filter(|secret| secret.status != SUCCEEDED).count();
    let error = refused.or_else(|| match (bad, plan.secrets.len()) {
        (0, 0) => Some("nothing was rotated".into()),
        (0, _) => None,
        (1, 1) => plan.secrets[0].error.clone(),
        (bad, all) => Some(format!("{bad} of {all} secrets could not be rotated")),
    });
    let status = if error.is_none() { SUCCEEDED } else { FAILED };
    debug_assert_eq!(rotation.status, RUNNING);
    RotationRow { status: status.into(), error, ..rotation.clone() }
}

/// The new revision.
fn revise(
    tx: &mut dyn Tx,
    row: &EnvironmentRow,
    rotation: &RotationRow,
    text: &str,
    imports: &[(String, String, String)],
    now: pileus_model::Timestamp,
) -> Result<i64> {
    let number = row.latest + 1;
    let new = RevisionRow {
        number,
        creator_login: rotation.by_login.clone(),
        creator_name: rotation.by_name.clone(),
        created_at: now,
        retracted: None,
    };
    revisions::insert(tx, rotation.org, row.id, &new, text)?;
    environments::set_latest(tx, rotation.org, row.id, number, now)?;
    environments::add_imports(tx, rotation.org, row.id, number, imports)?;
    Ok(number)
}

/// What the log says.
fn rotated(
    who: &Who,
    row: Option<&EnvironmentRow>,
    done: &RotationRow,
    secrets: &[SecretRow],
    imports: &str,
) -> NewEvent {
    let name = row.map_or_else(|| done.env.to_string(), EnvironmentRow::reference);
    let mut said = match &done.error {
        None => format!("Rotated environment \"{name}\" from revision {}", done.pre_revision),
        Some(error) => format!("Failed to rotate environment \"{name}\" at revision {}: {error}", done.pre_revision),
    };
    let _ = done.post_revision.map(|number| write!(said, ", new revision {number}"));
    let well: Vec<&str> = secrets.iter().filter(|s| s.status == SUCCEEDED).map(|s| s.path.as_str()).collect();
    let _ = (!well.is_empty()).then(|| write!(said, ", rotated {}", well.join(", ")));
    let _ = (!imports.is_empty()).then(|| write!(said, ", importing {imports}"));
    let _ = done.schedule.map(|(schedule, _)| write!(said, ", on schedule {schedule}"));
    who.event(catalogue::ENVIRONMENT_ROTATED, Target::new("environment", name), said)
}

/// Takes away what was replaced.
pub(super) async fn take_away(journal: &Journal, retired: ToRetire) {
    for (row, credential, inputs) in retired {
        if let Some(rotator) = journal.site.who.app.rotators.get(&row.rotator) {
            journal::take_away(&journal.site, &*rotator, &inputs, credential, &row).await;
        }
    }
}
