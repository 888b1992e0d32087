//! Access tokens: personal ones, an organisation's and a team's.
//!
//! Knows the table `tokens`. It never sees a token's value, only its hash, and does not know what a token permits.
//! Deleted tokens stay as rows, so that their names are not given again and their ids still mean something in the
//! audit log; no list here answers them.

use crate::db::{Row, Tx, TxExt};
use pileus_model::{
    Error, Result, Timestamp,
    ids::{IssuerId, OrgId, RoleId, TeamId, TokenId, UserId},
    token::{TokenHash, TokenKind},
};

/// A token to be added.
#[derive(Clone)]
pub struct NewTokenRow {
    /// Its id.
    pub id: TokenId,
    /// The hash of its value.
    pub hash: TokenHash,
    /// Whom it stands for.
    pub kind: TokenKind,
    /// Personal: whose.
    pub user: Option<UserId>,
    /// Organisation, team: whose. Personal: set where it was made for use in one organisation only.
    pub org: Option<OrgId>,
    /// Team: which.
    pub team: Option<TeamId>,
    /// Organisation, team: its name. Personal: empty.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Organisation: may do everything there.
    pub admin: bool,
    /// Organisation: its role, custom or built in; `None` leaves `admin` to decide between admin and member.
    pub role: Option<RoleId>,
    /// The OIDC issuer that it came from.
    pub issuer: Option<IssuerId>,
    /// The login of who made it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
    /// When it ceases to be valid; the epoch for never.
    pub expires_at: Timestamp,
}

/// A token as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRow {
    /// Its id.
    pub id: TokenId,
    /// Whom it stands for.
    pub kind: TokenKind,
    /// Organisation, team: whose. Personal: set where it was made for use in one organisation only.
    pub org: Option<OrgId>,
    /// Team: which.
    pub team: Option<TeamId>,
    /// Its name; empty for personal tokens.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Organisation: may do everything there.
    pub admin: bool,
    /// Organisation: its role, custom or built in.
    pub role: Option<RoleId>,
    /// That role's name, if it is a custom one.
    pub role_name: Option<String>,
    /// The login of who made it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
    /// When it ceases to be valid; the epoch for never.
    pub expires_at: Timestamp,
    /// When it was last used, as far as was written down; the epoch for never.
    pub last_used_at: Timestamp,
}

/// Which part of a list is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    /// Those made before this one, the newest first; [`Page::START`] from the newest on.
    pub before: TokenId,
    /// At most so many.
    pub limit: i64,
    /// Whether expired ones are meant (`Some(true)`), the others (`Some(false)`) or all.
    pub expired: Option<bool>,
    /// What counts as expired.
    pub now: Timestamp,
}

impl Page {
    /// No token is newer.
    pub const START: TokenId = TokenId::from_bytes([0xff; 16]);
}

fn token(row: &dyn Row) -> Result<TokenRow> {
    let kind = row.text(1)?;
    Ok(TokenRow {
        id: TokenId::from_bytes(row.id(0)?),
        kind: TokenKind::parse(kind).ok_or_else(|| Error::internal(format!("unknown kind of token: {kind}")))?,
        org: row.opt(2, <dyn Row>::id)?.map(OrgId::from_bytes),
        team: row.opt(3, <dyn Row>::id)?.map(TeamId::from_bytes),
        name: row.text(4)?.to_owned(),
        description: row.text(5)?.to_owned(),
        admin: row.bool(6)?,
        role: row.opt(7, <dyn Row>::id)?.map(RoleId::from_bytes),
        role_name: row.opt(8, |row, column| row.text(column))?.map(str::to_owned),
        created_by: row.text(9)?.to_owned(),
        created_at: row.time(10)?,
        expires_at: row.time(11)?,
        last_used_at: row.time(12)?,
    })
}

/// Adds a token.
///
/// # Errors
/// As [`Tx::execute`].
pub fn insert(tx: &mut dyn Tx, new: &NewTokenRow) -> Result<()> {
    tx.run(
        "INSERT INTO tokens (id, hash, kind, user_id, org_id, team_id, name, description, admin, role_id, issuer_id,
                             created_by, created_at, expires_at, last_used_at, last_login_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 0, 0)",
        &[
            new.id.as_bytes().into(),
            new.hash.as_bytes().into(),
            new.kind.as_str().into(),
            new.user.as_ref().map(UserId::as_bytes).into(),
            new.org.as_ref().map(OrgId::as_bytes).into(),
            new.team.as_ref().map(TeamId::as_bytes).into(),
            (&new.name).into(),
            (&new.description).into(),
            new.admin.into(),
            new.role.as_ref().map(RoleId::as_bytes).into(),
            new.issuer.as_ref().map(IssuerId::as_bytes).into(),
            (&new.created_by).into(),
            new.created_at.into(),
            new.expires_at.into(),
        ],
    )?;
    Ok(())
}

