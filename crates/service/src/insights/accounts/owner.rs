//! Whose an account is.
//!
//! Knows that whoever owns an account may do everything with it, so that only a member can be made its owner, and only by
//! somebody who has the greatest permission on it.

use super::require_root;
use crate::{Cx, insights::teams::may_give};
use pileus_model::{
    Error, Result,
    audit::{Target, catalogue},
    caller::UserRef,
    insights::TeamPermission,
    names::decode_account,
};
use pileus_store::{Recorded, insights::accounts as store, members, organizations, users};

/// Gives an account and its children to another member of the organisation. The previous owner, as far as he still exists:
/// his login and display name.
///
/// # Errors
/// `NotFound` for the account; `Forbidden` for a child, and if the caller lacks something of the set `Account Admin` there; `Invalid` if nobody in the organisation has this login.
pub async fn reassign(cx: &Cx, name: &str, login: &str) -> Result<(String, String)> {
    let (cx, app, name, login) = (cx.clone(), cx.app.clone(), decode_account(name), login.to_owned());
    app.store
        .write(move |tx| {
            let org = cx.org()?.id;
            organizations::lock(tx, org)?;
            let account = require_root(tx, org, &name, "ownership is managed on")?.account;
            may_give(tx, &cx, &name, Some(TeamPermission::Admin))?;
            let Some(new): Option<UserRef> = members::by_login(tx, org, &login)?.map(|member| member.user) else {
                return Err(Error::invalid(format!("no member of the organization has the login \"{login}\"")));
            };
            let before = match account.owner {
                Some(owner) => users::by_id(tx, owner)?.map(|user| (user.user.login, user.user.name)),
                None => None,
            };
            let before = before.unwrap_or_else(|| (account.owner_login.clone(), String::new()));
            store::set_owner(tx, org, account.id, new.id, &new.login, cx.now())?;
            let description =
                format!("Gave account \"{name}\" to \"{}\"; before, it was owned by \"{}\"", new.login, before.0);
            let event = cx.event(catalogue::CLOUD_ACCOUNT_UPDATED, Target::new("account", &name), description)?;
            Ok(Recorded::new(before, event))
        })
        .await
}
