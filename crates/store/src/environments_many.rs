//! What opening environments needs of them, for several at once: PostgreSQL is not waited for between them.
//!
//! Knows the tables `environments`, `environment_revisions`, `environment_tags` and `environment_teams`.

use crate::{
    db::{Flow, Row, Tx, TxExt, Value},
    environments::{EnvironmentRow, environment},
    environments_tags::Pairs,
    environments_teams::{Given, given},
};
use pileus_model::{
    Result,
    ids::{EnvironmentId, OrgId},
};

/// An environment with the definition of its newest revision, which is always there.
pub type Newest = (EnvironmentRow, Option<String>);

const NEWEST: &str = "SELECT e.id, e.project, e.name, e.owner_id, e.owner_login, e.owner_name, e.data_key, e.latest,
           e.protected, e.created_at, e.modified_at, r.definition
         FROM environments e
           LEFT JOIN environment_revisions r ON r.env_id = e.id AND r.number = e.latest AND r.org_id = e.org_id
         WHERE e.org_id = $1 AND e.project = $2 AND e.name = $3 AND e.deleted_at IS NULL";

fn with_definition(row: &dyn Row) -> Result<Newest> {
    Ok((environment(row)?, row.opt(11, |row, column| Ok(row.text(column)?.to_owned()))?))
}

/// The environment with this name.
///
/// # Errors
/// As [`Tx::query`].
pub fn newest(tx: &mut dyn Tx, org: OrgId, project: &str, name: &str) -> Result<Option<Newest>> {
    tx.one(NEWEST, &[org.as_bytes().into(), project.into(), name.into()], with_definition)
}

/// The environments with these projects and names, in their order.
///
/// # Errors
/// As [`Tx::query`].
pub fn newest_of_each(tx: &mut dyn Tx, org: OrgId, names: &[(&str, &str)]) -> Result<Vec<Option<Newest>>> {
    let mut params = Vec::with_capacity(3 * names.len());
    for (project, name) in names {
        params.extend([Value::from(org.as_bytes()), (*project).into(), (*name).into()]);
    }
    let mut found: Vec<Option<Newest>> = names.iter().map(|_| None).collect();
    tx.query_each(NEWEST.into(), 3, &params, &mut |number, row| {
        found[number] = Some(with_definition(row)?);
        Ok(())
    })?;
    Ok(found)
}

/// What permissions on an environment look at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marks {
    /// Its tags, in their order.
    pub tags: Pairs,
    /// What each team was given on it, with the team's name.
    pub teams: Vec<(String, Given)>,
}

const MARKS: &str = "SELECT kind, name, value, permission, longest_open FROM (
           SELECT 0 AS kind, seq, name, value, 0 AS permission, CAST(NULL AS BIGINT) AS longest_open
           FROM environment_tags WHERE org_id = $1 AND env_id = $2
           UNION ALL
           SELECT 1, 0, t.name, '', g.permission, g.longest_open
           FROM environment_teams g JOIN teams t ON t.id = g.team_id WHERE g.org_id = $1 AND g.env_id = $2
         ) AS marks ORDER BY kind, seq";

fn mark(marks: &mut Marks, row: &dyn Row) -> Result<()> {
    let name = row.text(1)?.to_owned();
    match row.int(0)? {
        0 => marks.tags.push((name, row.text(2)?.to_owned())),
        _ => marks.teams.push((name, given(row, 3)?)),
    }
    Ok(())
}

/// What permissions on this environment look at.
///
/// # Errors
/// As [`Tx::query`].
pub fn marks(tx: &mut dyn Tx, org: OrgId, env: EnvironmentId) -> Result<Marks> {
    let mut marks = Marks::default();
    tx.query(MARKS.into(), &[org.as_bytes().into(), env.as_bytes().into()], &mut |row| {
        mark(&mut marks, row)?;
        Ok(Flow::Next)
    })?;
    Ok(marks)
}

/// The same of each of these environments, in their order.
///
/// # Errors
/// As [`Tx::query`].
pub fn marks_of_each(tx: &mut dyn Tx, org: OrgId, environments: &[EnvironmentId]) -> Result<Vec<Marks>> {
    let params: Vec<_> = environments.iter().flat_map(|env| [org.as_bytes().into(), env.as_bytes().into()]).collect();
    let mut all = vec![Marks::default(); environments.len()];
    tx.query_each(MARKS.into(), 2, &params, &mut |number, row| mark(&mut all[number], row))?;
    Ok(all)
}
