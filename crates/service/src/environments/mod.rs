//! ESC environments: definitions with their revisions, evaluated and opened, their secrets sealed.
//!
//! This room knows who may do what with an environment and what is recorded of it. The language is the `esc` crate's; here
//! its questions are answered: which environments there are, which keys open what, which provider does what.

mod change;
mod context;
mod copies;
mod definitions;
mod deleted;
mod evaluate;
mod issuer;
mod lists;
mod names;
mod open_for;
mod owner;
mod parses;
mod providers;
mod referrers;
mod rotation;
mod rotators;
pub mod schedules;
mod sealing;
mod sessions;
mod tags;
mod versions;
mod waiting;
mod world;

pub(crate) use context::{go_duration, parse_duration};

pub use change::{create, delete, metadata, set_protected, settings};
pub use context::schema as context_schema;
pub use copies::{NewCopy, copy};
pub use definitions::{Definition, Updated, decrypt, decrypt_secrets, encrypt_secrets, head, read, update};
pub use deleted::{list as list_deleted, restore};
pub(crate) use evaluate::EVALUATIONS;
pub use evaluate::{Checked, check, check_yaml};
pub(crate) use issuer::signing_key_owner;
pub use issuer::{Issuer, configuration, keep as keep_keys, public_keys};
pub use lists::{Listed, list, list_of_caller};
pub use names::Reference;
pub use open_for::{AwsCredentials, Opened, Opener, may_open, open_for};
pub use owner::reassign;
pub use parses::Parses;
pub use providers::{Described as Provider, Elsewhere, Reach, described as providers, described_as as provider};
pub use referrers::{Referrer, referrers};
pub use rotation::{Rotated, RotationEvent, history as rotation_history, recover as recover_rotations, rotate};
pub(crate) use rotators::Rotators;
pub use rotators::{rotator_schema, rotators};
pub(crate) use sessions::session_owner;
pub use sessions::{Session, open, open_yaml, read_session, sweep};
pub use tags::{NewTag, all_tags, create_tag, delete_tag, get_tag, list_tags, update_tag};
pub use versions::{
    Revision, create_revision_tag, delete_revision_tag, move_revision_tag, read_revision_tag, retract, revision_tags,
    revisions,
};
pub use waiting::Waiting;

use pileus_model::{
    Error, Result,
    audit::Target,
    authz::{Object, ObjectKind, Permission},
    ids::OrgId,
};
pub use pileus_store::{environments_revisions::RevisionTagRow as RevisionTag, environments_tags::TagRow as Tag};

use pileus_store::{
    Tx,
    environments::{self as store, EnvironmentRow},
    environments_revisions as revisions_store,
};

/// To read a definition.
const READ: Permission = Permission::named("environment:read");
/// To replace secrets by new ones.
const ROTATE: Permission = Permission::named("environment:rotate");
/// To read values, secrets included.
const OPEN: Permission = Permission::named("environment:open");

/// The environment with this name.
///
/// # Errors
/// `NotFound`.
fn require(tx: &mut dyn Tx, org: OrgId, project: &str, name: &str) -> Result<EnvironmentRow> {
    store::find(tx, org, project, name)?.ok_or_else(|| missing(project, name))
}

fn missing(project: &str, name: &str) -> Error {
    Error::not_found(format!("environment \"{project}/{name}\" not found"))
}

/// The environment with this name, locked until the transaction ends.
///
/// # Errors
/// `NotFound`.
fn require_locked(tx: &mut dyn Tx, org: OrgId, project: &str, name: &str) -> Result<EnvironmentRow> {
    pileus_store::organizations::lock(tx, org)?;
    require(tx, org, project, name)
}

/// The revision that a version stands for: a number, a tag, or `latest`, which is also meant where there is none. The newest
/// one is `latest`; it is never retracted.
///
/// # Errors
/// `NotFound` where there is no such revision, or it was retracted.
fn resolve(tx: &mut dyn Tx, org: OrgId, row: &EnvironmentRow, version: Option<&str>) -> Result<i64> {
    let missing = |what: String| Error::not_found(format!("environment \"{}\" has no {what}", row.reference()));
    let version = version.unwrap_or(names::LATEST);
    if version == names::LATEST {
        return Ok(row.latest);
    }
    let number = match version.parse::<i64>() {
        Ok(number) => number,
        Err(_) => match revisions_store::tag_by_name(tx, org, row.id, version)? {
            Some(tag) => tag.number,
            None => return Err(missing(format!("revision tag \"{version}\""))),
        },
    };
    match revisions_store::find(tx, org, row.id, number)? {
        None => Err(missing(format!("revision {number}"))),
        Some(found) => match found.retracted {
            None => Ok(number),
            Some(retracted) => Err(Error::not_found(format!(
                "revision {number} of environment \"{}\" was retracted; revision {} takes its place",
                row.reference(),
                retracted.replacement
            ))),
        },
    }
}

/// What events name.
fn target(row: &EnvironmentRow) -> Target {
    Target::new("environment", row.reference())
}

/// The environment as the object of a permission.
const fn object<'a>(identity: &'a str, tags: &'a [(String, String)]) -> Object<'a> {
    Object { kind: ObjectKind::Environment, identity, tags }
}
