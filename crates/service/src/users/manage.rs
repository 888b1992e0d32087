//! Creating, changing and deleting users, as site admins do it.

use super::{Profile, User, events_about, events_in, unknown};
use crate::{Cx, members as members_service};
use pileus_model::{
    Error, Result, Timestamp,
    audit::{LogId, NewEvent, Target, catalogue},
    caller::{BuiltinRole, UserRef},
    ids::UserId,
    names::{check_owner, check_text},
};
use pileus_store::{
    Recorded, Tx, members,
    names::{self, NameKind},
    organizations, users as store,
};

/// Longest name, in characters.
const MAX_NAME: usize = 200;
/// Longest e-mail address, in characters (RFC 5321 §4.5.3.1.3).
const MAX_EMAIL: usize = 254;

/// A user to be created.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// His login.
    pub login: String,
    /// His name; the login if empty.
    pub name: String,
    /// His e-mail address; may be empty.
    pub email: String,
}

/// A change of a user: what is `None` stays as it is.
#[derive(Debug, Clone, Default)]
pub struct UserChange {
    /// His name.
    pub name: Option<String>,
    /// He may not log in.
    pub disabled: Option<bool>,
    /// He may use the site's own operations.
    pub site_admin: Option<bool>,
}

/// Adds a user whose login is free.
///
/// # Errors
/// `Conflict` if the name was ever taken.
pub(crate) fn insert(tx: &mut dyn Tx, id: UserId, new: &NewUser, site_admin: bool, now: Timestamp) -> Result<User> {
    if !names::reserve(tx, &new.login, NameKind::User, now)? {
        return Err(Error::conflict(format!(
            "the name \"{}\" is taken: logins and organization names share one namespace and are never reused",
            new.login
        )));
    }
    let name = if new.name.is_empty() { &new.login } else { &new.name };
    let user = UserRef { id, login: new.login.clone(), name: name.clone(), email: new.email.clone(), site_admin };
    let user = User { user, disabled: false, default_org: None, created_at: now };
    store::insert(tx, &user)?;
    Ok(user)
}

/// Creates a user. He is in no organisation and has no token yet.
///
/// # Errors
/// `Invalid` for a bad login, name or address; `Conflict` if the login was ever taken.
pub async fn create(cx: &Cx, new: NewUser) -> Result<User> {
    check_owner("login", &new.login)?;
    check_text("name", &new.name, MAX_NAME)?;
    check_email(&new.email)?;
    let id = UserId::new(&*cx.app.clock, &*cx.app.entropy);
    let cx = cx.clone();
    let app = cx.app.clone();
    app.store
        .write(move |tx| {
            let user = insert(tx, id, &new, false, cx.now())?;
            let login = &user.user.login;
            let description = format!("Created user \"{login}\"");
            let event = cx.event_in(LogId::SITE, catalogue::USER_CREATED, Target::new("user", login), description);
            Ok(Recorded::new(user, event))
        })
        .await
}

fn check_email(email: &str) -> Result<()> {
    check_text("email", email, MAX_EMAIL)?;
    let spaced = email.chars().any(|c| c.is_whitespace() || c.is_control());
    if email.is_empty() || (!spaced && email.split_once('@').is_some_and(|(a, b)| !a.is_empty() && !b.is_empty())) {
        return Ok(());
    }
    Err(Error::invalid("email must be empty or an address like name@example.org"))
}

/// Changes a user. A disabled user's tokens let nobody in from then on.
///
/// # Errors
/// `NotFound`; `Invalid` for a bad name; `Conflict` if he is the last site admin who may log in.
pub async fn update(cx: &Cx, login: &str, change: UserChange) -> Result<Profile> {
    if let Some(name) = &change.name {
        check_text("name", name, MAX_NAME)?;
    }
    let (cx, login) = (cx.clone(), login.to_owned());
    let app = cx.app.clone();
    app.store
        .write(move |tx| {
            let loses = change.disabled == Some(true) || change.site_admin == Some(false);
            let admins = if loses { store::lock_site_admins(tx)? } else { Vec::new() };
            let Some(was) = store::lock_by_login(tx, &login)? else { return Err(unknown(&login)) };
            if loses {
                check_not_last(&admins, &was)?;
            }
            let is = changed(&was, &change);
            store::update(tx, &is)?;
            let events = change_events(tx, &cx, &was, &is)?;
            let organizations = members::of_user(tx, is.user.id)?;
            Ok(Recorded::with_all(Profile { user: is, organizations }, events))
        })
        .await
}

