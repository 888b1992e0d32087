//! What every request needs to know: whom a token stands for, and what a user is in an organisation.
//!
//! One statement for the token with its owner, one for the standing. This room knows how those rows hang together; it
//! must never decide whether a token is still good or what a role permits.

use crate::{Row, Tx, TxExt, members::role, names};
use pileus_model::{
    Error, Result, Timestamp,
    audit::LogId,
    caller::{BuiltinRole, OrgRef, UserRef},
    ids::{OrgId, RoleId, TeamId, TokenId, UserId},
    token::{TokenHash, TokenKind},
};

/// The person that a token stands for.
#[derive(Debug, Clone)]
pub struct Owner {
    /// Who.
    pub user: UserRef,
    /// May not log in.
    pub disabled: bool,
    /// Was deleted.
    pub deleted: bool,
}

/// A role that a token, a member or a team has: its id and its descriptor. No descriptor: the role is gone.
#[derive(Debug, Clone)]
pub struct RoleGrant {
    /// The role.
    pub id: RoleId,
    /// The stored descriptor (JSON).
    pub details: Option<String>,
}

/// A token with whatever it stands for.
#[derive(Debug, Clone)]
pub struct PresentedToken {
    /// Its id.
    pub id: TokenId,
    /// The SHA-256 of its value.
    pub hash: Vec<u8>,
    /// Its kind.
    pub kind: TokenKind,
    /// Its name; for personal tokens its description.
    pub name: String,
    /// Has admin rights in its organisation.
    pub admin: bool,
    /// The role that it was given; for a team's token without one the team's.
    pub role: Option<RoleGrant>,
    /// When it expires; the epoch: never.
    pub expires_at: Timestamp,
    /// When it was last used, as far as was written; the epoch: never.
    pub last_used_at: Timestamp,
    /// When a login with it was last recorded; the epoch: never.
    pub last_login_at: Timestamp,
    /// Was revoked.
    pub deleted: bool,
    /// The person, for a personal token.
    pub owner: Option<Owner>,
    /// The organisation and its settings: of an organisation's or team's token, or the only one that a personal token reaches.
    pub org: Option<(OrgRef, String)>,
    /// The team, for a team's token.
    pub team: Option<(TeamId, String)>,
}

/// One of a user's teams.
#[derive(Debug, Clone)]
pub struct TeamStanding {
    /// Its name.
    pub name: String,
    /// He administers it.
    pub admin: bool,
    /// The role that it gives its members.
    pub role: Option<RoleGrant>,
}

/// What a user is in an organisation.
#[derive(Debug, Clone)]
pub struct Standing {
    /// The organisation.
    pub org: OrgRef,
    /// Its settings, as the service wrote them (JSON).
    pub settings: String,
    /// His built-in role.
    pub role: BuiltinRole,
    /// His custom role.
    pub custom: Option<RoleGrant>,
    /// His teams.
    pub teams: Vec<TeamStanding>,
}

macro_rules! select_token {
    ($condition:literal) => {
        concat!(
            "SELECT k.id, k.hash, k.kind, k.name, k.description, k.admin, k.expires_at, k.last_used_at, k.last_login_at, ",
            "k.deleted_at, COALESCE(k.role_id, t.role_id), r.details, ",
            "u.id, u.login, u.name, u.email, u.site_admin, u.disabled, u.deleted_at, ",
            "o.id, o.log, o.name, o.display_name, o.settings, t.id, t.name ",
            "FROM tokens k LEFT JOIN users u ON u.id = k.user_id LEFT JOIN organizations o ON o.id = k.org_id ",
            "LEFT JOIN teams t ON t.id = k.team_id LEFT JOIN roles r ON r.id = COALESCE(k.role_id, t.role_id) AND r.org_id = k.org_id ",
            "WHERE ",
            $condition
        )
    };
}

/// The token with this hash, good or not. The caller compares the hash in constant time.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn token_by_hash(tx: &mut dyn Tx, hash: &TokenHash) -> Result<Option<PresentedToken>> {
    tx.one(select_token!("k.hash = $1"), &[hash.as_bytes().into()], convert)
}

/// The token with this id, good or not.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn token_by_id(tx: &mut dyn Tx, token: TokenId) -> Result<Option<PresentedToken>> {
    tx.one(select_token!("k.id = $1"), &[token.as_bytes().into()], convert)
}

