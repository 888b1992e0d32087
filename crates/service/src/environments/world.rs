//! What a definition names of the world: other environments, read in one snapshot, and who may have them.

use super::{
    OPEN, missing,
    names::{LATEST, Reference},
    object,
    parses::{Reading, Revision},
    require, resolve,
    sealing::EnvironmentKey,
};
use crate::{
    App,
    auth::{environment_marks, environment_marks_of_each},
};
use pileus_esc::{
    Limits,
    ast::Parsed,
    host::{Decrypter, Document, Loaded, Loader},
};
use pileus_model::{Error, ErrorKind, Result, authz::Permission, caller::OrgAccess, ids::OrgId};
use pileus_store::{Tx, environments::EnvironmentRow, environments_many, environments_revisions};
use std::{
    cell::RefCell,
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

/// A revision of an environment, ready to be evaluated.
pub(super) struct Source {
    pub row: EnvironmentRow,
    /// The revision.
    pub number: i64,
    /// Its definition.
    pub text: String,
    /// What parsing it gives.
    pub reading: Reading,
    pub key: Arc<EnvironmentKey>,
    /// What permissions look at.
    tags: Vec<(String, String)>,
}

impl Source {
    /// Reads it.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn read(tx: &mut dyn Tx, app: &App, org: OrgId, reference: &Reference) -> Result<Self> {
        let (number, text, row) = if reference.is_latest() {
            let found = environments_many::newest(tx, org, &reference.project, &reference.name)?;
            let (row, text) = found.ok_or_else(|| missing(&reference.project, &reference.name))?;
            (row.latest, text, row)
        } else {
            let row = require(tx, org, &reference.project, &reference.name)?;
            let number = resolve(tx, org, &row, reference.version.as_deref())?;
            let text = environments_revisions::definition(tx, org, row.id, number)?;
            (number, text, row)
        };
        let tags = environment_marks(tx, org, &row)?;
        Self::of(app, org, row, number, text, tags)
    }
    /// Reads several, in their order.
    ///
    /// # Errors
    /// `Unavailable`; within it as [`Source::read`].
    fn read_each(tx: &mut dyn Tx, app: &App, org: OrgId, references: &[&Reference]) -> Result<Vec<Result<Self>>> {
        let latest: Vec<(&str, &str)> = references.iter().filter(|r| r.is_latest()).map(|r| r.names()).collect();
        let mut found = environments_many::newest_of_each(tx, org, &latest)?;
        let rows: Vec<&EnvironmentRow> = found.iter().flatten().map(|(row, _)| row).collect();
        let mut tags = environment_marks_of_each(tx, org, &rows)?.into_iter();
        let mut found = found.drain(..);
        let mut sources = Vec::with_capacity(references.len());
        for reference in references {
            sources.push(match reference.is_latest().then(|| found.next().flatten()) {
                None => Self::read(tx, app, org, reference),
                Some(None) => Err(missing(&reference.project, &reference.name)),
                Some(Some((row, text))) => {
                    let (number, tags) = (row.latest, tags.next());
                    let tags = tags.ok_or_else(|| Error::internal("the tags of an environment were not read"))?;
                    Self::of(app, org, row, number, text, tags)
                }
            });
        }
        Ok(sources)
    }
    fn of(
        app: &App,
        org: OrgId,
        row: EnvironmentRow,
        number: i64,
        text: Option<String>,
        tags: Vec<(String, String)>,
    ) -> Result<Self> {
        let text = text.ok_or_else(|| Error::internal("a revision has no definition"))?;
        let key = Arc::new(EnvironmentKey::of(app, &row)?);
        let reading = Reading::of(&app.parses, Revision { org, environment: row.id, number });
        Ok(Self { row, number, text, reading, key, tags })
    }
    /// Reads it together with everything that it imports.
    ///
    /// # Errors
    /// As [`Source::read`] and [`Snapshot::read`].
    pub fn read_with_imports(
        tx: &mut dyn Tx,
        app: &App,
        org: OrgId,
        reference: &Reference,
    ) -> Result<(Self, Snapshot)> {
        let source = Self::read(tx, app, org, reference)?;
        let snapshot = Snapshot::with(tx, app, org, source.named(), HashMap::new())?;
        Ok((source, snapshot))
    }
    /// The environments that its definition names.
    fn named(&self) -> Vec<String> {
        if !may_name(&self.text) {
            return Vec::new();
        }
        references(self.parsed())
    }
    /// What parsing it under its own name gives.
    fn parsed(&self) -> &Arc<Parsed> {
        self.reading.get(&self.row.reference(), &self.text)
    }
    /// `project/name@revision`.
    pub fn at(&self) -> String {
        format!("{}@{}", self.row.reference(), self.number)
    }
    /// For how many seconds it may stay open for whoever has this access, who wants so many.
    pub fn seconds(&self, access: &OrgAccess, wanted: i64) -> i64 {
        let longest = access.policy.longest_open(OPEN, &object(&self.row.reference(), &self.tags));
        longest.map_or(wanted, |longest| wanted.min(longest))
    }
    /// Whether whoever has this access may do this with it.
    pub fn permits(&self, access: &OrgAccess, permission: Permission) -> bool {
        access.policy.allows(permission, &object(&self.row.reference(), &self.tags))
    }
}

