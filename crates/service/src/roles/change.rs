//! Making and changing roles, and choosing the default one.

use super::{PURPOSE, PURPOSES, RESOURCE_TYPE, Role, builtin, defaults, grant, load, parse_id, unknown};
use crate::Cx;
use pileus_model::{
    Error, Result, Timestamp,
    audit::{Target, catalogue},
    authz::parse_descriptor,
    caller::BuiltinRole,
    ids::{OrgId, RoleId},
    names::{check_line, check_text},
};
use pileus_store::{
    Recorded, Tx, organizations,
    roles::{self as store, RoleRow},
};
use serde_json::{Value, json};

/// Longest name of a role, in characters.
const MAX_NAME: usize = 100;
/// Longest description of a role, in characters.
const MAX_DESCRIPTION: usize = 1000;

/// What a role is made of.
#[derive(Debug, Clone, Default)]
pub struct NewRole {
    /// Its name; required.
    pub name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Its permission descriptor; without one it grants nothing.
    pub details: Option<Value>,
    /// What kind of thing it is about; `organization` if not given.
    pub resource_type: Option<String>,
    /// One of [`PURPOSES`]; `role` if not given.
    pub ux_purpose: Option<String>,
}

/// What is to become of a role; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct RoleChange {
    /// Its new name.
    pub name: Option<String>,
    /// Its new description.
    pub description: Option<String>,
    /// Its new permission descriptor.
    pub details: Option<Value>,
}

fn text(details: &Value) -> Result<String> {
    serde_json::to_string(details).map_err(|error| Error::internal(error.to_string()))
}

/// Refuses a name that the organisation has already, among its own roles or the built-in ones.
pub(super) fn check_free(tx: &mut dyn Tx, org: OrgId, name: &str) -> Result<()> {
    if builtin::named(name).is_some() || store::by_name(tx, org, name)?.is_some() {
        return Err(Error::conflict(format!("a role with the name \"{name}\" already exists")));
    }
    Ok(())
}

impl NewRole {
    fn row(self, id: RoleId, now: Timestamp) -> Result<RoleRow> {
        let name = self.name.ok_or_else(|| Error::invalid("name is required"))?;
        check_line("name", &name, MAX_NAME)?;
        let description = self.description.unwrap_or_default();
        check_text("description", &description, MAX_DESCRIPTION)?;
        let resource_type = self.resource_type.filter(|t| !t.is_empty()).unwrap_or_else(|| RESOURCE_TYPE.into());
        check_line("resourceType", &resource_type, MAX_NAME)?;
        let ux_purpose = self.ux_purpose.filter(|p| !p.is_empty()).unwrap_or_else(|| PURPOSE.into());
        if !PURPOSES.contains(&ux_purpose.as_str()) {
            return Err(Error::invalid(format!("uxPurpose must be one of {}", PURPOSES.join(", "))));
        }
        let details = self.details.unwrap_or_else(|| json!({ "__type": "PermissionDescriptorGroup", "entries": [] }));
        let details = text(&details)?;
        Ok(RoleRow {
            id,
            name,
            description,
            resource_type,
            ux_purpose,
            details,
            version: 1,
            created_at: now,
            modified_at: now,
        })
    }
}

/// Makes a role. `createPolicyAndRole` of the contract changes nothing here: a role is its policy.
///
/// # Errors
/// `Invalid` without a name or with a descriptor that is not understood, `Forbidden` if it grants what the caller may
/// not do himself, `Conflict` if the name is taken.
pub async fn create(cx: &Cx, new: NewRole) -> Result<Role> {
    if let Some(details) = &new.details {
        grant::may_grant(cx.access()?, &parse_descriptor(details)?)?;
    }
    let row = new.row(RoleId::new(&*cx.app.clock, &*cx.app.entropy), cx.now())?;
    let (cx, org, app) = (cx.clone(), cx.org()?.id, cx.app.clone());
    app.store
        .write(move |tx| {
            organizations::lock(tx, org)?;
            check_free(tx, org, &row.name)?;
            store::insert(tx, org, &row)?;
            let role = Role::custom(org, row.clone(), defaults(tx, org)?)?;
            let description = format!("Created custom role \"{}\"", row.name);
            Ok(Recorded::new(
                role,
                cx.event(catalogue::CUSTOM_ROLE_CREATED, Target::new("role", &row.name), description)?,
            ))
        })
        .await
}

