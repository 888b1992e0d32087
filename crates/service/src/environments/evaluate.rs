//! Evaluating definitions: checks, and what opening needs of it.

use super::{
    OPEN, READ,
    context::Who,
    names::Reference,
    parses::Reading,
    providers::{Shelf, Site},
    sealing::{EnvironmentKey, NoKey},
    world::{Guarded, Snapshot, Source},
};
use crate::{App, Cx, audit};
use pileus_esc::{
    Environment, Options, World, ast,
    diag::{Diagnostic, has_errors},
    host::{ANONYMOUS, Decrypter},
    json::Json,
};
use pileus_model::{
    Error, Result,
    audit::{Target, catalogue},
    authz::Permission,
    ids::EnvironmentId,
};
use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

/// Evaluations that run at once. Each takes at most moments, and a thread; what it waits for, it waits for without one.
pub(crate) const EVALUATIONS: usize = 16;
/// What opening is shown as long as nobody says how long.
pub(super) const DEFAULT_SECONDS: i64 = 7200;

/// What came of a check.
#[derive(Debug)]
pub struct Checked {
    /// The result, a JSON object.
    pub result: String,
    /// What is to be said, each a JSON object.
    pub diagnostics: Vec<String>,
    /// Which functions are called and where credentials are rotated, a JSON object.
    pub functions: String,
    /// Whether something is wrong.
    pub failed: bool,
}

/// A definition to be evaluated.
pub(super) struct Job {
    pub name: String,
    text: String,
    reading: Reading,
    pub key: Option<Arc<EnvironmentKey>>,
    pub snapshot: Snapshot,
    /// The stored environments that take part, by `project/name`.
    pub ids: HashMap<String, EnvironmentId>,
}

impl Job {
    /// Of a stored environment.
    pub fn stored(source: &Source, snapshot: Snapshot) -> Self {
        let (name, text, reading) = (source.row.reference(), source.text.clone(), source.reading.clone());
        let ids = ids(std::iter::once(source).chain(snapshot.sources()));
        Self { name, text, reading, key: Some(Arc::clone(&source.key)), snapshot, ids }
    }
    /// Of a text that is to be the next revision of a stored one.
    pub fn update(source: &Source, text: String, snapshot: Snapshot) -> Self {
        Self { text, reading: Reading::default(), ..Self::stored(source, snapshot) }
    }
    /// The document, unless something is wrong with it, and what is to be said of it. The text is parsed once.
    pub fn parsed(&self) -> (Option<&ast::Environment>, Vec<Diagnostic>) {
        let parsed = self.reading.get(&self.name, &self.text);
        (parsed.environment.as_ref().filter(|_| !has_errors(&parsed.diagnostics)), parsed.diagnostics.clone())
    }
    /// Of a text that is stored nowhere.
    pub fn anonymous(text: String, snapshot: Snapshot) -> Self {
        let ids = ids(snapshot.sources());
        Self { name: ANONYMOUS.into(), text, reading: Reading::default(), key: None, snapshot, ids }
    }
}

fn ids<'s>(sources: impl Iterator<Item = &'s Source>) -> HashMap<String, EnvironmentId> {
    sources.map(|source| (source.row.reference(), source.row.id)).collect()
}

/// What is done with it.
#[derive(Debug, Clone, Copy)]
pub(super) enum How {
    /// Nothing is opened.
    Check {
        /// Whether stored secrets are decrypted.
        secrets: bool,
    },
    /// Everything is opened.
    Open {
        /// For so long.
        seconds: i64,
        /// Whether the values and variables are wanted by themselves, besides the result.
        values: bool,
    },
}

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Ran {
    /// The result on the wire.
    pub result: String,
    /// The values in clear, a JSON object; empty where they were not wanted.
    pub values: String,
    /// The environment variables in clear.
    pub variables: BTreeMap<String, String>,
    pub diagnostics: Vec<String>,
    /// The first thing that is wrong.
    pub problem: Option<String>,
    /// What a check says of functions, a JSON object; empty otherwise.
    pub functions: String,
    /// Environments that the caller may not have.
    pub denied: Vec<String>,
    /// The environments that it names, as they were read.
    pub imports: Vec<String>,
}

/// Evaluates, and asks whoever has to be asked, until nothing is missing any more. Whoever drops this asks no further.
///
/// # Errors
/// `Invalid` where the result is too large; `RateLimited` where too many wait; `Internal`.
pub(super) async fn run(who: &Who, mut job: Job, how: How) -> Result<Ran> {
    let site = Site::new(who.clone(), std::mem::take(&mut job.ids));
    let job = Arc::new(job);
    let ran = once(&site, &job, how).await?;
    if !site.waits() {
        return Ok(ran);
    }
    let _place = who.app.waiting.enter(who.org.id)?;
    loop {
        site.ask().await;
        let ran = once(&site, &job, how).await?;
        if !site.waits() {
            return Ok(ran);
        }
    }
}

/// One evaluation, on a thread of its own.
async fn once(site: &Arc<Site>, job: &Arc<Job>, how: How) -> Result<Ran> {
    let (app, site, job) = (Arc::clone(&site.who.app), Arc::clone(site), Arc::clone(job));
    on_a_thread(&app, move || evaluate(&site, &job, how)).await
}

/// Does this work on a thread of its own, when its turn comes.
///
/// # Errors
/// The work's own; `Unavailable` when the server stops; `Internal`.
pub(super) async fn on_a_thread<T: Send + 'static>(
    app: &App,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let turn = app.evaluations.acquire().await;
    let _turn = turn.map_err(|_| Error::unavailable("the server is stopping"))?;
    let task = tokio::task::spawn_blocking(work);
    task.await.map_err(|e| Error::internal(format!("an evaluation ended badly: {e}")))?
}