/// Most bytes of all definitions together that one evaluation reads.
const BYTES: usize = 16 << 20;

/// Environments that are read together: their definitions may be large.
const TOGETHER: usize = 16;

/// Everything that a definition names, directly or by way of others, as it was at one moment.
#[derive(Default)]
pub(super) struct Snapshot {
    /// By the name as written; the error is for a diagnostic.
    sources: HashMap<String, std::result::Result<Source, String>>,
    overrides: HashMap<String, String>,
}

impl Snapshot {
    /// Reads it. `overrides` are names to be read instead of others.
    ///
    /// # Errors
    /// `Unavailable`; what does not exist is found out when it is evaluated.
    pub fn read(
        tx: &mut dyn Tx,
        app: &App,
        org: OrgId,
        text: &str,
        overrides: HashMap<String, String>,
    ) -> Result<Self> {
        Self::with(tx, app, org, named(text), overrides)
    }
    /// As [`Snapshot::read`], for a definition that names these.
    fn with(
        tx: &mut dyn Tx,
        app: &App,
        org: OrgId,
        mut waiting: Vec<String>,
        overrides: HashMap<String, String>,
    ) -> Result<Self> {
        let mut snapshot = Self { sources: HashMap::new(), overrides };
        let (limit, mut room) = (Limits::default().imports, BYTES);
        let mut ahead = HashMap::new();
        while let Some(name) = waiting.pop() {
            if snapshot.sources.len() > limit || snapshot.sources.contains_key(&name) {
                continue;
            }
            if !ahead.contains_key(&name) {
                let next = std::iter::once(&name).chain(waiting.iter().rev());
                let next = next.filter(|next| !ahead.contains_key(*next) && !snapshot.sources.contains_key(*next));
                let next: Vec<&String> = next.take(TOGETHER).collect();
                ahead.extend(snapshot.read_ahead(tx, app, org, &next)?);
            }
            let Some(source) = ahead.remove(&name) else { continue };
            let source = match source {
                Ok(source) if source.text.len() > room => {
                    room = 0;
                    Err(format!("too much is imported: at most {BYTES} bytes of definitions"))
                }
                Ok(source) => {
                    room -= source.text.len();
                    waiting.extend(source.named());
                    Ok(source)
                }
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Invalid) => {
                    Err(error.message().to_owned())
                }
                Err(error) => return Err(error),
            };
            snapshot.sources.insert(name, source);
        }
        Ok(snapshot)
    }
    /// What these names stand for, read together.
    fn read_ahead(
        &self,
        tx: &mut dyn Tx,
        app: &App,
        org: OrgId,
        names: &[&String],
    ) -> Result<Vec<(String, Result<Source>)>> {
        let actual = |name: &&String| Reference::parse(self.overrides.get(*name).unwrap_or(name));
        let references: Vec<Result<Reference>> = names.iter().map(actual).collect();
        let right: Vec<&Reference> = references.iter().flatten().collect();
        let mut sources = Source::read_each(tx, app, org, &right)?.into_iter();
        let each = references.into_iter().map(|reference| match reference {
            Ok(_) => sources.next().unwrap_or_else(|| Err(Error::internal("an environment was not read"))),
            Err(wrong) => Err(wrong),
        });
        Ok(names.iter().map(|name| (*name).clone()).zip(each).collect())
    }
    /// What was read, as `project/name@revision`, sorted.
    pub fn revisions(&self) -> Vec<String> {
        let all: BTreeSet<String> = self.sources.values().flatten().map(Source::at).collect();
        all.into_iter().collect()
    }
    /// For how many seconds what was made of it may stay open for whoever has this access, who wants so many: no longer than
    /// each of its environments.
    pub fn seconds(&self, access: &OrgAccess, wanted: i64) -> i64 {
        self.sources().fold(wanted, |wanted, source| source.seconds(access, wanted))
    }
    /// What was read.
    pub fn sources(&self) -> impl Iterator<Item = &Source> {
        self.sources.values().flatten()
    }
}

