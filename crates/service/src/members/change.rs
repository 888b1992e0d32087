//! Adding members, giving them roles, removing them.

use super::{Member, check_not_last_admin, founded, not_a_member};
use crate::{
    Cx,
    roles::{Granted, builtin, find_grant},
    users::unknown,
};
use pileus_model::{
    Error, Result,
    audit::{NewEvent, Target, catalogue},
    authz::Policy,
    caller::{BuiltinRole, OrgAccess, OrgRef, UserRef},
    ids::{OrgId, RoleId},
};
use pileus_store::{Recorded, Tx, members as store, organizations, roles, users};

/// Which role a client names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoleChoice {
    /// A built-in one.
    Builtin(BuiltinRole),
    /// By id: a custom one, or a built-in one.
    ById(RoleId),
}

impl RoleChoice {
    /// The role that these fields of a request name; the id wins.
    ///
    /// # Errors
    /// `Invalid` if neither names one.
    pub fn parse(role: Option<&str>, id: Option<&str>) -> Result<Self> {
        if let Some(id) = id.filter(|id| !id.is_empty()) {
            let id = id.parse().map_err(|_| unknown_role())?;
            return Ok(Self::ById(id));
        }
        let role = role.ok_or_else(|| Error::invalid("role or fgaRoleId is required"))?;
        // Clients write it both ways (contract, AddOrganizationMember).
        let name = if role == "billingManager" { BuiltinRole::BillingManager.as_str() } else { role };
        let role = BuiltinRole::parse(name);
        role.map(Self::Builtin).ok_or_else(|| Error::invalid("role must be member, admin or billing-manager"))
    }
}

fn unknown_role() -> Error {
    Error::invalid("fgaRoleId names no role of the organization")
}

/// A role that can be written: what the row holds, what the log calls it, what it permits.
struct Chosen {
    role: BuiltinRole,
    custom: Option<RoleId>,
    label: String,
    policy: Policy,
}

impl From<BuiltinRole> for Chosen {
    fn from(role: BuiltinRole) -> Self {
        Self { role, custom: None, label: role.as_str().to_owned(), policy: builtin::policy(role) }
    }
}

impl From<Granted> for Chosen {
    fn from(granted: Granted) -> Self {
        match granted.builtin {
            Some(role) => role.into(),
            None => Self {
                role: BuiltinRole::Member,
                custom: Some(granted.id),
                label: granted.name,
                policy: granted.policy,
            },
        }
    }
}

fn choose(tx: &mut dyn Tx, org: OrgId, choice: RoleChoice) -> Result<Chosen> {
    match choice {
        RoleChoice::Builtin(role) => Ok(role.into()),
        RoleChoice::ById(id) => Ok(find_grant(tx, org, id)?.ok_or_else(unknown_role)?.into()),
    }
}

/// The role that a member has. One that is gone counts as everything: only an admin may touch what nobody understands.
fn current(tx: &mut dyn Tx, org: OrgId, member: &store::Member) -> Result<Chosen> {
    let Some(custom) = &member.custom else { return Ok(member.role.into()) };
    Ok(find_grant(tx, org, custom.id)?.map_or_else(
        || Chosen { policy: Policy::Everything, custom: Some(custom.id), ..BuiltinRole::Member.into() },
        Chosen::from,
    ))
}

/// Refuses to give or take a role that permits what the caller may not do himself. What every member may do is no gift.
fn may_handle(access: &OrgAccess, role: &Chosen) -> Result<()> {
    let has = Policy::Group(vec![access.policy.clone(), builtin::policy(BuiltinRole::Member)]);
    if has.covers(&role.policy) {
        return Ok(());
    }
    Err(Error::forbidden(format!("the role {} permits what you may not do yourself", role.label)))
}

/// Adds a user to the organisation of the path. Where the organisation has a default role, who is added as `member` gets it.
///
/// # Errors
/// `NotFound` for an unknown user, `Conflict` if he is a member already, `Forbidden` for a role beyond the caller's own.
pub async fn add(cx: &Cx, login: &str, choice: RoleChoice) -> Result<Member> {
    let (access, cx, login) = (cx.access()?.clone(), cx.clone(), login.to_owned());
    let app = cx.app.clone();
    app.store
        .write(move |tx| {
            let org = access.org.id;
            let user = users::lock_by_login(tx, &login)?.ok_or_else(|| unknown(&login))?.user;
            organizations::lock(tx, org)?;
            if store::by_login(tx, org, &login)?.is_some() {
                return Err(Error::conflict(format!("\"{}\" is already a member of the organization", user.login)));
            }
            let default = roles::defaults(tx, org)?.and_then(|d| d.default_role);
            let choice = match (choice, default) {
                (RoleChoice::Builtin(BuiltinRole::Member), Some(default)) => RoleChoice::ById(default),
                (choice, _) => choice,
            };
            let role = choose(tx, org, choice)?;
            may_handle(&access, &role)?;
            store::insert(tx, org, user.id, role.role, role.custom, cx.now())?;
            let added =
                store::by_login(tx, org, &login)?.ok_or_else(|| Error::internal("a member just added is not there"))?;
            let founded = founded(tx, org)?;
            let description = format!("Added \"{}\" to the organization as {}", user.login, role.label);
            let event = cx.event(catalogue::MEMBER_ADDED, Target::new("member", &user.login), description)?;
            Ok(Recorded::new(Member::new(org, added, founded), event))
        })
        .await
}

