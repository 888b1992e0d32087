//! OIDC issuers that an organisation trusts, their policies, and the tokens that came from them.
//!
//! Knows the tables `oidc_issuers` and `auth_policies`, and of `tokens` only which issuer made one. It does not know what
//! a policy says (JSON of the service's), nor whether a key is good.

use crate::db::{Row, Tx, TxExt};
use pileus_model::{
    Result, Timestamp,
    ids::{IssuerId, OrgId, PolicyId},
};

/// A registered issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerRow {
    /// Its id.
    pub id: IssuerId,
    /// The name that people see.
    pub name: String,
    /// Its URL, unique in the organisation.
    pub url: String,
    /// What its tokens' `iss` must be.
    pub issuer: String,
    /// Its keys (a JWK Set), where they were given rather than fetched.
    pub jwks: Option<String>,
    /// The thumbprints of its certificates, as the service writes them (JSON).
    pub thumbprints: String,
    /// Longest life of a token made for it, in seconds.
    pub max_expiration: Option<i64>,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub modified_at: Timestamp,
    /// When a token was last made for it; the epoch for never.
    pub last_used_at: Timestamp,
}

/// The policy of an issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyRow {
    /// Its id.
    pub id: PolicyId,
    /// Whose it is.
    pub issuer: IssuerId,
    /// Counts its changes, from 1.
    pub version: i64,
    /// What it says, as the service writes it (JSON).
    pub policies: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub modified_at: Timestamp,
}

fn issuer(row: &dyn Row) -> Result<IssuerRow> {
    Ok(IssuerRow {
        id: IssuerId::from_bytes(row.id(0)?),
        name: row.text(1)?.to_owned(),
        url: row.text(2)?.to_owned(),
        issuer: row.text(3)?.to_owned(),
        jwks: row.opt(4, |r, c| r.text(c))?.map(str::to_owned),
        thumbprints: row.text(5)?.to_owned(),
        max_expiration: row.opt(6, |r, c| r.int(c))?,
        created_at: row.time(7)?,
        modified_at: row.time(8)?,
        last_used_at: row.time(9)?,
    })
}

fn policy(row: &dyn Row) -> Result<PolicyRow> {
    Ok(PolicyRow {
        id: PolicyId::from_bytes(row.id(0)?),
        issuer: IssuerId::from_bytes(row.id(1)?),
        version: row.int(2)?,
        policies: row.text(3)?.to_owned(),
        created_at: row.time(4)?,
        modified_at: row.time(5)?,
    })
}

/// The organisation's issuers, by name; at most 1,000.
///
/// # Errors
/// As [`Tx::query`].
pub fn list(tx: &mut dyn Tx, org: OrgId) -> Result<Vec<IssuerRow>> {
    tx.all(
        "SELECT id, name, url, issuer, jwks, thumbprints, max_expiration, created_at, modified_at, last_used_at
         FROM oidc_issuers WHERE org_id = $1 ORDER BY name, id LIMIT 1000",
        &[org.as_bytes().into()],
        issuer,
    )
}

/// The issuer with this id.
///
/// # Errors
/// As [`Tx::query`].
pub fn find(tx: &mut dyn Tx, org: OrgId, id: IssuerId) -> Result<Option<IssuerRow>> {
    tx.one(
        "SELECT id, name, url, issuer, jwks, thumbprints, max_expiration, created_at, modified_at, last_used_at
         FROM oidc_issuers WHERE org_id = $1 AND id = $2",
        &[org.as_bytes().into(), id.as_bytes().into()],
        issuer,
    )
}

/// The issuer with exactly this URL.
///
/// # Errors
/// As [`Tx::query`].
pub fn by_url(tx: &mut dyn Tx, org: OrgId, url: &str) -> Result<Option<IssuerRow>> {
    tx.one(
        "SELECT id, name, url, issuer, jwks, thumbprints, max_expiration, created_at, modified_at, last_used_at
         FROM oidc_issuers WHERE org_id = $1 AND url = $2",
        &[org.as_bytes().into(), url.into()],
        issuer,
    )
}