fn changed(was: &User, change: &UserChange) -> User {
    let mut is = was.clone();
    if let Some(name) = &change.name {
        is.user.name = if name.is_empty() { is.user.login.clone() } else { name.clone() };
    }
    is.disabled = change.disabled.unwrap_or(was.disabled);
    is.user.site_admin = change.site_admin.unwrap_or(was.user.site_admin);
    is
}

/// `user-disabled` if he was disabled; `user-updated` for what else is different, and if nothing is.
fn change_events(tx: &mut dyn Tx, cx: &Cx, was: &User, is: &User) -> Result<Vec<NewEvent>> {
    let (id, login) = (is.user.id, &is.user.login);
    let target = Target::new("user", login);
    let mut events = Vec::new();
    let disabled = !was.disabled && is.disabled;
    if disabled {
        events = events_about(tx, cx, id, catalogue::USER_DISABLED, &target, &format!("Disabled user \"{login}\""))?;
    }
    let differences = [
        (was.user.name != is.user.name, "name"),
        (was.disabled && !is.disabled, "enabled again"),
        (!was.user.site_admin && is.user.site_admin, "made site admin"),
        (was.user.site_admin && !is.user.site_admin, "no longer site admin"),
    ];
    let what: Vec<&str> = differences.into_iter().filter(|(different, _)| *different).map(|(_, what)| what).collect();
    if !what.is_empty() || !disabled {
        let what = if what.is_empty() { "nothing is different".to_owned() } else { what.join(", ") };
        let description = format!("Updated user \"{login}\": {what}");
        events.extend(events_about(tx, cx, id, catalogue::USER_UPDATED, &target, &description)?);
    }
    Ok(events)
}

fn check_not_last(admins: &[UserId], user: &User) -> Result<()> {
    if admins == [user.user.id] {
        return Err(Error::conflict(format!(
            "\"{}\" is the last site admin: make someone else one first",
            user.user.login
        )));
    }
    Ok(())
}

/// Deletes a user: his memberships end, his tokens let nobody in, his login is never another's.
///
/// # Errors
/// `NotFound`; `Conflict` if he is the last site admin who may log in, or the last admin of an organisation.
pub async fn delete(cx: &Cx, login: &str) -> Result<()> {
    let (cx, login) = (cx.clone(), login.to_owned());
    let app = cx.app.clone();
    app.store
        .write(move |tx| {
            let admins = store::lock_site_admins(tx)?;
            let Some(user) = store::lock_by_login(tx, &login)? else { return Err(unknown(&login)) };
            check_not_last(&admins, &user)?;
            let (id, login) = (user.user.id, &user.user.login);
            let logs = members::logs_of_user(tx, id)?;
            let mut memberships = members::of_user(tx, id)?;
            memberships.sort_unstable_by_key(|m| m.org.id);
            for membership in &memberships {
                organizations::lock(tx, membership.org.id)?;
                // Read again under the lock: the role may just have been changed.
                let role = members::by_login(tx, membership.org.id, login)?.map(|m| m.role);
                if role == Some(BuiltinRole::Admin) {
                    members_service::check_not_last_admin(tx, &membership.org, &user.user)?;
                }
                members::remove(tx, membership.org.id, id)?;
            }
            store::mark_deleted(tx, id, cx.now())?;
            let description = format!("Deleted user \"{login}\"");
            let target = Target::new("user", login);
            Ok(Recorded::with_all((), events_in(&cx, &logs, catalogue::USER_DELETED, &target, &description)))
        })
        .await
}
