//! The names of users and organisations: one namespace, in which no name is ever given twice.
//!
//! This room knows which names were taken. It must never know who bears them or whether they still exist.

use crate::{Engine, Tx, TxExt};
use pileus_model::{Result, Timestamp};

/// What a name was taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameKind {
    /// A user's login.
    User,
    /// An organisation's name.
    Organization,
}

impl NameKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Organization => "organization",
        }
    }
}

/// A name as it is compared: in lower case.
pub fn key(name: &str) -> String {
    name.to_ascii_lowercase()
}

/// Takes a name for good. `false` if it was taken before, by whomever and however long ago.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn reserve(tx: &mut dyn Tx, name: &str, kind: NameKind, now: Timestamp) -> Result<bool> {
    let sql = "INSERT INTO names (name, kind, created_at) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING";
    let key = key(name);
    Ok(tx.run(sql, &[(&key).into(), kind.as_str().into(), now.into()])? == 1)
}

/// Whether no name was ever taken: the store is fresh.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn none_taken(tx: &mut dyn Tx) -> Result<bool> {
    Ok(tx.one("SELECT name FROM names LIMIT 1", &[], |_| Ok(()))?.is_none())
}

/// Lets no other transaction that calls this go on until this one ends, so that a fresh store is set up once.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn lock_all(tx: &mut dyn Tx) -> Result<()> {
    // On SQLite the writer is alone.
    if tx.engine() == Engine::Postgres {
        tx.one("SELECT pg_advisory_xact_lock(7236)", &[], |_| Ok(()))?;
    }
    Ok(())
}
