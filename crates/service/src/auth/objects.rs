//! The tags of objects, as far as permissions depend on them: every permission on an environment or an account is checked on
//! what is loaded here.
//!
//! The owner of an object stands among its tags, under [`OWNER`]: whoever makes something may do everything with it. So do the
//! teams that were given something on it, under [`TEAM_PREFIX`]. Nothing is remembered between requests.

use crate::Cx;
use pileus_model::{
    Result,
    authz::{OPEN_PREFIX, OWNER, ObjectKind, TEAM_PREFIX},
    ids::{AccountId, EnvironmentId, OrgId, UserId},
    insights::TeamPermission,
    names::account_root,
};
use pileus_store::{
    Tx,
    environments::{self, EnvironmentRow},
    environments_many, environments_tags,
    environments_teams::{self, Given},
    insights::teams as account_teams,
};
use std::{collections::HashMap, hash::Hash};

/// Tags and what stands among them.
pub(crate) type Marks = Vec<(String, String)>;

/// The tags of the object with this identity; none if there is no such object.
///
/// # Errors
/// `NotFound` outside of an organisation; `Unavailable`.
pub async fn object_tags(cx: &Cx, kind: ObjectKind, identity: &str) -> Result<Vec<(String, String)>> {
    if !matches!(kind, ObjectKind::Environment | ObjectKind::Account) {
        return Ok(Vec::new());
    }
    let (org, identity) = (cx.org()?.id, identity.to_owned());
    cx.app.store.read(move |tx| object_tags_in(tx, org, kind, &identity)).await
}

/// As [`object_tags`], within a transaction.
///
/// # Errors
/// As the store's.
pub fn object_tags_in(tx: &mut dyn Tx, org: OrgId, kind: ObjectKind, identity: &str) -> Result<Marks> {
    match (kind, identity.split_once('/')) {
        (ObjectKind::Environment, Some((project, name))) => match environments::find(tx, org, project, name)? {
            Some(row) => environment_marks(tx, org, &row),
            None => Ok(Vec::new()),
        },
        (ObjectKind::Account, _) => {
            let root = account_root(identity);
            let (owner, mut marks) = environments_tags::of_account(tx, org, root)?;
            let given = account_teams::of_root(tx, org, root)?;
            marks.extend(given.iter().map(|(team, permission)| team_tag(team, *permission)));
            marks.extend(owner.map(owner_tag));
            Ok(marks)
        }
        _ => Ok(Vec::new()),
    }
}

/// What permissions on this environment depend on.
///
/// # Errors
/// As the store's.
pub(crate) fn environment_marks(tx: &mut dyn Tx, org: OrgId, row: &EnvironmentRow) -> Result<Marks> {
    Ok(with_row(environments_many::marks(tx, org, row.id)?, row))
}

/// The same of each of these environments.
///
/// # Errors
/// As the store's.
pub(crate) fn environment_marks_of_each(tx: &mut dyn Tx, org: OrgId, rows: &[&EnvironmentRow]) -> Result<Vec<Marks>> {
    let ids: Vec<EnvironmentId> = rows.iter().map(|row| row.id).collect();
    let found = environments_many::marks_of_each(tx, org, &ids)?;
    Ok(found.into_iter().zip(rows).map(|(found, row)| with_row(found, row)).collect())
}

fn with_row(found: environments_many::Marks, row: &EnvironmentRow) -> Marks {
    let mut marks = found.tags;
    for (team, given) in found.teams {
        marks.extend(environment_team_tags(&team, given));
    }
    marks.extend(row.owner.map(owner_tag));
    marks
}

/// The tags and teams of the environments from this one to that one in the order of project and name; their owners are in
/// their rows.
///
/// # Errors
/// As the store's.
pub(crate) fn environment_marks_between(
    tx: &mut dyn Tx,
    org: OrgId,
    first: (&str, &str),
    last: (&str, &str),
) -> Result<Vec<(EnvironmentId, String, String)>> {
    let mut marks = environments_tags::between(tx, org, first, last)?;
    for (env, team, given) in environments_teams::between(tx, org, first, last)? {
        marks.extend(environment_team_tags(&team, given).into_iter().map(|(key, value)| (env, key, value)));
    }
    Ok(marks)
}

/// What permissions on all environments and accounts depend on that any team was given something on.
#[derive(Default)]
pub(crate) struct GivenMarks {
    pub environments: HashMap<EnvironmentId, Marks>,
    pub accounts: HashMap<AccountId, Marks>,
}

impl GivenMarks {
    /// Reads them.
    ///
    /// # Errors
    /// As the store's.
    pub fn read(tx: &mut dyn Tx, org: OrgId, teams: &HashMap<pileus_model::ids::TeamId, String>) -> Result<Self> {
        let mut marks = Self::default();
        for (env, name, value) in environments_teams::tags_of_given(tx, org)? {
            add(&mut marks.environments, env, [(name, value)]);
        }
        for of in environments_teams::of_organization(tx, org)? {
            let team = teams.get(&of.team).map(|team| environment_team_tags(team, of.given));
            add(&mut marks.environments, of.id, team.into_iter().flatten().chain(of.owner.map(owner_tag)));
        }
        for (account, name, value) in account_teams::tags_of_given(tx, org)? {
            add(&mut marks.accounts, account, [(name, value)]);
        }
        for of in account_teams::of_organization(tx, org)? {
            let team = teams.get(&of.team).map(|team| team_tag(team, of.permission));
            add(&mut marks.accounts, of.id, team.into_iter().chain(of.owner.map(owner_tag)));
        }
        Ok(marks)
    }
}

fn add<K: Eq + Hash>(to: &mut HashMap<K, Marks>, of: K, marks: impl IntoIterator<Item = (String, String)>) {
    to.entry(of).or_default().extend(marks);
}

/// The tag that stands for an object's owner.
pub(crate) fn owner_tag(owner: UserId) -> (String, String) {
    (OWNER.to_owned(), owner.to_string())
}

/// The tag that stands for what a team may do with an account.
pub fn team_tag(team: &str, permission: TeamPermission) -> (String, String) {
    (format!("{TEAM_PREFIX}{team}"), permission.number().to_string())
}

/// The tags that stand for what a team may do with an environment, and for how long.
fn environment_team_tags(team: &str, given: Given) -> Marks {
    let level = (format!("{TEAM_PREFIX}{team}"), given.permission.number().to_string());
    let limit = given.longest_open.map(|seconds| (format!("{OPEN_PREFIX}{team}"), seconds.to_string()));
    std::iter::once(level).chain(limit).collect()
}