/// A user's personal tokens, the newest first.
///
/// # Errors
/// As [`Tx::query`].
pub fn of_user(tx: &mut dyn Tx, user: UserId, page: Page) -> Result<Vec<TokenRow>> {
    tx.all(
        "SELECT t.id, t.kind, t.org_id, t.team_id, t.name, t.description, t.admin, t.role_id, r.name, t.created_by,
                t.created_at, t.expires_at, t.last_used_at
         FROM tokens t LEFT JOIN roles r ON r.org_id = t.org_id AND r.id = t.role_id
         WHERE t.user_id = $1 AND t.id < $2 AND t.kind = 'personal' AND t.deleted_at IS NULL
           AND ($3 OR (t.expires_at <> 0 AND t.expires_at <= $4) = $5)
         ORDER BY t.id DESC LIMIT $6",
        &[
            user.as_bytes().into(),
            page.before.as_bytes().into(),
            page.expired.is_none().into(),
            page.now.into(),
            page.expired.unwrap_or_default().into(),
            page.limit.into(),
        ],
        token,
    )
}

/// An organisation's own tokens, the newest first.
///
/// # Errors
/// As [`Tx::query`].
pub fn of_organization(tx: &mut dyn Tx, org: OrgId, page: Page) -> Result<Vec<TokenRow>> {
    tx.all(
        "SELECT t.id, t.kind, t.org_id, t.team_id, t.name, t.description, t.admin, t.role_id, r.name, t.created_by,
                t.created_at, t.expires_at, t.last_used_at
         FROM tokens t LEFT JOIN roles r ON r.org_id = t.org_id AND r.id = t.role_id
         WHERE t.org_id = $1 AND t.kind = 'organization' AND t.id < $2 AND t.deleted_at IS NULL
           AND ($3 OR (t.expires_at <> 0 AND t.expires_at <= $4) = $5)
         ORDER BY t.id DESC LIMIT $6",
        &[
            org.as_bytes().into(),
            page.before.as_bytes().into(),
            page.expired.is_none().into(),
            page.now.into(),
            page.expired.unwrap_or_default().into(),
            page.limit.into(),
        ],
        token,
    )
}

/// A team's tokens, the newest first.
///
/// # Errors
/// As [`Tx::query`].
pub fn of_team(tx: &mut dyn Tx, org: OrgId, team: TeamId, page: Page) -> Result<Vec<TokenRow>> {
    tx.all(
        "SELECT t.id, t.kind, t.org_id, t.team_id, t.name, t.description, t.admin, t.role_id, r.name, t.created_by,
                t.created_at, t.expires_at, t.last_used_at
         FROM tokens t LEFT JOIN roles r ON r.org_id = t.org_id AND r.id = t.role_id
         WHERE t.org_id = $1 AND t.kind = 'team' AND t.team_id = $2 AND t.id < $3 AND t.deleted_at IS NULL
           AND ($4 OR (t.expires_at <> 0 AND t.expires_at <= $5) = $6)
         ORDER BY t.id DESC LIMIT $7",
        &[
            org.as_bytes().into(),
            team.as_bytes().into(),
            page.before.as_bytes().into(),
            page.expired.is_none().into(),
            page.now.into(),
            page.expired.unwrap_or_default().into(),
            page.limit.into(),
        ],
        token,
    )
}

/// The organisation's tokens, expired ones included, that have this role by its id, the newest first.
///
/// # Errors
/// As [`Tx::query`].
pub fn with_role(tx: &mut dyn Tx, org: OrgId, role: RoleId) -> Result<Vec<TokenRow>> {
    tx.all(
        "SELECT t.id, t.kind, t.org_id, t.team_id, t.name, t.description, t.admin, t.role_id, r.name, t.created_by,
                t.created_at, t.expires_at, t.last_used_at
         FROM tokens t LEFT JOIN roles r ON r.org_id = t.org_id AND r.id = t.role_id
         WHERE t.org_id = $1 AND t.role_id = $2 AND t.deleted_at IS NULL ORDER BY t.id DESC",
        &[org.as_bytes().into(), role.as_bytes().into()],
        token,
    )
}

/// The organisation's own tokens, expired ones included, that name no role and leave it to `admin`, the newest first.
///
/// # Errors
/// As [`Tx::query`].
pub fn without_role(tx: &mut dyn Tx, org: OrgId, admin: bool) -> Result<Vec<TokenRow>> {
    tx.all(
        "SELECT id, kind, org_id, team_id, name, description, admin, role_id, NULL, created_by,
                created_at, expires_at, last_used_at
         FROM tokens WHERE org_id = $1 AND kind = 'organization' AND role_id IS NULL AND admin = $2
           AND deleted_at IS NULL ORDER BY id DESC",
        &[org.as_bytes().into(), admin.into()],
        token,
    )
}