/// Adds an issuer.
///
/// # Errors
/// As [`Tx::execute`].
pub fn insert(tx: &mut dyn Tx, org: OrgId, row: &IssuerRow) -> Result<()> {
    tx.run(
        "INSERT INTO oidc_issuers
           (org_id, id, name, url, issuer, jwks, thumbprints, max_expiration, created_at, modified_at, last_used_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        &[
            org.as_bytes().into(),
            row.id.as_bytes().into(),
            (&row.name).into(),
            (&row.url).into(),
            (&row.issuer).into(),
            row.jwks.as_deref().into(),
            (&row.thumbprints).into(),
            row.max_expiration.into(),
            row.created_at.into(),
            row.modified_at.into(),
            row.last_used_at.into(),
        ],
    )?;
    Ok(())
}

/// Changes an issuer's name, keys, thumbprints and longest life of its tokens. `false` if it is gone.
///
/// # Errors
/// As [`Tx::execute`].
pub fn update(tx: &mut dyn Tx, org: OrgId, row: &IssuerRow) -> Result<bool> {
    let changed = tx.run(
        "UPDATE oidc_issuers SET name = $1, jwks = $2, thumbprints = $3, max_expiration = $4, modified_at = $5
         WHERE org_id = $6 AND id = $7",
        &[
            (&row.name).into(),
            row.jwks.as_deref().into(),
            (&row.thumbprints).into(),
            row.max_expiration.into(),
            row.modified_at.into(),
            org.as_bytes().into(),
            row.id.as_bytes().into(),
        ],
    )?;
    Ok(changed > 0)
}

/// Notes that a token was made for the issuer.
///
/// # Errors
/// As [`Tx::execute`].
pub fn touch(tx: &mut dyn Tx, org: OrgId, id: IssuerId, at: Timestamp) -> Result<()> {
    tx.run(
        "UPDATE oidc_issuers SET last_used_at = $1 WHERE org_id = $2 AND id = $3",
        &[at.into(), org.as_bytes().into(), id.as_bytes().into()],
    )?;
    Ok(())
}

/// Removes an issuer and its policy. `false` if it is gone.
///
/// # Errors
/// As [`Tx::execute`].
pub fn delete(tx: &mut dyn Tx, org: OrgId, id: IssuerId) -> Result<bool> {
    tx.run(
        "DELETE FROM auth_policies WHERE org_id = $1 AND issuer_id = $2",
        &[org.as_bytes().into(), id.as_bytes().into()],
    )?;
    let gone = tx.run(
        "DELETE FROM oidc_issuers WHERE org_id = $1 AND id = $2",
        &[org.as_bytes().into(), id.as_bytes().into()],
    )?;
    Ok(gone > 0)
}

/// Revokes every token that was made for the issuer and tells how many were still valid.
///
/// # Errors
/// As [`Tx::execute`].
pub fn revoke_tokens(tx: &mut dyn Tx, org: OrgId, id: IssuerId, at: Timestamp) -> Result<i64> {
    let valid = tx.one(
        "SELECT COUNT(*) FROM tokens WHERE org_id = $1 AND issuer_id = $2 AND deleted_at IS NULL AND expires_at > $3",
        &[org.as_bytes().into(), id.as_bytes().into(), at.into()],
        |row| row.int(0),
    )?;
    tx.run(
        "UPDATE tokens SET deleted_at = $1 WHERE org_id = $2 AND issuer_id = $3 AND deleted_at IS NULL",
        &[at.into(), org.as_bytes().into(), id.as_bytes().into()],
    )?;
    Ok(valid.unwrap_or(0))
}

/// The policy of an issuer.
///
/// # Errors
/// As [`Tx::query`].
pub fn policy_of(tx: &mut dyn Tx, org: OrgId, issuer: IssuerId) -> Result<Option<PolicyRow>> {
    tx.one(
        "SELECT id, issuer_id, version, policies, created_at, modified_at FROM auth_policies
         WHERE org_id = $1 AND issuer_id = $2",
        &[org.as_bytes().into(), issuer.as_bytes().into()],
        policy,
    )
}

/// The policy with this id.
///
/// # Errors
/// As [`Tx::query`].
pub fn find_policy(tx: &mut dyn Tx, org: OrgId, id: PolicyId) -> Result<Option<PolicyRow>> {
    tx.one(
        "SELECT id, issuer_id, version, policies, created_at, modified_at FROM auth_policies WHERE org_id = $1 AND id = $2",
        &[org.as_bytes().into(), id.as_bytes().into()],
        policy,
    )
}

/// Adds a policy.
///
/// # Errors
/// As [`Tx::execute`].
pub fn insert_policy(tx: &mut dyn Tx, org: OrgId, row: &PolicyRow) -> Result<()> {
    tx.run(
        "INSERT INTO auth_policies (org_id, id, issuer_id, version, policies, created_at, modified_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &[
            org.as_bytes().into(),
            row.id.as_bytes().into(),
            row.issuer.as_bytes().into(),
            row.version.into(),
            (&row.policies).into(),
            row.created_at.into(),
            row.modified_at.into(),
        ],
    )?;
    Ok(())
}

/// Replaces what a policy says. `false` if it is gone.
///
/// # Errors
/// As [`Tx::execute`].
pub fn update_policy(tx: &mut dyn Tx, org: OrgId, row: &PolicyRow) -> Result<bool> {
    let changed = tx.run(
        "UPDATE auth_policies SET version = $1, policies = $2, modified_at = $3 WHERE org_id = $4 AND id = $5",
        &[
            row.version.into(),
            (&row.policies).into(),
            row.modified_at.into(),
            org.as_bytes().into(),
            row.id.as_bytes().into(),
        ],
    )?;
    Ok(changed > 0)
}
