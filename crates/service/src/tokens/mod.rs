//! Access tokens: making them, listing them, revoking them.
//!
//! Knows how long tokens may live, what they are called and who may make which. It never keeps a value: that is shown
//! once, to whoever asked for the token. What a presented token permits is `auth`'s business.

mod list;
mod machine;
mod personal;

#[cfg(test)]
mod tests;

pub use list::{ListQuery, TokenPage};
pub use machine::{
    NewOrganizationToken, NewTeamToken, create_for_organization, create_for_team, delete_of_organization,
    delete_of_team, list_of_organization, list_of_team,
};
pub use personal::{create, create_for, delete, forget_file, list};

use crate::{App, organizations::Settings, roles::builtin};
use pileus_model::{
    Error, Result, Timestamp,
    caller::BuiltinRole,
    ids::{IssuerId, OrgId, RoleId, TeamId, TokenId, UserId},
    names::check_text,
    token::{TokenHash, TokenKind, TokenValue},
};
use pileus_store::tokens::{NewTokenRow, TokenRow};

/// Longest name of an organisation's or team's token, in characters (contract, `CreateOrgToken`).
pub const MAX_NAME: usize = 40;
/// Longest description of a token and longest reason, in characters.
const MAX_TEXT: usize = 500;
/// How far ahead a token's expiry may be (contract, `CreateOrgToken`: two years), in seconds; one of them may be a leap
/// year.
const MAX_LIFETIME: i64 = 731 * 86_400;

/// A token as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// What the store has of it.
    pub row: TokenRow,
    /// The role of an organisation's token. None for others, and for one whose role is gone: it grants nothing.
    pub role: Option<TokenRole>,
}

/// The role of an organisation's token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRole {
    /// Its id.
    pub id: RoleId,
    /// Its name.
    pub name: String,
    /// The built-in role that it counts as: a custom one as `member`.
    pub counts_as: BuiltinRole,
}

impl From<TokenRow> for Token {
    fn from(row: TokenRow) -> Self {
        let built_in = |org, role| TokenRole {
            id: builtin::builtin_role_id(org, role),
            name: builtin::name(role).into(),
            counts_as: role,
        };
        let role = match (row.kind, row.org, row.role) {
            (TokenKind::Organization, Some(org), None) => {
                Some(built_in(org, if row.admin { BuiltinRole::Admin } else { BuiltinRole::Member }))
            }
            (TokenKind::Organization, Some(org), Some(id)) => match builtin::builtin_of(org, id) {
                Some(role) => Some(built_in(org, role)),
                None => row.role_name.clone().map(|name| TokenRole { id, name, counts_as: BuiltinRole::Member }),
            },
            _ => None,
        };
        Self { row, role }
    }
}

/// A token that was just made: the only time that its value is seen.
#[derive(Debug, Clone)]
pub struct Created {
    /// Its id.
    pub id: TokenId,
    /// Its value.
    pub value: TokenValue,
}

/// What a token is made of, for whoever makes one. See [`NewToken::mint`].
#[derive(Debug, Clone)]
pub struct NewToken {
    /// Whom it stands for.
    pub kind: TokenKind,
    /// Personal: whose.
    pub user: Option<UserId>,
    /// Organisation, team: whose. Personal: to restrict it to this organisation.
    pub org: Option<OrgId>,
    /// Team: which.
    pub team: Option<TeamId>,
    /// Organisation, team: its name, never used before in the organisation. Personal: empty.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Organisation: may do everything there.
    pub admin: bool,
    /// Organisation: its role, if it is neither an admin's nor a member's.
    pub role: Option<RoleId>,
    /// The OIDC issuer that it comes from.
    pub issuer: Option<IssuerId>,
    /// The login of who makes it.
    pub created_by: String,
    /// When it ceases to be valid; the epoch for never.
    pub expires_at: Timestamp,
}

impl NewToken {
    /// Gives it an id and a value. The row is to be added by [`pileus_store::tokens::insert`] in the transaction that
    /// records it. Call this outside of the transaction, which may run twice.
    pub fn mint(self, app: &App) -> (TokenValue, NewTokenRow) {
        let value = TokenValue::new(&*app.entropy);
        let row = self.row(app, value.hash());
        (value, row)
    }

    /// As [`NewToken::mint`], with a value that was chosen elsewhere (`PILEUS_BOOTSTRAP_TOKEN`).
    pub fn row(self, app: &App, hash: TokenHash) -> NewTokenRow {
        NewTokenRow {
            id: TokenId::new(&*app.clock, &*app.entropy),
            hash,
            kind: self.kind,
            user: self.user,
            org: self.org,
            team: self.team,
            name: self.name,
            description: self.description,
            admin: self.admin,
            role: self.role,
            issuer: self.issuer,
            created_by: self.created_by,
            created_at: app.clock.now(),
            expires_at: self.expires_at,
        }
    }
}

/// When a token expires, from what a client asks for: Unix seconds, 0 for never.
///
/// # Errors
/// `Invalid` for the past and for more than two years ahead.
pub fn expiry(seconds: i64, now: Timestamp) -> Result<Timestamp> {
    if seconds == 0 {
        return Ok(Timestamp::EPOCH);
    }
    let at = Timestamp::from_seconds(seconds).filter(|at| *at <= now.plus_seconds(MAX_LIFETIME));
    match at {
        None => Err(Error::invalid("expires must be at most two years ahead, in Unix seconds, or 0 for never")),
        Some(at) if at <= now => Err(Error::invalid("expires is in the past: give Unix seconds, or 0 for never")),
        Some(at) => Ok(at),
    }
}

/// Refuses a token that would live longer than an organisation allows in which it is to be used.
///
/// # Errors
/// `Invalid`, naming the organisation and its limit.
pub fn check_lifetime(org: &str, settings: &Settings, expires_at: Timestamp, now: Timestamp) -> Result<()> {
    match settings.max_token_lifetime() {
        Some(limit) if !limit.allows(expires_at, now) => Err(Error::invalid(format!(
            "expires must be at most {} days ahead: organization \"{org}\" accepts no access token that lives longer",
            limit.days()
        ))),
        _ => Ok(()),
    }
}

fn check_description(text: &str) -> Result<()> {
    check_text("description", text, MAX_TEXT)
}

/// The reason that a caller gave, as an event's description ends with it; empty if he gave none.
fn because(reason: Option<&str>) -> Result<String> {
    let Some(reason) = reason.filter(|reason| !reason.is_empty()) else {
        return Ok(String::new());
    };
    check_text("reason", reason, MAX_TEXT)?;
    Ok(format!(" (reason: {reason})"))
}

fn unknown() -> Error {
    Error::not_found("token not found")
}

/// A token's id as clients write it. What is none names no token.
fn parse_id(text: &str) -> Result<TokenId> {
    text.parse().map_err(|_| unknown())
}
