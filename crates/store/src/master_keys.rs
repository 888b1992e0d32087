//! The installation's master key: which one seals, which servers hold which, and what is sealed with it, piece by piece.
//!
//! Knows the tables `master_key_state` and `master_key_holders`, and of `environments`, `environment_sessions` and
//! `signing_keys` the columns that are sealed with the master key. What is in them is not its business. All of it is the
//! installation's: the scope is everything.

use crate::{
    Sql,
    db::{Row, Tx, TxExt},
};
use pileus_model::{Result, Timestamp};

/// Which master key seals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyState {
    /// Its fingerprint.
    pub active: Vec<u8>,
    /// The fingerprint of the one before it, as long as something may be sealed with that.
    pub retiring: Option<Vec<u8>>,
    /// What fingerprints of values are derived from, sealed with the master key.
    pub root: Vec<u8>,
    /// When this was last changed.
    pub changed_at: Timestamp,
    /// The login of who changed it.
    pub changed_by: String,
}

/// A running server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its process.
    pub node: [u8; 16],
    /// What it is called.
    pub name: String,
    /// The fingerprints of the keys that it holds, in hexadecimal, the one that it seals with first.
    pub held: Vec<String>,
    /// When it last said so.
    pub seen_at: Timestamp,
}

/// What is sealed with the master key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sealed {
    /// The keys of environments.
    Environments,
    /// The keys of sessions.
    Sessions,
    /// The keys that identity tokens are signed with.
    SigningKeys,
}

/// All that is sealed with it, but for the root.
pub const SEALED: [Sealed; 3] = [Sealed::Environments, Sealed::Sessions, Sealed::SigningKeys];

macro_rules! select {
    ($rest:literal) => {
        concat!("SELECT active, retiring, root, changed_at, changed_by FROM master_key_state WHERE one = 1", $rest)
    };
}

fn state_of(row: &dyn Row) -> Result<KeyState> {
    Ok(KeyState {
        active: row.bytes(0)?.to_vec(),
        retiring: row.opt(1, <dyn Row>::bytes)?.map(<[u8]>::to_vec),
        root: row.bytes(2)?.to_vec(),
        changed_at: row.time(3)?,
        changed_by: row.text(4)?.to_owned(),
    })
}

/// The state; none in a database that was written with no key yet.
///
/// # Errors
/// As [`Tx::query`].
pub fn state(tx: &mut dyn Tx) -> Result<Option<KeyState>> {
    tx.one(select!(""), &[], state_of)
}

/// The state, which stays until the transaction ends; others may read it the same way.
///
/// # Errors
/// As [`Tx::query`].
pub fn hold(tx: &mut dyn Tx) -> Result<Option<KeyState>> {
    tx.one(Sql { sqlite: select!(""), postgres: select!(" FOR SHARE") }, &[], state_of)
}

/// The state, locked until the transaction ends.
///
/// # Errors
/// As [`Tx::query`].
pub fn lock(tx: &mut dyn Tx) -> Result<Option<KeyState>> {
    tx.one(Sql { sqlite: select!(""), postgres: select!(" FOR UPDATE") }, &[], state_of)
}

/// Writes the first state, unless there is one.
///
/// # Errors
/// As [`Tx::execute`].
pub fn bind(tx: &mut dyn Tx, new: &KeyState) -> Result<()> {
    tx.run(
        "INSERT INTO master_key_state (one, active, retiring, root, changed_at, changed_by) VALUES (1, $1, $2, $3, $4, $5)
         ON CONFLICT DO NOTHING",
        &[
            new.active.as_slice().into(),
            new.retiring.as_deref().into(),
            new.root.as_slice().into(),
            new.changed_at.into(),
            (&new.changed_by).into(),
        ],
    )?;
    Ok(())
}

/// Writes the state. After [`lock`].
///
/// # Errors
/// As [`Tx::execute`].
pub fn set(tx: &mut dyn Tx, new: &KeyState) -> Result<()> {
    tx.run(
        "UPDATE master_key_state SET active = $1, retiring = $2, root = $3, changed_at = $4, changed_by = $5 WHERE one = 1",
        &[
            new.active.as_slice().into(),
            new.retiring.as_deref().into(),
            new.root.as_slice().into(),
            new.changed_at.into(),
            (&new.changed_by).into(),
        ],
    )?;
    Ok(())
}

/// Forgets a master key that nothing is sealed with any more.
///
/// # Errors
/// As [`Tx::execute`].
pub fn forget(tx: &mut dyn Tx, id: &[u8]) -> Result<()> {
    tx.run("DELETE FROM master_keys WHERE id = $1", &[id.into()])?;
    Ok(())
}

