//! Organisations: creating them, their settings, and which one a user means where he names none.
//!
//! This room knows what an organisation is made of. Who is in it is `members`' business.

mod settings;

#[cfg(test)]
mod tests;

pub use pileus_store::organizations::Organization;
pub use settings::{Settings, SettingsChange, TokenLifetime};

use crate::{Cx, auth::of_settings, roles::may_grant};
use pileus_model::{
    Error, Result,
    audit::{LogId, NewEvent, Target, catalogue},
    authz::Policy,
    caller::{BuiltinRole, OrgAccess, OrgRef, Principal, UserRef},
    ids::{OrgId, TokenId},
    names::{check_owner, check_text},
};
use pileus_store::{
    Recorded, Tx, audit, auth as store_auth, members,
    names::{self, NameKind},
    organizations as store, users,
};

/// Longest display name, in characters.
const MAX_DISPLAY_NAME: usize = 200;

/// An organisation to be created.
#[derive(Debug, Clone)]
pub struct NewOrganization {
    /// Its name in paths.
    pub name: String,
    /// Its display name; the name if absent.
    pub display_name: Option<String>,
    /// The login of its first admin; the caller if absent.
    pub admin: Option<String>,
}

/// An organisation as its members see it.
#[derive(Debug, Clone)]
pub struct Overview {
    /// The organisation.
    pub organization: Organization,
    /// Its settings.
    pub settings: Settings,
    /// How many members it has.
    pub members: i64,
    /// The caller's built-in role.
    pub role: BuiltinRole,
}

/// Adds an organisation whose name is free: its row, its log, its first admin.
///
/// # Errors
/// `Conflict` if the name was ever taken.
pub(crate) fn insert(
    tx: &mut dyn Tx,
    id: OrgId,
    name: &str,
    display_name: &str,
    admin: &UserRef,
    now: pileus_model::Timestamp,
) -> Result<Organization> {
    if !names::reserve(tx, name, NameKind::Organization, now)? {
        return Err(Error::conflict(format!(
            "the name \"{name}\" is taken: logins and organization names share one namespace and are never reused"
        )));
    }
    let organization = Organization {
        org: OrgRef { id, name: name.to_owned(), display_name: display_name.to_owned(), log: audit::next_log(tx)? },
        settings: Settings::default().to_json()?,
        default_role: None,
        created_at: now,
    };
    store::insert(tx, &organization)?;
    members::insert(tx, id, admin.id, BuiltinRole::Admin, None, now)?;
    Ok(organization)
}

/// Creates an organisation with its first admin. For site admins.
///
/// # Errors
/// `Invalid` for a bad name, `NotFound` for an unknown admin, `Conflict` if the name was ever taken.
pub async fn create(cx: &Cx, new: NewOrganization) -> Result<Organization> {
    check_owner("name", &new.name)?;
    let display_name = new.display_name.filter(|d| !d.is_empty()).unwrap_or_else(|| new.name.clone());
    check_text("displayName", &display_name, MAX_DISPLAY_NAME)?;
    let admin = match new.admin {
        Some(login) => login,
        None => cx.user()?.login.clone(),
    };
    let id = OrgId::new(&*cx.app.clock, &*cx.app.entropy);
    let (cx, name) = (cx.clone(), new.name);
    let app = cx.app.clone();
    app.store
        .write(move |tx| {
            let Some(admin) = users::lock_by_login(tx, &admin)? else {
                return Err(Error::not_found(format!("user \"{admin}\" not found")));
            };
            let made = insert(tx, id, &name, &display_name, &admin.user, cx.now())?;
            let events = created_events(&cx, &made.org, &admin.user.login);
            Ok(Recorded::with_all(made, events))
        })
        .await
}

/// What the creation of an organisation leaves in its own log and in the site's.
fn created_events(cx: &Cx, org: &OrgRef, admin: &str) -> Vec<NewEvent> {
    let name = &org.name;
    let created = |log| {
        let target = Target::new("organization", name);
        cx.event_in(log, catalogue::ORGANIZATION_CREATED, target, format!("Created organization \"{name}\""))
    };
    let added = format!("Added \"{admin}\" to the organization as admin");
    vec![
        created(org.log),
        cx.event_in(org.log, catalogue::MEMBER_ADDED, Target::new("member", admin), added),
        created(LogId::SITE),
    ]
}

/// A page of all organisations with the number of their members, by name, and the token of the next page. For site admins.
///
/// # Errors
/// `Invalid` for a bad token or page size.
pub async fn list(
    cx: &Cx,
    continuation: Option<&str>,
    page_size: Option<i64>,
) -> Result<(Vec<(Organization, i64)>, Option<String>)> {
    let (after, limit) = crate::users::page(continuation, page_size)?;
    let mut page = cx.app.store.read(move |tx| store::list(tx, &after, limit + 1)).await?;
    let next = crate::users::next_page(&mut page, limit, |(o, _)| &o.org.name);
    Ok((page, next))
}