fn evaluate(site: &Arc<Site>, job: &Job, how: How) -> Result<Ran> {
    let who = &site.who;
    let (document, mut diagnostics) = job.parsed();
    let mut ran = Ran { result: "{}".into(), values: "{}".into(), ..Ran::default() };
    ran.imports = job.snapshot.revisions();
    if let How::Check { .. } = how {
        ran.functions = functions(document);
    }
    if let Some(document) = document {
        let (seconds, values) =
            if let How::Open { seconds, values } = how { (seconds, values) } else { (DEFAULT_SECONDS, false) };
        let context = who.values(seconds)?;
        let permission: Permission = if let How::Check { secrets: false } = how { READ } else { OPEN };
        let access = who.access.as_ref();
        let loader = Guarded { snapshot: &job.snapshot, access, permission, denied: RefCell::default() };
        let providers = Shelf::new(Arc::clone(site));
        let world = World { providers: &providers, loader: &loader, context: &context };
        let decrypter: &dyn Decrypter = match &job.key {
            Some(key) => &**key,
            None => &NoKey,
        };
        let (evaluation, options) = match how {
            How::Check { secrets } => {
                let options = Options::default();
                (pileus_esc::check(&job.name, document, decrypter, &world, secrets, &options), options)
            }
            How::Open { .. } => {
                // Sessions have no expressions: one known client cannot read some of them, and none asks for them.
                let options = Options { exprs: false, ..Options::default() };
                (pileus_esc::open(&job.name, document, decrypter, &world, &options), options)
            }
        };
        diagnostics.extend(evaluation.diagnostics);
        if let Some(environment) = evaluation.environment {
            written(&mut ran, &environment, values, options.limits.output_bytes)?;
        }
        ran.denied = loader.denied.into_inner().into_iter().collect();
    }
    ran.problem = diagnostics.iter().find(|d| d.is_error()).map(|d| d.summary.clone());
    ran.diagnostics = diagnostics.iter().map(|d| d.to_json().to_text()).collect();
    Ok(ran)
}

fn written(ran: &mut Ran, environment: &Environment, values: bool, limit: usize) -> Result<()> {
    let long = |_| Error::invalid(format!("the result is too large: at most {limit} bytes"));
    ran.result = environment.to_text(limit).map_err(long)?;
    if values {
        ran.values = environment.to_json(false).to_text();
        let variables = environment.environment_variables().into_iter().filter(|(_, value)| !value.unknown);
        ran.variables = variables.map(|(name, value)| (name.to_string(), value.to_text(false))).collect();
    }
    Ok(())
}

/// `{funcCounts, rotationPaths}`
fn functions(document: Option<&ast::Environment>) -> String {
    let summary = document.map(ast::Environment::function_summary).unwrap_or_default();
    let counts = summary.counts.iter().map(|(name, n)| (name.clone(), Json::Number(n.to_string()))).collect();
    let paths = summary.rotation_paths.iter().map(|path| Json::String(path.clone())).collect();
    Json::object(vec![("funcCounts", Json::Object(counts)), ("rotationPaths", Json::Array(paths))]).to_text()
}

impl From<Ran> for Checked {
    fn from(ran: Ran) -> Self {
        Self {
            result: ran.result,
            diagnostics: ran.diagnostics,
            functions: ran.functions,
            failed: ran.problem.is_some(),
        }
    }
}

/// Records the environments that were refused.
pub(super) fn record_denied(cx: &Cx, denied: &[String]) {
    for reference in denied {
        let target = Target::new("environment", reference.clone());
        audit::denied(cx, catalogue::ENVIRONMENT_UNAUTHORIZED_OPEN, target, "it may not be opened or imported");
    }
}

/// Checks a revision of an environment. Stored secrets are shown only to who may open it.
///
/// # Errors
/// `NotFound`; `Forbidden`.
pub async fn check(cx: &Cx, project: &str, name: &str, version: Option<&str>, show_secrets: bool) -> Result<Checked> {
    let reference = Reference { project: project.into(), name: name.into(), version: version.map(str::to_owned) };
    let who = Who::caller(cx)?;
    let (app, org) = (Arc::clone(&cx.app), who.org.id);
    let (source, snapshot) = cx.app.store.read(move |tx| Source::read_with_imports(tx, &app, org, &reference)).await?;
    if show_secrets && !source.permits(cx.access()?, OPEN) {
        return Err(Error::forbidden(format!("showing secrets needs the permission {OPEN}")));
    }
    let ran = run(&who, Job::stored(&source, snapshot), How::Check { secrets: show_secrets }).await?;
    record_denied(cx, &ran.denied);
    Ok(ran.into())
}

/// Checks a definition that is stored nowhere.
///
/// # Errors
/// `NotFound` outside of an organisation.
pub async fn check_yaml(cx: &Cx, text: String, show_secrets: bool) -> Result<Checked> {
    let who = Who::caller(cx)?;
    let (app, org, definition) = (Arc::clone(&cx.app), who.org.id, text.clone());
    let snapshot = cx.app.store.read(move |tx| Snapshot::read(tx, &app, org, &definition, HashMap::new())).await?;
    let ran = run(&who, Job::anonymous(text, snapshot), How::Check { secrets: show_secrets }).await?;
    record_denied(cx, &ran.denied);
    Ok(ran.into())
}
