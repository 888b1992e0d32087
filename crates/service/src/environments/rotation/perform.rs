//! The evaluation that rotates. Before anything is rotated the definition is checked, with everything that it names.

use super::{
    below_values,
    journal::{Journal, Rotating},
};
use crate::environments::{
    OPEN,
    context::Who,
    evaluate::{DEFAULT_SECONDS, Job, on_a_thread},
    names::Reference,
    providers::{Shelf, Site},
    world::{Guarded, Snapshot, Source},
};
use pileus_esc::{
    Options, World,
    ast::RotatorCall,
    diag::{Diagnostic, has_errors},
    eval::RotationStatus,
    host::Providers,
    path::{self, Step},
};
use pileus_model::{Error, Result};
use pileus_store::{environments, environments_rotation::RotationRow};
use std::{cell::RefCell, collections::BTreeMap, sync::Arc};

/// What an evaluation came to.
#[derive(Default)]
pub(in crate::environments) struct Performed {
    /// The definition that was evaluated, with its revision.
    pub base: Option<(i64, String)>,
    /// What could not be rotated, by path, and why.
    pub failed: BTreeMap<String, String>,
    /// What is to be said, each a JSON object.
    pub diagnostics: Vec<String>,
    /// Environments that may not be opened.
    pub denied: Vec<String>,
    /// Why nothing was rotated.
    pub refused: Option<Error>,
    /// The environments that it names, as they were read.
    pub imports: Vec<String>,
}

/// Everything that one evaluation needs.
struct Task {
    who: Who,
    job: Job,
    site: Arc<Site>,
    journal: Arc<Journal>,
    wanted: Vec<Vec<Step>>,
}

/// Rotates. What was made is in the journal.
pub(super) async fn perform(
    who: Who,
    rotation: RotationRow,
    wanted: Vec<Vec<Step>>,
) -> (Performed, Option<Arc<Journal>>) {
    let refused = |error: Error| (Performed { refused: Some(error), ..Performed::default() }, None);
    let (source, snapshot) = match read(&who, &rotation).await {
        Ok(read) => read,
        Err(error) => return refused(error),
    };
    let base = Some((source.number, source.text.clone()));
    let imports = snapshot.revisions();
    let mut job = Job::stored(&source, snapshot);
    let site = Site::new(who.clone(), std::mem::take(&mut job.ids));
    let journal = Journal::new(Arc::clone(&site), rotation, Arc::clone(&source.key));
    let task = Arc::new(Task { who, job, site, journal: Arc::clone(&journal), wanted });
    let evaluated = evaluate(task).await;
    let performed = evaluated.unwrap_or_else(|error| Performed { refused: Some(error), ..Performed::default() });
    (Performed { base, imports, ..performed }, Some(journal))
}

async fn read(who: &Who, rotation: &RotationRow) -> Result<(Source, Snapshot)> {
    let (app, org, env, number) = (Arc::clone(&who.app), who.org.id, rotation.env, rotation.pre_revision);
    who.app
        .store
        .read(move |tx| {
            let row =
                environments::by_id(tx, org, env)?.ok_or_else(|| Error::not_found("the environment was deleted"))?;
            let reference = Reference { project: row.project, name: row.name, version: Some(number.to_string()) };
            Source::read_with_imports(tx, &app, org, &reference)
        })
        .await
}

/// Evaluates as often as there are questions left.
async fn evaluate(task: Arc<Task>) -> Result<Performed> {
    let once = |work: fn(&Task) -> Result<Performed>| {
        let work_on = Arc::clone(&task);
        on_a_thread(&task.who.app, move || work(&work_on))
    };
    let checked = once(check).await?;
    if checked.refused.is_some() {
        return Ok(checked);
    }
    loop {
        let performed = once(rotate).await?;
        if !task.site.waits() {
            return Ok(performed);
        }
        task.site.ask().await;
    }
}

