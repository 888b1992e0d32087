//! Whose an environment is.
//!
//! Knows that whoever owns an environment may do everything with it, so that only a member can be made its owner.

use super::{require_locked, target};
use crate::{Cx, teams::may_give_away};
use pileus_model::{Error, Result, audit::catalogue};
use pileus_store::{Recorded, environments_deleted as store, members, users};

/// Gives an environment to another member of the organisation. The previous owner, as far as he still exists: his login and
/// display name.
///
/// # Errors
/// `NotFound`; `Forbidden` if the caller lacks something of the set `Environment Admin` there; `Invalid` if nobody in the organisation has this login.
pub async fn reassign(cx: &Cx, project: &str, name: &str, login: &str) -> Result<(String, String)> {
    let (cx, app, project, name) = (cx.clone(), cx.app.clone(), project.to_owned(), name.to_owned());
    let login = login.to_owned();
    app.store
        .write(move |tx| {
            let org = cx.org()?.id;
            let row = require_locked(tx, org, &project, &name)?;
            may_give_away(tx, &cx, &row.reference())?;
            let Some(new) = members::by_login(tx, org, &login)?.map(|member| member.user) else {
                return Err(Error::invalid(format!("no member of the organization has the login \"{login}\"")));
            };
            let before = match row.owner {
                Some(owner) => users::by_id(tx, owner)?.map(|user| (user.user.login, user.user.name)),
                None => None,
            };
            let before = before.unwrap_or_else(|| (row.owner_login.clone(), row.owner_name.clone()));
            store::set_owner(tx, org, row.id, new.id, (&new.login, &new.name))?;
            let description = format!(
                "Gave environment \"{}\" to \"{}\"; before, it was owned by \"{}\"",
                row.reference(),
                new.login,
                before.0
            );
            Ok(Recorded::new(before, cx.event(catalogue::ENVIRONMENT_UPDATED, target(&row), description)?))
        })
        .await
}
