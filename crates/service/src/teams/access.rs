//! What teams may do with environments and accounts: given, taken, shown.
//!
//! Knows that giving a team something is giving it to whoever is in it, so that nobody gives what he lacks, and that a team's list
//! shows to each caller only what he may read anyway. It must never know what being in a team means besides.

use crate::{
    Cx,
    auth::{GivenMarks, object_tags_in},
    environments::{go_duration, parse_duration},
};
use pileus_model::{
    Error, Result,
    authz::{
        Object, ObjectKind, Permission, Policy,
        scopes::{EnvironmentPermission, account_permissions, environment_permissions},
    },
    caller::OrgAccess,
    ids::{OrgId, TeamId},
};
use pileus_store::{
    Tx, environments,
    environments_teams::{self as store, Given},
    insights::teams as account_teams,
    teams::TeamRow,
};
use std::collections::HashMap;

pub use pileus_store::{environments_teams::GivenEnvironment, insights::teams::GivenAccount};

const READ_ENVIRONMENT: Permission = Permission::named("environment:read");
const READ_ACCOUNT: Permission = Permission::named("insights_account:read");
const DECIDE: Permission = Permission::named("environment_access:update");

/// What a team may do with environments and accounts, as far as the caller may know of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holdings {
    /// Environments, by project and name.
    pub environments: Vec<GivenEnvironment>,
    /// Accounts (roots), by name.
    pub accounts: Vec<GivenAccount>,
}

/// What is to become of a team's permission on one environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvironmentChange {
    /// The environment's project.
    pub project: String,
    /// Its name.
    pub name: String,
    /// What the team gets, as the contract writes it; none: it is no longer named there.
    pub to: Option<Wish>,
}

/// What a team is to get on an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// `none`, `read`, `open`, `write` or `admin`.
    pub permission: String,
    /// As Go writes a duration: for how long the team may keep it open at most.
    pub longest_open: Option<String>,
}

impl Wish {
    fn given(&self) -> Result<Given> {
        let permission = EnvironmentPermission::parse(&self.permission).ok_or_else(|| {
            Error::invalid("the permission on an environment must be one of none, read, open, write, admin")
        })?;
        let limit = self.longest_open.as_deref().filter(|text| !text.is_empty());
        let longest_open = limit.map(parse_duration).transpose();
        let longest_open =
            longest_open.map_err(|error| Error::invalid(format!("maxOpenDuration: {}", error.message())))?;
        Ok(Given { permission, longest_open })
    }
}

impl EnvironmentChange {
    /// Its name in records and messages.
    pub(super) fn identity(&self) -> String {
        format!("{}/{}", self.project, self.name)
    }
    /// That it makes sense, before anything is looked up.
    ///
    /// # Errors
    /// `Invalid`.
    pub(super) fn check(&self) -> Result<()> {
        self.to.as_ref().map(Wish::given).transpose().map(drop)
    }
}

/// A limit on how long an environment stays open, as the contract writes it.
pub fn longest_open(given: Given) -> Option<String> {
    given.longest_open.map(go_duration)
}

/// Does to the team's permission on an environment what is asked for, and says so in words for the event.
///
/// # Errors
/// `Forbidden` if the caller does not decide who may use it, or does not have what he
/// gives; `NotFound` for an environment that does not exist; `Invalid` for what is no permission.
pub(super) fn change(tx: &mut dyn Tx, cx: &Cx, team: &TeamRow, change: &EnvironmentChange) -> Result<String> {
    let (org, identity) = (cx.org()?.id, change.identity());
    let given = change.to.as_ref().map(Wish::given).transpose()?;
    may_decide(tx, cx, &identity, given)?;
    let found = environments::find(tx, org, &change.project, &change.name)?;
    let row = found.ok_or_else(|| Error::not_found(format!("environment \"{identity}\" not found")))?;
    store::set(tx, org, row.id, team.id, given)?;
    Ok(match given {
        None => format!("removed environment \"{identity}\""),
        Some(given) => {
            let limit = longest_open(given).map(|limit| format!(" for at most {limit}")).unwrap_or_default();
            format!("gave {} on environment \"{identity}\"{limit}", given.permission.as_str())
        }
    })
}

fn may_decide(tx: &mut dyn Tx, cx: &Cx, identity: &str, given: Option<Given>) -> Result<()> {
    let wanted = given.map(|given| environment_permissions(given.permission)).unwrap_or_default();
    let marks = object_tags_in(tx, cx.org()?.id, ObjectKind::Environment, identity)?;
    let object = Object { kind: ObjectKind::Environment, identity, tags: &marks };
    if !cx.access()?.policy.allows(DECIDE, &object) {
        return Err(Error::forbidden(format!("this needs the permission {DECIDE} on environment \"{identity}\"")));
    }
    match lacking(cx.access()?, &wanted, &object) {
        None => Ok(()),
        Some(lacks) => Err(Error::forbidden(format!(
            "you cannot give {lacks}, which you do not have on environment \"{identity}\""
        ))),
    }
}