/// Whether the definition is right, and everything that it names may be opened.
fn check(task: &Task) -> Result<Performed> {
    let shelf = Shelf::new(Arc::clone(&task.site));
    let (document, mut diagnostics) = task.job.parsed();
    let mut performed = Performed::default();
    if let Some(document) = document {
        let context = task.who.values(DEFAULT_SECONDS)?;
        let loader = guarded(task);
        let world = World { providers: &shelf, loader: &loader, context: &context };
        let options = Options { exprs: false, traces: false, ..Options::default() };
        let key: &dyn pileus_esc::host::Decrypter = &*task.journal.key;
        let checked = pileus_esc::check(&task.job.name, document, key, &world, false, &options);
        diagnostics.extend(checked.diagnostics);
        performed.denied = loader.denied.into_inner().into_iter().collect();
        performed.refused = unmet(&document.rotators(), &task.wanted).map(Error::invalid);
    }
    if let Some(denied) = performed.denied.first() {
        // The denial is recorded as that of an opening, and as nothing else.
        let why = format!("this needs the permission {OPEN} on environment \"{denied}\"");
        performed.refused = Some(Error::forbidden(why).recorded());
    } else if has_errors(&diagnostics) {
        performed.refused = Some(Error::invalid(wrong(&diagnostics)));
    } else if performed.refused.is_some() {
        diagnostics.clear();
    }
    performed.diagnostics = diagnostics.iter().map(|d| d.to_json().to_text()).collect();
    Ok(performed)
}

/// What is wrong with a definition, for the record: not what the diagnostics say, since that may show values.
fn wrong(diagnostics: &[Diagnostic]) -> String {
    let first = diagnostics.iter().find(|d| d.is_error()).map(|d| d.path.as_str()).unwrap_or_default();
    if first.is_empty() {
        "the definition is not valid".into()
    } else {
        format!("the definition is not valid at {first}")
    }
}

/// What is asked for and does not exist.
fn unmet(calls: &[RotatorCall], wanted: &[Vec<Step>]) -> Option<String> {
    if calls.is_empty() {
        return Some("the definition has nothing that can be rotated".into());
    }
    let there: Vec<Vec<Step>> = calls.iter().filter_map(|call| path::parse(&below_values(&call.path)).ok()).collect();
    let missing = wanted.iter().find(|wanted| !there.contains(wanted))?;
    Some(format!("there is nothing that can be rotated at \"{}\"", path::text(missing)))
}

fn guarded(task: &Task) -> Guarded<'_> {
    Guarded {
        snapshot: &task.job.snapshot,
        access: task.who.access.as_ref(),
        permission: OPEN,
        denied: RefCell::default(),
    }
}

/// Evaluates with rotators that rotate.
fn rotate(task: &Task) -> Result<Performed> {
    let (document, mut diagnostics) = task.job.parsed();
    let mut performed = Performed::default();
    if let Some(document) = document {
        let context = task.who.values(DEFAULT_SECONDS)?;
        let loader = guarded(task);
        let providers = Rotating { shelf: Shelf::new(Arc::clone(&task.site)), journal: Arc::clone(&task.journal) };
        let providers: &dyn Providers = &providers;
        let world = World { providers, loader: &loader, context: &context };
        let options = Options { exprs: false, traces: false, ..Options::default() };
        let key: &dyn pileus_esc::host::Decrypter = &*task.journal.key;
        let done = pileus_esc::rotate(&task.job.name, document, key, &world, task.wanted.clone(), &options);
        diagnostics.extend(done.diagnostics);
        for rotation in done.rotations {
            let why = match (rotation.status, rotation.failure) {
                (RotationStatus::Succeeded, _) => continue,
                (_, Some(failure)) => failure.summary,
                (_, None) => "its inputs or its state could not be evaluated".into(),
            };
            performed.failed.insert(below_values(&rotation.path), why);
        }
        performed.denied = loader.denied.into_inner().into_iter().collect();
    }
    performed.diagnostics = diagnostics.iter().map(|d| d.to_json().to_text()).collect();
    Ok(performed)
}
