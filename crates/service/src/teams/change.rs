//! Making and deleting teams.

use super::{Team, load, require, roles::drop_private};
use crate::Cx;
use pileus_model::{
    Error, Result,
    audit::{Target, catalogue},
    ids::TeamId,
    names::check_text,
};
use pileus_store::{
    Recorded, environments_teams,
    insights::teams as account_teams,
    organizations,
    teams::{self as store, TeamRow},
    tokens,
};

/// Longest name and longest display name of a team, in characters (contract, `CreatePulumiTeam`).
pub(super) const MAX_NAME: usize = 100;
/// Longest description of a team, in characters.
pub(super) const MAX_DESCRIPTION: usize = 400;

/// A team to be made.
#[derive(Debug, Clone, Default)]
pub struct NewTeam {
    /// Its name in paths.
    pub name: String,
    /// The name that people see; the name itself if empty.
    pub display_name: String,
    /// What it is for.
    pub description: String,
}

/// A team's name stands in paths: letters, digits, `-`, `_` and `.`, and not only dots.
fn check_name(name: &str) -> Result<()> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if (1..=MAX_NAME).contains(&name.len()) && name.chars().all(allowed) && !name.chars().all(|c| c == '.') {
        return Ok(());
    }
    Err(Error::invalid(format!("name must have 1 to {MAX_NAME} letters, digits, '-', '_' or '.', and not only dots")))
}

/// Makes a team. A person who makes one is its admin.
///
/// # Errors
/// `Invalid` for a bad name, display name or description, `Conflict` if the organisation has a team of this name.
pub async fn create(cx: &Cx, new: NewTeam) -> Result<Team> {
    check_name(&new.name)?;
    check_text("displayName", &new.display_name, MAX_NAME)?;
    check_text("description", &new.description, MAX_DESCRIPTION)?;
    let row = TeamRow {
        id: TeamId::new(&*cx.app.clock, &*cx.app.entropy),
        display_name: if new.display_name.is_empty() { new.name.clone() } else { new.display_name },
        name: new.name,
        description: new.description,
        role: None,
        created_at: cx.now(),
    };
    let (cx, app) = (cx.clone(), cx.app.clone());
    app.store
        .write(move |tx| {
            let org = cx.org()?.id;
            organizations::lock(tx, org)?;
            if store::find(tx, org, &row.name)?.is_some() {
                return Err(Error::conflict(format!("a team with the name \"{}\" already exists", row.name)));
            }
            store::insert(tx, org, &row)?;
            let creator = cx.caller()?.user().map(|user| user.id);
            if let Some(user) = creator {
                store::add_member(tx, org, row.id, user, true, row.created_at)?;
            }
            let team = load(tx, &cx, row.clone())?;
            let description = format!("Created team \"{}\"", row.name);
            Ok(Recorded::new(team, cx.event(catalogue::TEAM_CREATED, Target::new("team", &row.name), description)?))
        })
        .await
}

/// Deletes a team, revokes its tokens, and deletes the role that was made for it unless someone else has that too.
///
/// # Errors
/// `NotFound`.
pub async fn delete(cx: &Cx, name: &str) -> Result<()> {
    let (cx, app, name) = (cx.clone(), cx.app.clone(), name.to_owned());
    app.store
        .write(move |tx| {
            let org = cx.org()?.id;
            organizations::lock(tx, org)?;
            let team = require(tx, org, &name)?;
            let description = format!("Deleted team \"{name}\"");
            let mut events = vec![cx.event(catalogue::TEAM_DELETED, Target::new("team", &name), description)?];
            for token in tokens::delete_of_team(tx, org, team.id, cx.now())? {
                let description = format!("Deleted team token \"{token}\" of team \"{name}\"");
                events.push(cx.event(catalogue::TEAM_TOKEN_DELETED, Target::new("token", token), description)?);
            }
            account_teams::forget_team(tx, org, team.id)?;
            environments_teams::forget_team(tx, org, team.id)?;
            store::delete(tx, org, team.id)?;
            if let Some(role) = team.role {
                events.extend(drop_private(tx, &cx, role)?);
            }
            Ok(Recorded::with_all((), events))
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["a", "ops", "Ops-1_x.y", ".a", &"x".repeat(100)] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in ["", ".", "..", "a b", "a/b", "ä", "a\n", "a\"b", &"x".repeat(101)] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }
}