fn convert(row: &dyn Row) -> Result<PresentedToken> {
    let kind = TokenKind::parse(row.text(2)?).ok_or_else(|| Error::internal("unknown kind of token"))?;
    let name = if kind == TokenKind::Personal { row.text(4)? } else { row.text(3)? };
    Ok(PresentedToken {
        id: TokenId::from_bytes(row.id(0)?),
        hash: row.bytes(1)?.to_vec(),
        kind,
        name: name.to_owned(),
        admin: row.bool(5)?,
        expires_at: row.time(6)?,
        last_used_at: row.time(7)?,
        last_login_at: row.time(8)?,
        deleted: !row.is_null(9)?,
        role: grant(row, 10)?,
        owner: row.opt(12, owner)?,
        org: row.opt(19, |r, c| Ok((org(r, c)?, r.text(c + 4)?.to_owned())))?,
        team: row.opt(24, |r, c| Ok((TeamId::from_bytes(r.id(c)?), r.text(c + 1)?.to_owned())))?,
    })
}

fn owner(row: &dyn Row, column: usize) -> Result<Owner> {
    Ok(Owner {
        user: UserRef {
            id: UserId::from_bytes(row.id(column)?),
            login: row.text(column + 1)?.to_owned(),
            name: row.text(column + 2)?.to_owned(),
            email: row.text(column + 3)?.to_owned(),
            site_admin: row.bool(column + 4)?,
        },
        disabled: row.bool(column + 5)?,
        deleted: !row.is_null(column + 6)?,
    })
}

fn org(row: &dyn Row, column: usize) -> Result<OrgRef> {
    Ok(OrgRef {
        id: OrgId::from_bytes(row.id(column)?),
        log: LogId(row.int(column + 1)?),
        name: row.text(column + 2)?.to_owned(),
        display_name: row.text(column + 3)?.to_owned(),
    })
}

/// A role's id and, in the next column, its descriptor.
fn grant(row: &dyn Row, column: usize) -> Result<Option<RoleGrant>> {
    row.opt(column, |r, c| {
        let details = r.opt(c + 1, |r, c| r.text(c))?.map(str::to_owned);
        Ok(RoleGrant { id: RoleId::from_bytes(r.id(c)?), details })
    })
}

/// What a user is in the organisation with this name (in any case); `None` if it does not exist or he is not in it. An
/// admin's teams are left out: they can add nothing to what he may, and he may be in thousands.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn standing(tx: &mut dyn Tx, user: UserId, org_name: &str) -> Result<Option<Standing>> {
    let sql = "SELECT o.id, o.log, o.name, o.display_name, o.settings, m.role, m.role_id, r.details, \
         t.name, tm.role, t.role_id, tr.details \
         FROM organizations o JOIN members m ON m.org_id = o.id AND m.user_id = $1 \
         LEFT JOIN roles r ON r.id = m.role_id AND r.org_id = o.id \
         LEFT JOIN team_members tm ON tm.org_id = o.id AND tm.user_id = m.user_id \
         AND (m.role <> 'admin' OR m.role_id IS NOT NULL) \
         LEFT JOIN teams t ON t.id = tm.team_id AND t.org_id = o.id \
         LEFT JOIN roles tr ON tr.id = t.role_id AND tr.org_id = o.id \
         WHERE o.name_key = $2";
    let mut found: Option<Standing> = None;
    let rows = tx.all(sql, &[user.as_bytes().into(), (&names::key(org_name)).into()], |row| {
        if found.is_none() {
            found = Some(Standing {
                org: org(row, 0)?,
                settings: row.text(4)?.to_owned(),
                role: role(row, 5)?,
                custom: grant(row, 6)?,
                teams: Vec::new(),
            });
        }
        row.opt(8, |r, c| {
            Ok(TeamStanding { name: r.text(c)?.to_owned(), admin: r.text(c + 1)? == "admin", role: grant(r, c + 2)? })
        })
    })?;
    Ok(found.map(|standing| Standing { teams: rows.into_iter().flatten().collect(), ..standing }))
}

/// Notes that a login with this token is recorded now, unless one was after `since`. Whether it was noted: of several
/// requests at once, on whichever node, one finds `true`.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn note_login(tx: &mut dyn Tx, token: TokenId, now: Timestamp, since: Timestamp) -> Result<bool> {
    let sql = "UPDATE tokens SET last_login_at = $1 WHERE id = $2 AND last_login_at <= $3";
    Ok(tx.run(sql, &[now.into(), token.as_bytes().into(), since.into()])? == 1)
}

/// Writes when tokens were last used; a later time that is already there stays. In the order of their ids, so that
/// two nodes never wait for each other.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn note_uses(tx: &mut dyn Tx, uses: &[(TokenId, Timestamp)]) -> Result<()> {
    debug_assert!(uses.is_sorted_by_key(|(token, _)| *token));
    let sql = "UPDATE tokens SET last_used_at = $1 WHERE id = $2 AND last_used_at < $1";
    for (token, at) in uses {
        tx.run(sql, &[(*at).into(), token.as_bytes().into()])?;
    }
    Ok(())
}
