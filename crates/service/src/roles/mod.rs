//! Roles: the built-in ones, an organisation's own, who has them, and who may give them to others.
//!
//! Knows that nobody can give what he does not have. It never knows what a descriptor is made of (`model` compiles it)
//! nor which operation needs which permission.

pub mod builtin;
mod change;
mod delete;
mod grant;

#[cfg(test)]
mod tests;

pub use change::{NewRole, RoleChange, create, set_default, update};
pub use delete::delete;
pub use grant::{Granted, find_grant, grantable, may_grant};

use crate::{Cx, teams::Team, tokens::Token};
use pileus_model::{
    Error, Result, Timestamp,
    authz::scopes::{CATEGORIES, Category},
    caller::{BuiltinRole, UserRef},
    ids::{OrgId, RoleId},
};
use pileus_store::{
    Tx,
    roles::{self as store, RoleDefaults, RoleRow},
    tokens as token_store,
};
use serde_json::Value;

/// How a role can be shown (contract, `PermissionDescriptorUXPurpose`). The first three can be given to someone.
pub const PURPOSES: [&str; 5] = ["role", "role_private", "role_temporary", "policy", "set"];

/// The purpose of a role that is given none, and that of the built-in ones.
pub const PURPOSE: &str = PURPOSES[0];

/// The purpose of a role that belongs to one thing, such as a team.
pub const PURPOSE_PRIVATE: &str = PURPOSES[1];

/// The resource type of a role that is given none, and that of the built-in ones.
pub const RESOURCE_TYPE: &str = "organization";

/// A role, built in or an organisation's own.
#[derive(Debug, Clone, PartialEq)]
pub struct Role {
    /// Its id.
    pub id: RoleId,
    /// The organisation.
    pub org: OrgId,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What kind of thing it is about.
    pub resource_type: String,
    /// How it is shown, one of [`PURPOSES`].
    pub ux_purpose: String,
    /// Its permission descriptor.
    pub details: Value,
    /// Counts its changes, from 1.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub modified_at: Timestamp,
    /// Which built-in role it is, if it is one.
    pub builtin: Option<BuiltinRole>,
    /// New members get it.
    pub is_default: bool,
}

impl Role {
    fn custom(org: OrgId, row: RoleRow, defaults: RoleDefaults) -> Result<Self> {
        let details = serde_json::from_str(&row.details)
            .map_err(|error| Error::internal(format!("the descriptor of role {} is no JSON: {error}", row.id)))?;
        Ok(Self {
            is_default: defaults.default_role == Some(row.id),
            id: row.id,
            org,
            name: row.name,
            description: row.description,
            resource_type: row.resource_type,
            ux_purpose: row.ux_purpose,
            details,
            version: row.version,
            created_at: row.created_at,
            modified_at: row.modified_at,
            builtin: None,
        })
    }

    fn built_in(org: OrgId, role: BuiltinRole, defaults: RoleDefaults) -> Self {
        Self {
            id: builtin::builtin_role_id(org, role),
            org,
            name: builtin::name(role).into(),
            description: builtin::description(role).into(),
            resource_type: RESOURCE_TYPE.into(),
            ux_purpose: PURPOSE.into(),
            details: builtin::descriptor(role),
            version: 1,
            created_at: defaults.created_at,
            modified_at: defaults.created_at,
            builtin: Some(role),
            is_default: role == BuiltinRole::Member && defaults.default_role.is_none(),
        }
    }
}

/// Why there is no such role, for the caller.
fn unknown() -> Error {
    Error::not_found("role not found")
}

/// A role's id as clients write it. What is none names no role.
fn parse_id(text: &str) -> Result<RoleId> {
    text.parse().map_err(|_| unknown())
}

fn defaults(tx: &mut dyn Tx, org: OrgId) -> Result<RoleDefaults> {
    store::defaults(tx, org)?.ok_or_else(|| Error::not_found("organization not found"))
}

