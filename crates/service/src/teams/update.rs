//! Changing a team: what is asked for in one request happens in one piece or not at all.

use super::{
    access::{self, EnvironmentChange},
    change::{MAX_DESCRIPTION, MAX_NAME},
    may_lend, may_promote, require,
};
use crate::Cx;
use pileus_model::{
    Error, Result,
    audit::{Target, catalogue},
    names::check_text,
};
use pileus_store::{
    Recorded, Tx, organizations,
    teams::{self as store, TeamRow},
};

/// What is to become of a team; what is `None` or empty stays.
#[derive(Debug, Clone, Default)]
pub struct TeamChange {
    /// The new name that people see; if empty the team's name.
    pub display_name: Option<String>,
    /// The new description.
    pub description: Option<String>,
    /// The login of whom `action` is about.
    pub member: Option<String>,
    /// What is to happen to him: `add`, `remove`, `promote` or `demote`.
    pub action: Option<String>,
    /// Stacks whose permission is to change, as `project/stack`.
    pub stacks: Vec<String>,
    /// What is to become of the team's permissions on environments.
    pub environments: Vec<EnvironmentChange>,
}

/// What can happen to someone in a team.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberAction {
    /// Comes into it.
    Add,
    /// Leaves it.
    Remove,
    /// Becomes its admin.
    Promote,
    /// Is its admin no longer.
    Demote,
}

impl MemberAction {
    fn parse(text: &str) -> Result<Self> {
        match text {
            "add" => Ok(Self::Add),
            "remove" => Ok(Self::Remove),
            "promote" => Ok(Self::Promote),
            "demote" => Ok(Self::Demote),
            _ => Err(Error::invalid("memberAction must be one of add, remove, promote, demote")),
        }
    }
}

impl TeamChange {
    /// The part about a member, and that all of it makes sense before anything is looked up.
    fn checked(&self) -> Result<Option<(String, MemberAction)>> {
        check_text("newDisplayName", self.display_name.as_deref().unwrap_or_default(), MAX_NAME)?;
        check_text("newDescription", self.description.as_deref().unwrap_or_default(), MAX_DESCRIPTION)?;
        let member = match (&self.member, &self.action) {
            (Some(member), Some(action)) => Some((member.clone(), MemberAction::parse(action)?)),
            (None, None) => None,
            _ => return Err(Error::invalid("member and memberAction belong together: give both or neither")),
        };
        if let Some(stack) = self.stacks.first() {
            return Err(Error::invalid(format!("stack \"{stack}\" does not exist")));
        }
        self.environments.iter().try_for_each(EnvironmentChange::check)?;
        let names = self.display_name.is_some() || self.description.is_some();
        if member.is_none() && !names && self.environments.is_empty() {
            return Err(Error::invalid(
                "nothing to change: give newDisplayName, newDescription, member and memberAction, \
                 addEnvironmentPermission, editEnvironmentPermission or removeEnvironment",
            ));
        }
        Ok(member)
    }
}

/// Changes a team.
///
/// # Errors
/// `NotFound` for an unknown team or environment, someone who is not in the organisation, or someone not in the team whom it
/// should lose; `Invalid` for an empty or contradictory change; `Forbidden` if it would give someone what the caller does not
/// have; `Conflict` if the member is already what he should become.
pub async fn update(cx: &Cx, name: &str, change: TeamChange) -> Result<()> {
    let member = change.checked()?;
    let (cx, app, name) = (cx.clone(), cx.app.clone(), name.to_owned());
    app.store
        .write(move |tx| {
            let org = cx.org()?.id;
            organizations::lock(tx, org)?;
            let mut team = require(tx, org, &name)?;
            let mut said = Vec::new();
            if let Some(display_name) = &change.display_name {
                let shown = if display_name.is_empty() { &team.name } else { display_name }.clone();
                said.push(format!("set display name to \"{shown}\""));
                team.display_name = shown;
            }
            if let Some(description) = &change.description {
                said.push("set description".into());
                team.description.clone_from(description);
            }
            store::update(tx, org, &team)?;
            if let Some((login, action)) = &member {
                said.push(change_member(tx, &cx, &team, login, *action)?);
            }
            for wanted in &change.environments {
                said.push(access::change(tx, &cx, &team, wanted)?);
            }
            let description = format!("Updated team \"{name}\": {}", said.join(", "));
            Ok(Recorded::new((), cx.event(catalogue::TEAM_UPDATED, Target::new("team", &name), description)?))
        })
        .await
}

/// Does to a member what is asked for, and says so in words for the event.
fn change_member(tx: &mut dyn Tx, cx: &Cx, team: &TeamRow, login: &str, action: MemberAction) -> Result<String> {
    let org = cx.org()?.id;
    let Some(user) = store::candidate(tx, org, login)? else {
        return Err(Error::not_found(format!("user \"{login}\" is not a member of the organization")));
    };
    let login = &user.login;
    let standing = store::standing(tx, org, team.id, user.id)?;
    match (action, standing) {
        (MemberAction::Add, None) => {
            may_lend(tx, cx, team)?;
            store::add_member(tx, org, team.id, user.id, false, cx.now())?;
            Ok(format!("added member \"{login}\""))
        }
        (MemberAction::Remove, Some(_)) => {
            store::remove_member(tx, org, team.id, user.id)?;
            Ok(format!("removed member \"{login}\""))
        }
        (MemberAction::Promote, Some(false)) => {
            may_promote(tx, cx, team)?;
            store::set_admin(tx, org, team.id, user.id, true)?;
            Ok(format!("made \"{login}\" a team admin"))
        }
        (MemberAction::Demote, Some(true)) => {
            store::set_admin(tx, org, team.id, user.id, false)?;
            Ok(format!("made \"{login}\" a plain team member"))
        }
        (_, None) => Err(Error::not_found(format!("user \"{login}\" is not a member of the team"))),
        (MemberAction::Add, Some(_)) => {
            Err(Error::conflict(format!("user \"{login}\" is already a member of the team")))
        }
        (MemberAction::Promote, Some(true)) => {
            Err(Error::conflict(format!("user \"{login}\" is already a team admin")))
        }
        (MemberAction::Demote, Some(false)) => Err(Error::conflict(format!("user \"{login}\" is not a team admin"))),
    }
}