/// A custom role that is to be changed or deleted.
///
/// # Errors
/// `NotFound`, or `Invalid` for a built-in one.
pub(super) fn changeable(tx: &mut dyn Tx, org: OrgId, id: RoleId) -> Result<RoleRow> {
    if builtin::builtin_of(org, id).is_some() {
        return Err(Error::invalid("built-in roles can't be changed or deleted"));
    }
    store::find(tx, org, id)?.ok_or_else(unknown)
}

/// Applies the change to the row and says what it changes, in words for the event.
fn apply(row: &mut RoleRow, change: &RoleChange) -> Result<String> {
    let mut said = Vec::new();
    if let Some(name) = change.name.as_ref().filter(|name| **name != row.name) {
        said.push(format!("renamed to \"{name}\""));
        row.name.clone_from(name);
    }
    if let Some(description) = change.description.as_ref().filter(|d| **d != row.description) {
        said.push("changed description".into());
        row.description.clone_from(description);
    }
    if let Some(details) = &change.details {
        said.push("changed permissions".into());
        row.details = text(details)?;
    }
    Ok(if said.is_empty() { String::new() } else { format!(": {}", said.join(", ")) })
}

/// Changes a role. It takes effect at once for everyone who has it.
///
/// # Errors
/// `NotFound`; `Invalid` for a built-in role, an empty change or a descriptor that is not understood; `Forbidden` if it
/// grants or granted what the caller may not do himself; `Conflict` if the new name is taken.
pub async fn update(cx: &Cx, id: &str, change: RoleChange) -> Result<Role> {
    let (org, id) = (cx.org()?.id, parse_id(id)?);
    if change.name.is_none() && change.description.is_none() && change.details.is_none() {
        return Err(Error::invalid("nothing to change: give name, description or details"));
    }
    if let Some(name) = &change.name {
        check_line("name", name, MAX_NAME)?;
    }
    check_text("description", change.description.as_deref().unwrap_or_default(), MAX_DESCRIPTION)?;
    if let Some(details) = &change.details {
        grant::may_grant(cx.access()?, &parse_descriptor(details)?)?;
    }
    let (cx, app) = (cx.clone(), cx.app.clone());
    app.store
        .write(move |tx| {
            organizations::lock(tx, org)?;
            let mut row = changeable(tx, org, id)?;
            let before = row.name.clone();
            let old = Role::custom(org, row.clone(), defaults(tx, org)?)?;
            grant::may_grant(cx.access()?, &grant::policy_of(&old))?;
            let said = apply(&mut row, &change)?;
            if row.name != before {
                check_free(tx, org, &row.name)?;
            }
            row.version += 1;
            row.modified_at = cx.now();
            store::update(tx, org, &row)?;
            let role = Role::custom(org, row, defaults(tx, org)?)?;
            let description = format!("Updated custom role \"{before}\"{said}");
            Ok(Recorded::new(role, cx.event(catalogue::CUSTOM_ROLE_UPDATED, Target::new("role", before), description)?))
        })
        .await
}

/// Makes a role the one that new members get. The built-in `Member` is it as long as nobody chose another.
///
/// # Errors
/// `NotFound`; `Invalid` for the other built-in roles and for what is not a role of the organisation; `Forbidden` if it
/// grants what the caller may not do himself.
pub async fn set_default(cx: &Cx, id: &str) -> Result<()> {
    let (org, id) = (cx.org()?.id, parse_id(id)?);
    let (cx, app) = (cx.clone(), cx.app.clone());
    app.store
        .write(move |tx| {
            organizations::lock(tx, org)?;
            let role = load(tx, org, id)?.ok_or_else(unknown)?;
            let default = match role.builtin {
                Some(BuiltinRole::Member) => None,
                Some(_) => return Err(Error::invalid("the default role must be Member or a custom role")),
                None if role.ux_purpose != PURPOSE || role.resource_type != RESOURCE_TYPE => {
                    return Err(Error::invalid(
                        "the default role must have the purpose role and the resource type organization",
                    ));
                }
                None => Some(id),
            };
            if default.is_some() {
                grant::may_grant(cx.access()?, &grant::policy_of(&role))?;
            }
            store::set_default(tx, org, default)?;
            let name = &cx.org()?.name;
            let description = format!("Changed settings of organization \"{name}\": default role is \"{}\"", role.name);
            let target = Target::new("organization", name);
            Ok(Recorded::new((), cx.event(catalogue::ORGANIZATION_SETTINGS_CHANGED, target, description)?))
        })
        .await
}