/// The role with this id, built in or custom; `None` if the organisation has none.
///
/// # Errors
/// As the store's.
pub(crate) fn load(tx: &mut dyn Tx, org: OrgId, id: RoleId) -> Result<Option<Role>> {
    let defaults = defaults(tx, org)?;
    if let Some(role) = builtin::builtin_of(org, id) {
        return Ok(Some(Role::built_in(org, role, defaults)));
    }
    store::find(tx, org, id)?.map(|row| Role::custom(org, row, defaults)).transpose()
}

/// The organisation's roles with this purpose, or with any: the built-in ones first, then its own by name.
///
/// # Errors
/// `Invalid` for a purpose that there is not.
pub async fn list(cx: &Cx, purpose: Option<&str>) -> Result<Vec<Role>> {
    if purpose.is_some_and(|purpose| !PURPOSES.contains(&purpose)) {
        return Err(Error::invalid(format!("uxPurpose must be one of {}", PURPOSES.join(", "))));
    }
    let (org, purpose) = (cx.org()?.id, purpose.map(str::to_owned));
    cx.app
        .store
        .read(move |tx| {
            let wanted = |role: &Role| purpose.as_ref().is_none_or(|purpose| *purpose == role.ux_purpose);
            let defaults = defaults(tx, org)?;
            let builtins = builtin::ALL.into_iter().map(|role| Role::built_in(org, role, defaults));
            let mut roles: Vec<Role> = builtins.filter(wanted).collect();
            for row in store::list(tx, org, purpose.as_deref())? {
                roles.push(Role::custom(org, row, defaults)?);
            }
            Ok(roles)
        })
        .await
}

/// The role with this id.
///
/// # Errors
/// `NotFound`.
pub async fn get(cx: &Cx, id: &str) -> Result<Role> {
    let (org, id) = (cx.org()?.id, parse_id(id)?);
    cx.app.store.read(move |tx| load(tx, org, id)).await?.ok_or_else(unknown)
}

/// Every scope that a role can grant, by category and group.
pub fn scopes() -> &'static [Category] {
    CATEGORIES
}

/// The members who have this role, by login. Who got it because it is the default one counts too.
///
/// # Errors
/// `NotFound`.
pub async fn users_with(cx: &Cx, id: &str) -> Result<Vec<UserRef>> {
    let (org, id) = (cx.org()?.id, parse_id(id)?);
    cx.app
        .store
        .read(move |tx| match load(tx, org, id)?.ok_or_else(unknown)?.builtin {
            Some(role) => store::members_builtin(tx, org, role.as_str()),
            None => store::members(tx, org, id),
        })
        .await
}

/// The teams that have this role, by name.
///
/// # Errors
/// `NotFound`.
pub async fn teams_with(cx: &Cx, id: &str) -> Result<Vec<Team>> {
    let (cx, app, id) = (cx.clone(), cx.app.clone(), parse_id(id)?);
    app.store
        .read(move |tx| {
            load(tx, cx.org()?.id, id)?.ok_or_else(unknown)?;
            crate::teams::with_role(tx, &cx, id)
        })
        .await
}

/// The organisation's tokens that have this role, the newest first. A token that names no role has that of an admin or
/// a member.
///
/// # Errors
/// `NotFound`.
pub async fn tokens_with(cx: &Cx, id: &str) -> Result<Vec<Token>> {
    let (org, id) = (cx.org()?.id, parse_id(id)?);
    cx.app
        .store
        .read(move |tx| {
            let role = load(tx, org, id)?.ok_or_else(unknown)?;
            let mut rows = token_store::with_role(tx, org, id)?;
            match role.builtin {
                Some(BuiltinRole::Admin) => rows.extend(token_store::without_role(tx, org, true)?),
                Some(BuiltinRole::Member) => rows.extend(token_store::without_role(tx, org, false)?),
                _ => {}
            }
            rows.sort_unstable_by_key(|row| std::cmp::Reverse(row.id));
            Ok(rows.into_iter().map(Token::from).collect())
        })
        .await
}