/// The member with this login, with the organisation's lock held.
fn locked(tx: &mut dyn Tx, org: OrgId, login: &str) -> Result<store::Member> {
    organizations::lock(tx, org)?;
    store::by_login(tx, org, login)?.ok_or_else(|| not_a_member(login))
}

fn role_changed(cx: &Cx, user: &UserRef, role: &str) -> Result<NewEvent> {
    let description = format!("Changed organization role for \"{}\" to {role}", user.login);
    cx.event(catalogue::MEMBER_ROLE_CHANGED, Target::new("member", &user.login), description)
}

/// Gives a member of the organisation of the path another role.
///
/// # Errors
/// `NotFound` if he is no member, `Invalid` for an unknown role, `Forbidden` if his role or the new one is beyond the
/// caller's own, `Conflict` if he is the last admin.
pub async fn update(cx: &Cx, login: &str, choice: RoleChoice) -> Result<()> {
    let (access, cx, login) = (cx.access()?.clone(), cx.clone(), login.to_owned());
    let app = cx.app.clone();
    app.store
        .write(move |tx| {
            let org = &access.org;
            let member = locked(tx, org.id, &login)?;
            let role = choose(tx, org.id, choice)?;
            may_handle(&access, &current(tx, org.id, &member)?)?;
            may_handle(&access, &role)?;
            if member.role == BuiltinRole::Admin && role.role != BuiltinRole::Admin {
                check_not_last_admin(tx, org, &member.user)?;
            }
            store::set_role(tx, org.id, member.user.id, role.role, role.custom)?;
            Ok(Recorded::new((), role_changed(&cx, &member.user, &role.label)?))
        })
        .await
}

/// Removes a member from the organisation of the path and from all its teams.
///
/// # Errors
/// `Invalid` for the caller himself, `NotFound` if he is no member, `Forbidden` if his role is beyond the caller's own,
/// `Conflict` if he is the last admin.
pub async fn remove(cx: &Cx, login: &str) -> Result<()> {
    let (access, cx, login) = (cx.access()?.clone(), cx.clone(), login.to_owned());
    let caller = cx.caller()?.user().map(|user| user.id);
    let app = cx.app.clone();
    app.store
        .write(move |tx| {
            let org = &access.org;
            let member = locked(tx, org.id, &login)?;
            if member.role == BuiltinRole::Admin {
                check_not_last_admin(tx, org, &member.user)?;
            }
            if caller == Some(member.user.id) {
                return Err(Error::invalid("you cannot remove yourself from the organization"));
            }
            may_handle(&access, &current(tx, org.id, &member)?)?;
            store::remove(tx, org.id, member.user.id)?;
            let login = &member.user.login;
            let description = format!("Removed \"{login}\" from the organization");
            let event = cx.event(catalogue::MEMBER_REMOVED, Target::new("member", login), description)?;
            Ok(Recorded::new((), event))
        })
        .await
}

/// Hands the organisation of the path over: its sole admin, who must be the caller, becomes a member, and this member its
/// admin, both or neither.
///
/// # Errors
/// `NotFound` if he is no member; `Invalid` if the caller is not the sole admin, or means himself.
pub async fn set_sole_admin(cx: &Cx, login: &str) -> Result<()> {
    let (org, caller, cx, login) = (cx.org()?.clone(), cx.caller()?.user().cloned(), cx.clone(), login.to_owned());
    let app = cx.app.clone();
    app.store
        .write(move |tx| {
            let member = locked(tx, org.id, &login)?;
            let caller = sole_admin(tx, &org, caller.as_ref())?;
            if member.user.id == caller.id {
                return Err(Error::invalid("you are the organization's sole admin already"));
            }
            store::set_role(tx, org.id, caller.id, BuiltinRole::Member, None)?;
            store::set_role(tx, org.id, member.user.id, BuiltinRole::Admin, None)?;
            let events = vec![
                role_changed(&cx, caller, BuiltinRole::Member.as_str())?,
                role_changed(&cx, &member.user, BuiltinRole::Admin.as_str())?,
            ];
            Ok(Recorded::with_all((), events))
        })
        .await
}

fn sole_admin<'a>(tx: &mut dyn Tx, org: &OrgRef, caller: Option<&'a UserRef>) -> Result<&'a UserRef> {
    let admins = store::admins(tx, org.id)?;
    caller.filter(|caller| admins == [caller.id]).ok_or_else(|| {
        Error::invalid("only the organization's sole admin can hand it over; otherwise change the member's role")
    })
}