/// The organisation of the path, its settings and how many members it has.
///
/// # Errors
/// `NotFound` outside of it.
pub async fn overview(cx: &Cx) -> Result<Overview> {
    let (id, role) = (cx.org()?.id, cx.access()?.role);
    cx.app.store.read(move |tx| read_overview(tx, id, role)).await
}

fn read_overview(tx: &mut dyn Tx, id: OrgId, role: BuiltinRole) -> Result<Overview> {
    let organization = store::by_id(tx, id)?.ok_or_else(|| Error::not_found("organization not found"))?;
    let settings = Settings::parse(&organization.settings);
    Ok(Overview { organization, settings, members: members::count(tx, id)?, role })
}

/// Changes settings of the organisation of the path.
///
/// # Errors
/// `Invalid` for a value that a setting may not have, and for a limit on tokens that the caller's own does not meet;
/// `Forbidden` if it would let members do what the caller may not do himself.
pub async fn update(cx: &Cx, change: SettingsChange) -> Result<Overview> {
    let (org, role, token) = (cx.org()?.clone(), cx.access()?.role, cx.caller()?.token);
    let cx = cx.clone();
    let app = cx.app.clone();
    app.store
        .write(move |tx| {
            store::lock(tx, org.id)?;
            let mut now = read_overview(tx, org.id, role)?;
            let before = of_settings(&now.settings);
            let changed = now.settings.apply(change.clone())?;
            may_let(cx.access()?, &before, of_settings(&now.settings))?;
            check_own_token(tx, &cx, token, &now.settings)?;
            now.organization.settings = now.settings.to_json()?;
            store::set_settings(tx, org.id, &now.organization.settings)?;
            let what = if changed.is_empty() { "nothing is different".to_owned() } else { changed.join(", ") };
            let description = format!("Changed settings of organization \"{}\": {what}", org.name);
            let target = Target::new("organization", &org.name);
            let event = cx.event(catalogue::ORGANIZATION_SETTINGS_CHANGED, target, description)?;
            Ok(Recorded::new(now, event))
        })
        .await
}

/// Nobody lets members do what he may not do himself; what they could do before may stay.
fn may_let(access: &OrgAccess, before: &Policy, after: Policy) -> Result<()> {
    match (before, after) {
        (Policy::Allow(before), Policy::Allow(mut after)) => {
            after.retain(|permission| !before.contains(permission));
            may_grant(access, &Policy::Allow(after))
        }
        (_, after) => may_grant(access, &after),
    }
}

/// Nobody locks himself out: the token that sets a limit must meet it.
fn check_own_token(tx: &mut dyn Tx, cx: &Cx, token: TokenId, settings: &Settings) -> Result<()> {
    let Some(limit) = settings.max_token_lifetime() else { return Ok(()) };
    let own = store_auth::token_by_id(tx, token)?;
    if own.is_some_and(|own| limit.allows(own.expires_at, cx.now())) {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "maxAccessTokenExpiryDays: the access token of this request does not expire within {} days and would lock you out; \
         use one that does",
        limit.days()
    )))
}

/// The organisation that the caller means where he names none: for a person the one that he chose if he is still in it,
/// else that of his oldest membership; for a machine token its organisation. `None`: he is in none.
///
/// # Errors
/// `Unauthenticated` without a caller.
pub async fn default_of_caller(cx: &Cx) -> Result<Option<OrgRef>> {
    let caller = cx.caller()?;
    let (user, only) = match &caller.principal {
        Principal::User(user) => (user.id, caller.only_org),
        Principal::Organization(org) | Principal::Team { org, .. } => return Ok(Some(org.clone())),
    };
    cx.app
        .store
        .read(move |tx| {
            let chosen = only.or(users::by_id(tx, user)?.and_then(|u| u.default_org));
            let mut orgs = members::of_user(tx, user)?;
            let at = orgs.iter().position(|m| Some(m.org.id) == chosen);
            Ok(match (at, only) {
                (Some(at), _) => Some(orgs.swap_remove(at).org),
                (None, Some(_)) => None,
                (None, None) => orgs.into_iter().next().map(|m| m.org),
            })
        })
        .await
}

/// Makes the organisation of the path the caller's default one.
///
/// # Errors
/// `Forbidden` for machine tokens, `NotFound` outside the organisation.
pub async fn set_default(cx: &Cx) -> Result<()> {
    let (user, org) = (cx.user()?.id, cx.org()?.id);
    cx.app
        .store
        .write(move |tx| {
            users::set_default_org(tx, user, org)?;
            Ok(Recorded::unaudited((), "a preference of the caller that concerns nobody else"))
        })
        .await
}
