//! What refers to an environment: others that import it, and accounts that take their credentials from it.
//!
//! Only what the caller may read is named.

use super::{READ, names, object, require, resolve};
use crate::{Cx, auth::object_tags_in, insights::accounts};
use pileus_model::{
    Result,
    authz::{Object, ObjectKind},
    caller::OrgAccess,
};
use pileus_store::{Tx, environments as store};
use std::collections::BTreeMap;

/// Something that refers to an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Referrer {
    /// A revision of an environment that imports it.
    Environment {
        /// Its project.
        project: String,
        /// Its name.
        name: String,
        /// The revision.
        revision: i64,
    },
    /// An Insights account.
    Account {
        /// Its name.
        name: String,
    },
}

/// What refers to the environment, by the version that is referred to: a number, or `latest`. With a version, only what
/// refers to that one. With `all`, also what older revisions of others refer to.
///
/// # Errors
/// `NotFound`.
pub async fn referrers(
    cx: &Cx,
    project: &str,
    name: &str,
    version: Option<&str>,
    all: bool,
) -> Result<BTreeMap<String, Vec<Referrer>>> {
    let (access, project, name) = (cx.access()?.clone(), project.to_owned(), name.to_owned());
    let version = version.map(str::to_owned);
    cx.app
        .store
        .read(move |tx| {
            let mut found = find(tx, &access, &project, &name, all)?;
            if let Some(version) = &version {
                let row = require(tx, access.org.id, &project, &name)?;
                let wanted = match version.as_str() {
                    names::LATEST => version.clone(),
                    _ => resolve(tx, access.org.id, &row, Some(version))?.to_string(),
                };
                found.retain(|key, _| *key == wanted);
            }
            Ok(found)
        })
        .await
}

fn find(
    tx: &mut dyn Tx,
    access: &OrgAccess,
    project: &str,
    name: &str,
    all: bool,
) -> Result<BTreeMap<String, Vec<Referrer>>> {
    let org = access.org.id;
    let row = require(tx, org, project, name)?;
    let mut found = BTreeMap::<String, Vec<Referrer>>::new();
    let mut keys = BTreeMap::<String, String>::new();
    let mut key = |tx: &mut dyn Tx, version: String| -> Result<String> {
        if let Some(known) = keys.get(&version) {
            return Ok(known.clone());
        }
        // A tag stands for a number; what stands for nothing is shown as it is written.
        let key = match version.as_str() {
            names::LATEST => version.clone(),
            _ => resolve(tx, org, &row, Some(&version)).map_or_else(|_| version.clone(), |number| number.to_string()),
        };
        keys.insert(version, key.clone());
        Ok(key)
    };
    let mut visible = BTreeMap::<String, bool>::new();
    for importer in store::importers(tx, org, project, name, all)? {
        let reference = format!("{}/{}", importer.project, importer.name);
        let known = visible.get(&reference).copied();
        let may = known.map_or_else(|| may_read(tx, access, ObjectKind::Environment, &reference), Ok)?;
        visible.insert(reference, may);
        if !may {
            continue;
        }
        let at = key(tx, importer.version)?;
        let referrer =
            Referrer::Environment { project: importer.project, name: importer.name, revision: importer.revision };
        found.entry(at).or_default().push(referrer);
    }
    for (name, version) in store::accounts(tx, org, project, name)? {
        if !may_read(tx, access, ObjectKind::Account, &name)? {
            continue;
        }
        let at = key(tx, version)?;
        found.entry(at).or_default().push(Referrer::Account { name });
    }
    Ok(found)
}

/// Whether whoever has this access may read this environment or account.
fn may_read(tx: &mut dyn Tx, access: &OrgAccess, kind: ObjectKind, identity: &str) -> Result<bool> {
    let tags = object_tags_in(tx, access.org.id, kind, identity)?;
    Ok(match kind {
        ObjectKind::Environment => access.policy.allows(READ, &object(identity, &tags)),
        _ => access.policy.allows(accounts::READ, &Object { kind, identity, tags: &tags }),
    })
}
