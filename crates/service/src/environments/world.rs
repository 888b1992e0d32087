//! What a definition names of the world: other environments, read in one snapshot, and who may have them.

use super::{
    OPEN,
    names::{LATEST, Reference},
    object, require, resolve,
    sealing::EnvironmentKey,
};
use crate::{App, auth::environment_marks};
use pileus_esc::{
    Limits,
    ast::Parsed,
    host::{Decrypter, Loaded, Loader},
};
use pileus_model::{Error, ErrorKind, Result, authz::Permission, caller::OrgAccess, ids::OrgId};
use pileus_store::{Tx, environments::EnvironmentRow, environments_revisions};
use std::{
    cell::RefCell,
    collections::{BTreeSet, HashMap},
    sync::{Arc, OnceLock},
};

/// A revision of an environment, ready to be evaluated.
pub(super) struct Source {
    pub row: EnvironmentRow,
    /// The revision.
    pub number: i64,
    /// Its definition.
    pub text: String,
    /// The definition, once it was parsed.
    pub parsed: Arc<OnceLock<Parsed>>,
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
        let row = require(tx, org, &reference.project, &reference.name)?;
        let number = resolve(tx, org, &row, reference.version.as_deref())?;
        let text = environments_revisions::definition(tx, org, row.id, number)?
            .ok_or_else(|| Error::internal("a revision has no definition"))?;
        let tags = environment_marks(tx, org, &row)?;
        let key = Arc::new(EnvironmentKey::of(app, &row)?);
        Ok(Self { row, number, text, parsed: Arc::default(), key, tags })
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
        let parse = || pileus_esc::parse(&self.row.reference(), &self.text, &Limits::default());
        references(self.parsed.get_or_init(parse))
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
        while let Some(name) = waiting.pop() {
            if snapshot.sources.len() > limit || snapshot.sources.contains_key(&name) {
                continue;
            }
            let actual = snapshot.overrides.get(&name).unwrap_or(&name);
            let source = Reference::parse(actual).and_then(|reference| Source::read(tx, app, org, &reference));
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

impl Loader for Guarded<'_> {
    fn load(&self, name: &str) -> std::result::Result<Loaded, String> {
        let found = self.snapshot.sources.get(name).ok_or_else(|| format!("environment \"{name}\" not found"))?;
        let source = found.as_ref().map_err(Clone::clone)?;
        let shown = self.snapshot.overrides.get(name).map_or(name, String::as_str);
        let decrypter: Arc<dyn Decrypter> = Arc::clone(&source.key) as _;
        Ok(Loaded { name: shown.to_owned(), text: source.text.clone(), decrypter })
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