/// Refuses to let the caller give an environment away, to whom it will then belong with everything, unless he decides who may
/// use it and has the greatest permission on it himself.
///
/// # Errors
/// `Forbidden`.
pub fn may_give_away(tx: &mut dyn Tx, cx: &Cx, identity: &str) -> Result<()> {
    may_decide(tx, cx, identity, Some(Given { permission: EnvironmentPermission::Admin, longest_open: None }))
}

/// The first of these that whoever has this access lacks on the object.
pub(crate) fn lacking(access: &OrgAccess, wanted: &[Permission], object: &Object<'_>) -> Option<Permission> {
    wanted.iter().copied().find(|permission| !access.policy.allows(*permission, object))
}

/// Refuses to let the caller pass on what the team may do with environments and accounts, unless he may all that himself.
///
/// # Errors
/// `Forbidden`, without a name: he may not know of what he lacks.
pub(super) fn may_lend(tx: &mut dyn Tx, cx: &Cx, team: &TeamRow) -> Result<()> {
    let (org, access) = (cx.org()?.id, cx.access()?);
    if access.policy == Policy::Everything {
        return Ok(());
    }
    let mut wanted = Vec::new();
    for of in store::of_team(tx, org, team.id)? {
        let identity = format!("{}/{}", of.project, of.name);
        wanted.push((ObjectKind::Environment, identity, environment_permissions(of.given.permission)));
    }
    for of in account_teams::of_team(tx, org, team.id)? {
        wanted.push((ObjectKind::Account, of.name, account_permissions(of.permission)));
    }
    for (kind, identity, permissions) in wanted {
        if access.policy.covers(&Policy::Allow(permissions.clone())) {
            continue;
        }
        let marks = object_tags_in(tx, org, kind, &identity)?;
        if lacking(access, &permissions, &Object { kind, identity: &identity, tags: &marks }).is_some() {
            return Err(Error::forbidden("you can't grant permissions that you don't have"));
        }
    }
    Ok(())
}

/// What this team may do with what, as far as the caller may read it.
pub(super) fn of_team(tx: &mut dyn Tx, access: &OrgAccess, team: &TeamRow) -> Result<Holdings> {
    let org = access.org.id;
    let mut held = Holdings {
        environments: store::of_team(tx, org, team.id)?,
        accounts: account_teams::of_team(tx, org, team.id)?,
    };
    if access.policy != Policy::Everything {
        let mut readable = |kind, permission, identity: &str| -> Result<bool> {
            let tags = object_tags_in(tx, org, kind, identity)?;
            Ok(access.policy.allows(permission, &Object { kind, identity, tags: &tags }))
        };
        held.environments = kept(held.environments, |of| {
            readable(ObjectKind::Environment, READ_ENVIRONMENT, &format!("{}/{}", of.project, of.name))
        })?;
        held.accounts = kept(held.accounts, |of| readable(ObjectKind::Account, READ_ACCOUNT, &of.name))?;
    }
    Ok(held)
}

fn kept<T>(all: Vec<T>, mut keep: impl FnMut(&T) -> Result<bool>) -> Result<Vec<T>> {
    let mut kept = Vec::with_capacity(all.len());
    for one in all {
        if keep(&one)? {
            kept.push(one);
        }
    }
    Ok(kept)
}

/// What each of these teams, all of the organisation, may do with what, as far as the caller may read it.
pub(super) fn of_all(tx: &mut dyn Tx, access: &OrgAccess, teams: &[TeamRow]) -> Result<HashMap<TeamId, Holdings>> {
    let org: OrgId = access.org.id;
    let marks = if access.policy == Policy::Everything {
        None
    } else {
        Some(GivenMarks::read(tx, org, &teams.iter().map(|team| (team.id, team.name.clone())).collect())?)
    };
    let readable = |kind, permission, identity: &str, tags: Option<&Vec<(String, String)>>| {
        let tags = tags.map(Vec::as_slice).unwrap_or_default();
        access.policy.allows(permission, &Object { kind, identity, tags })
    };
    let mut all: HashMap<TeamId, Holdings> = HashMap::new();
    for of in store::of_organization(tx, org)? {
        let identity = format!("{}/{}", of.project, of.name);
        let shown = marks.as_ref().is_none_or(|marks| {
            readable(ObjectKind::Environment, READ_ENVIRONMENT, &identity, marks.environments.get(&of.id))
        });
        if shown {
            all.entry(of.team).or_default().environments.push(of);
        }
    }
    for of in account_teams::of_organization(tx, org)? {
        let shown = marks
            .as_ref()
            .is_none_or(|marks| readable(ObjectKind::Account, READ_ACCOUNT, &of.name, marks.accounts.get(&of.id)));
        if shown {
            all.entry(of.team).or_default().accounts.push(of);
        }
    }
    Ok(all)
}