/// Says which keys a server holds, and forgets the servers that were last seen before `since`.
///
/// # Errors
/// As [`Tx::execute`].
pub fn put_holder(tx: &mut dyn Tx, holder: &Holder, since: Timestamp) -> Result<()> {
    tx.run("DELETE FROM master_key_holders WHERE seen_at < $1", &[since.into()])?;
    tx.run(
        "INSERT INTO master_key_holders (node, name, held, seen_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (node) DO UPDATE SET name = excluded.name, held = excluded.held, seen_at = excluded.seen_at",
        &[(&holder.node).into(), (&holder.name).into(), (&holder.held.join(" ")).into(), holder.seen_at.into()],
    )?;
    Ok(())
}

/// Forgets a server that stops.
///
/// # Errors
/// As [`Tx::execute`].
pub fn remove_holder(tx: &mut dyn Tx, node: &[u8; 16]) -> Result<()> {
    tx.run("DELETE FROM master_key_holders WHERE node = $1", &[node.into()])?;
    Ok(())
}

/// The servers that were seen since then, by name.
///
/// # Errors
/// As [`Tx::query`].
pub fn holders(tx: &mut dyn Tx, since: Timestamp) -> Result<Vec<Holder>> {
    tx.all(
        "SELECT node, name, held, seen_at FROM master_key_holders WHERE seen_at >= $1 ORDER BY name, node LIMIT 1000",
        &[since.into()],
        |row| {
            Ok(Holder {
                node: row.id(0)?,
                name: row.text(1)?.to_owned(),
                held: row.text(2)?.split(' ').filter(|id| !id.is_empty()).map(str::to_owned).collect(),
                seen_at: row.time(3)?,
            })
        },
    )
}

/// At most `limit` sealed things after this one: their ids, as bytes, and what is sealed. Nothing stands before an empty id.
///
/// # Errors
/// As [`Tx::query`].
pub fn page(tx: &mut dyn Tx, which: Sealed, after: &[u8], limit: i64) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
    let bytes = |row: &dyn Row| Ok((row.bytes(0)?.to_vec(), row.bytes(1)?.to_vec()));
    match which {
        Sealed::Environments => tx.all(
            "SELECT id, data_key FROM environments WHERE id > $1 ORDER BY id LIMIT $2",
            &[after.into(), limit.into()],
            bytes,
        ),
        Sealed::Sessions => tx.all(
            "SELECT id, data_key FROM environment_sessions WHERE id > $1 ORDER BY id LIMIT $2",
            &[after.into(), limit.into()],
            bytes,
        ),
        Sealed::SigningKeys => {
            let after = String::from_utf8_lossy(after).into_owned();
            tx.all(
                "SELECT id, private_key FROM signing_keys WHERE id > $1 ORDER BY id LIMIT $2",
                &[(&after).into(), limit.into()],
                |row| Ok((row.text(0)?.as_bytes().to_vec(), row.bytes(1)?.to_vec())),
            )
        }
    }
}

/// Puts something sealed in the place of something else, if that is still there.
///
/// # Errors
/// As [`Tx::execute`].
pub fn replace(tx: &mut dyn Tx, which: Sealed, id: &[u8], old: &[u8], new: &[u8]) -> Result<bool> {
    let changed = match which {
        Sealed::Environments => tx.run(
            "UPDATE environments SET data_key = $1 WHERE id = $2 AND data_key = $3",
            &[new.into(), id.into(), old.into()],
        )?,
        Sealed::Sessions => tx.run(
            "UPDATE environment_sessions SET data_key = $1 WHERE id = $2 AND data_key = $3",
            &[new.into(), id.into(), old.into()],
        )?,
        Sealed::SigningKeys => {
            let id = String::from_utf8_lossy(id).into_owned();
            tx.run(
                "UPDATE signing_keys SET private_key = $1 WHERE id = $2 AND private_key = $3",
                &[new.into(), (&id).into(), old.into()],
            )?
        }
    };
    Ok(changed == 1)
}

/// How many things are not sealed with the key whose seals begin so.
///
/// # Errors
/// As [`Tx::query`].
pub fn remaining(tx: &mut dyn Tx, begins: &[u8; 9]) -> Result<i64> {
    let mut all = 0;
    for sql in [
        "SELECT COUNT(*) FROM environments WHERE substr(data_key, 1, 9) <> $1",
        "SELECT COUNT(*) FROM environment_sessions WHERE substr(data_key, 1, 9) <> $1",
        "SELECT COUNT(*) FROM signing_keys WHERE substr(private_key, 1, 9) <> $1",
    ] {
        all += tx.one(sql, &[begins.into()], |row| row.int(0))?.unwrap_or(0);
    }
    Ok(all)
}