/// The environments that a definition names.
pub(super) fn named(text: &str) -> Vec<String> {
    if may_name(text) { references(&pileus_esc::parse("", text, &Limits::default())) } else { Vec::new() }
}

/// Whether a definition can name others at all.
fn may_name(text: &str) -> bool {
    // Nearly everything that is imported names nothing itself. A word could only hide behind an escape.
    ["imports", "environments", "\\"].iter().any(|word| text.contains(word))
}

fn references(parsed: &Parsed) -> Vec<String> {
    let references = parsed.environment.as_ref().map(pileus_esc::ast::Environment::references).unwrap_or_default();
    references.into_iter().map(|reference| reference.name).collect()
}

/// The environments that a definition names, as project, name and version, the latter `latest` where none is written.
pub(super) fn imported(text: &str) -> Vec<(String, String, String)> {
    let references = named(text).into_iter().filter_map(|name| Reference::parse(&name).ok());
    references.map(|r| (r.project, r.name, r.version.unwrap_or_else(|| LATEST.to_owned()))).collect()
}

/// A snapshot within someone's permissions.
pub(super) struct Guarded<'a> {
    pub snapshot: &'a Snapshot,
    /// None: everything is permitted.
    pub access: Option<&'a OrgAccess>,
    /// What is needed on each environment that is named.
    pub permission: Permission,
    /// What was refused.
    pub denied: RefCell<BTreeSet<String>>,
}

impl Guarded<'_> {
    /// What a name stands for, and under which name it is shown.
    fn find<'n>(&'n self, name: &'n str) -> std::result::Result<(&'n Source, &'n str), String> {
        let found = self.snapshot.sources.get(name).ok_or_else(|| format!("environment \"{name}\" not found"))?;
        let source = found.as_ref().map_err(Clone::clone)?;
        Ok((source, self.snapshot.overrides.get(name).map_or(name, String::as_str)))
    }
}

impl Loader for Guarded<'_> {
    fn load(&self, name: &str) -> std::result::Result<Loaded, String> {
        let (source, shown) = self.find(name)?;
        let decrypter: Arc<dyn Decrypter> = Arc::clone(&source.key) as _;
        Ok(Loaded { name: shown.to_owned(), text: source.text.clone(), decrypter })
    }

    fn document(&self, name: &str, _: &Limits) -> std::result::Result<Document, String> {
        let (source, shown) = self.find(name)?;
        let decrypter: Arc<dyn Decrypter> = Arc::clone(&source.key) as _;
        let own = shown == source.row.reference();
        let parsed = if own { Arc::clone(source.parsed()) } else { source.reading.under(shown, &source.text) };
        Ok(Document { name: shown.to_owned(), parsed, decrypter })
    }

    fn authorize(&self, importer: &str, imported: &str, root: bool) -> std::result::Result<(), String> {
        let (Some(access), Some(Ok(source))) = (self.access, self.snapshot.sources.get(imported)) else {
            return Ok(());
        };
        if source.permits(access, self.permission) {
            return Ok(());
        }
        let reference = source.row.reference();
        let by = if root { String::new() } else { format!(", which \"{importer}\" names") };
        let why = format!("this needs the permission {} on environment \"{reference}\"{by}", self.permission);
        self.denied.borrow_mut().insert(reference);
        Err(why)
    }
}