/// The token of an organisation or of one of its teams with this id.
///
/// # Errors
/// As [`Tx::query`].
pub fn find(tx: &mut dyn Tx, org: OrgId, id: TokenId) -> Result<Option<TokenRow>> {
    tx.one(
        "SELECT t.id, t.kind, t.org_id, t.team_id, t.name, t.description, t.admin, t.role_id, r.name, t.created_by,
                t.created_at, t.expires_at, t.last_used_at
         FROM tokens t LEFT JOIN roles r ON r.org_id = t.org_id AND r.id = t.role_id
         WHERE t.org_id = $1 AND t.id = $2 AND t.kind <> 'personal' AND t.deleted_at IS NULL",
        &[org.as_bytes().into(), id.as_bytes().into()],
        token,
    )
}

/// The personal token of this user with this id.
///
/// # Errors
/// As [`Tx::query`].
pub fn find_personal(tx: &mut dyn Tx, user: UserId, id: TokenId) -> Result<Option<TokenRow>> {
    tx.one(
        "SELECT id, kind, org_id, team_id, name, description, admin, role_id, NULL, created_by,
                created_at, expires_at, last_used_at
         FROM tokens WHERE user_id = $1 AND id = $2 AND kind = 'personal' AND deleted_at IS NULL",
        &[user.as_bytes().into(), id.as_bytes().into()],
        token,
    )
}

/// Whether an organisation's or team's token of this organisation has or had this name.
///
/// # Errors
/// As [`Tx::query`].
pub fn name_taken(tx: &mut dyn Tx, org: OrgId, name: &str) -> Result<bool> {
    let found = tx.one(
        "SELECT 1 FROM tokens WHERE org_id = $1 AND name = $2 AND kind <> 'personal' LIMIT 1",
        &[org.as_bytes().into(), name.into()],
        |_| Ok(()),
    )?;
    Ok(found.is_some())
}

/// The ids of the organisation's and its teams' tokens that have or had this name, deleted ones included: for those who
/// look for what was done with them.
///
/// # Errors
/// As [`Tx::query`].
pub fn ids_by_name(tx: &mut dyn Tx, org: OrgId, name: &str) -> Result<Vec<TokenId>> {
    tx.all(
        "SELECT id FROM tokens WHERE org_id = $1 AND name = $2 AND kind <> 'personal' ORDER BY id",
        &[org.as_bytes().into(), name.into()],
        |row| row.id(0).map(TokenId::from_bytes),
    )
}

/// Deletes a token of an organisation or of one of its teams. `false` if it has none with this id any more.
///
/// # Errors
/// As [`Tx::execute`].
pub fn delete(tx: &mut dyn Tx, org: OrgId, id: TokenId, at: Timestamp) -> Result<bool> {
    let gone = tx.run(
        "UPDATE tokens SET deleted_at = $1
         WHERE org_id = $2 AND id = $3 AND kind <> 'personal' AND deleted_at IS NULL",
        &[at.into(), org.as_bytes().into(), id.as_bytes().into()],
    )?;
    Ok(gone > 0)
}

/// Deletes a personal token of this user and answers the hash of its value; `None` if he has none with this id any more.
///
/// # Errors
/// As [`Tx::execute`].
pub fn delete_personal(tx: &mut dyn Tx, user: UserId, id: TokenId, at: Timestamp) -> Result<Option<Vec<u8>>> {
    let hash = tx.one(
        "SELECT hash FROM tokens WHERE user_id = $1 AND id = $2 AND kind = 'personal' AND deleted_at IS NULL",
        &[user.as_bytes().into(), id.as_bytes().into()],
        |row| row.bytes(0).map(<[u8]>::to_vec),
    )?;
    let gone = tx.run(
        "UPDATE tokens SET deleted_at = $1
         WHERE user_id = $2 AND id = $3 AND kind = 'personal' AND deleted_at IS NULL",
        &[at.into(), user.as_bytes().into(), id.as_bytes().into()],
    )?;
    Ok(hash.filter(|_| gone > 0))
}

/// Deletes all tokens of a team and answers their names, the newest first.
///
/// # Errors
/// As [`Tx::execute`].
pub fn delete_of_team(tx: &mut dyn Tx, org: OrgId, team: TeamId, at: Timestamp) -> Result<Vec<String>> {
    let names = tx.all(
        "SELECT name FROM tokens
         WHERE org_id = $1 AND kind = 'team' AND team_id = $2 AND deleted_at IS NULL ORDER BY id DESC",
        &[org.as_bytes().into(), team.as_bytes().into()],
        |row| row.text(0).map(str::to_owned),
    )?;
    tx.run(
        "UPDATE tokens SET deleted_at = $1 WHERE org_id = $2 AND kind = 'team' AND team_id = $3 AND deleted_at IS NULL",
        &[at.into(), org.as_bytes().into(), team.as_bytes().into()],
    )?;
    Ok(names)
}

/// The names and settings (JSON, as the service wrote them) of the organisations that a user is in.
///
/// # Errors
/// As [`Tx::query`].
pub fn settings_of_user(tx: &mut dyn Tx, user: UserId) -> Result<Vec<(String, String)>> {
    tx.all(
        "SELECT o.name, o.settings FROM members m JOIN organizations o ON o.id = m.org_id
         WHERE m.user_id = $1 ORDER BY o.name_key",
        &[user.as_bytes().into()],
        |row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned())),
    )
}
