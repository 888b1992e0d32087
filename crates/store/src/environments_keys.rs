//! Sessions of opened environments, the fingerprint of the master key, and the keys of identity tokens.
//!
//! Knows the tables `environment_sessions`, `master_keys` and `signing_keys`. Everything secret in them is sealed before it
//! comes here.

use crate::db::{Row, Tx, TxExt};
use pileus_model::{
    Result, Timestamp,
    ids::{EnvironmentId, OrgId},
};

/// What was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// The hash of the id that clients show.
    pub id: [u8; 32],
    /// The environment; none for a definition that is stored nowhere.
    pub env: Option<EnvironmentId>,
    /// Its revision.
    pub number: Option<i64>,
    /// Who opened it.
    pub opener: String,
    /// The session's key, sealed.
    pub data_key: Vec<u8>,
    /// The result, sealed with that key.
    pub result: Vec<u8>,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// A key that identity tokens are signed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningKeyRow {
    /// `kid`
    pub id: String,
    /// The private key, sealed.
    pub private_key: Vec<u8>,
    /// The public key, a JSON Web Key.
    pub public_key: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it signs.
    pub signs_until: Timestamp,
    /// Until when it is shown.
    pub shown_until: Timestamp,
}

/// Keeps a session.
///
/// # Errors
/// As [`Tx::execute`].
pub fn insert_session(tx: &mut dyn Tx, org: OrgId, new: &SessionRow) -> Result<()> {
    let env = new.env.as_ref().map(EnvironmentId::as_bytes);
    tx.run(
        "INSERT INTO environment_sessions (org_id, id, env_id, opener, data_key, result, created_at, expires_at, number)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        &[
            org.as_bytes().into(),
            (&new.id).into(),
            env.into(),
            (&new.opener).into(),
            new.data_key.as_slice().into(),
            new.result.as_slice().into(),
            new.created_at.into(),
            new.expires_at.into(),
            new.number.into(),
        ],
    )?;
    Ok(())
}

/// The session with this id, if it has not ended.
///
/// # Errors
/// As [`Tx::query`].
pub fn session(tx: &mut dyn Tx, org: OrgId, id: &[u8; 32], now: Timestamp) -> Result<Option<SessionRow>> {
    tx.one(
        "SELECT env_id, opener, data_key, result, created_at, expires_at, number FROM environment_sessions
         WHERE org_id = $1 AND id = $2 AND expires_at > $3",
        &[org.as_bytes().into(), id.into(), now.into()],
        |row| {
            Ok(SessionRow {
                id: *id,
                env: row.opt(0, |row, column| row.id(column).map(EnvironmentId::from_bytes))?,
                opener: row.text(1)?.to_owned(),
                data_key: row.bytes(2)?.to_owned(),
                result: row.bytes(3)?.to_owned(),
                created_at: row.time(4)?,
                expires_at: row.time(5)?,
                number: row.opt(6, |row, column| row.int(column))?,
            })
        },
    )
}

/// Forgets the sessions of all organisations that ended before this time.
///
/// # Errors
/// As [`Tx::execute`].
pub fn sweep_sessions(tx: &mut dyn Tx, now: Timestamp) -> Result<u64> {
    tx.run("DELETE FROM environment_sessions WHERE expires_at <= $1", &[now.into()])
}

/// The fingerprints of the master keys that this database was written with, each with its proof.
///
/// # Errors
/// As [`Tx::query`].
pub fn master_keys(tx: &mut dyn Tx) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
    tx.all("SELECT id, proof FROM master_keys ORDER BY created_at", &[], |row| {
        Ok((row.bytes(0)?.to_owned(), row.bytes(1)?.to_owned()))
    })
}

/// Remembers a master key's fingerprint.
///
/// # Errors
/// As [`Tx::execute`].
pub fn insert_master_key(tx: &mut dyn Tx, id: &[u8], proof: &[u8], now: Timestamp) -> Result<()> {
    tx.run(
        "INSERT INTO master_keys (id, proof, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        &[id.into(), proof.into(), now.into()],
    )?;
    Ok(())
}

fn signing_key(row: &dyn Row) -> Result<SigningKeyRow> {
    Ok(SigningKeyRow {
        id: row.text(0)?.to_owned(),
        private_key: row.bytes(1)?.to_owned(),
        public_key: row.text(2)?.to_owned(),
        created_at: row.time(3)?,
        signs_until: row.time(4)?,
        shown_until: row.time(5)?,
    })
}

/// The keys of an issuer (`v1`, `v2`) that are still shown, the latest period first.
///
/// # Errors
/// As [`Tx::query`].
pub fn signing_keys(tx: &mut dyn Tx, issuer: &str, now: Timestamp) -> Result<Vec<SigningKeyRow>> {
    tx.all(
        "SELECT id, private_key, public_key, created_at, signs_until, shown_until FROM signing_keys
         WHERE issuer = $1 AND shown_until > $2 ORDER BY signs_until DESC",
        &[issuer.into(), now.into()],
        signing_key,
    )
}

/// Adds a key of an issuer, unless there is one for its period already, and forgets those that are no longer shown.
///
/// # Errors
/// As [`Tx::execute`].
pub fn insert_signing_key(tx: &mut dyn Tx, issuer: &str, new: &SigningKeyRow) -> Result<()> {
    tx.run("DELETE FROM signing_keys WHERE shown_until <= $1", &[new.created_at.into()])?;
    tx.run(
        "INSERT INTO signing_keys (id, issuer, private_key, public_key, created_at, signs_until, shown_until)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
        &[
            (&new.id).into(),
            issuer.into(),
            new.private_key.as_slice().into(),
            (&new.public_key).into(),
            new.created_at.into(),
            new.signs_until.into(),
            new.shown_until.into(),
        ],
    )?;
    Ok(())
}
