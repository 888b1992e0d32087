//! What is known of a leaf's resources before a scan of it.
//!
//! This room knows how to read very many rows. It must never know what they are compared with.

use super::ingest::{Key, Print};
use crate::{Engine, Flow, Row, Sql, Tx};
use pileus_model::{
    Error, Result,
    ids::{AccountId, OrgId},
};

/// A resource as a scan remembers it while it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known<'a> {
    /// Its key.
    pub key: Key,
    /// The hash of its newest version; at least the first half of it.
    pub hash: &'a [u8],
    /// Its type.
    pub type_token: &'a str,
    /// It is marked as not seen.
    pub unseen: bool,
    /// It is gone.
    pub gone: bool,
    /// By what a scan recognises what its newest version was made of; empty, or zeros, where nothing does.
    pub print: &'a [u8],
}

/// Bytes of a resource in PostgreSQL's answer: key, half of the hash, marks, print.
const PACKED: usize = size_of::<Key>() + 16 + 1 + size_of::<Print>();

/// Gives at most `limit` resources of a leaf, those with the least keys after this one, in any order; the greatest key given.
///
/// # Errors
/// `Unavailable` where the database can't.
pub fn known(
    tx: &mut dyn Tx,
    org: OrgId,
    account: AccountId,
    after: Option<Key>,
    limit: i64,
    each: &mut dyn FnMut(Known<'_>),
) -> Result<Option<Key>> {
    // PostgreSQL gives all of a type as one value: a row of its own costs both sides more than what is in it.
    let sql = Sql {
        sqlite: "SELECT type_token, key, hash, unseen_since, gone_at, print FROM resources \
         WHERE account_id = $1 AND org_id = $2 AND key >= $3 ORDER BY key LIMIT $4",
        postgres: "SELECT type_token, string_agg(key || substring(hash FROM 1 FOR 16) || set_byte('\\x00', 0, \
         (unseen_since IS NOT NULL)::int + 2 * (gone_at IS NOT NULL)::int) || coalesce(print, decode(repeat('00', 20), 'hex')), '') \
         FROM (SELECT type_token, key, hash, unseen_since, gone_at, print FROM resources \
         WHERE account_id = $1 AND org_id = $2 AND key >= $3 ORDER BY key LIMIT $4) AS page GROUP BY type_token",
    };
    let from = after.map_or([0; 17], |key| {
        let mut from = [0; 17];
        from[..16].copy_from_slice(&key);
        from
    });
    // A key and a zero byte is the least text after the key itself.
    let from: &[u8] = if after.is_some() { &from } else { &[] };
    let params = [account.as_bytes().into(), org.as_bytes().into(), from.into(), limit.into()];
    let packed = tx.engine() == Engine::Postgres;
    let mut last: Option<Key> = None;
    let mut give = |known: Known<'_>| {
        last = last.max(Some(known.key));
        each(known);
    };
    tx.query(sql, &params, &mut |row| {
        if packed {
            unpack(row, &mut give)?
        } else {
            give(one(row)?)
        }
        Ok(Flow::Next)
    })?;
    Ok(last)
}

fn one(row: &dyn Row) -> Result<Known<'_>> {
    Ok(Known {
        type_token: row.text(0)?,
        key: row.id(1)?,
        hash: row.bytes(2)?,
        unseen: !row.is_null(3)?,
        gone: !row.is_null(4)?,
        print: row.opt(5, <dyn Row>::bytes)?.unwrap_or_default(),
    })
}

fn unpack(row: &dyn Row, give: &mut dyn FnMut(Known<'_>)) -> Result<()> {
    let (type_token, all) = (row.text(0)?, row.bytes(1)?);
    if !all.len().is_multiple_of(PACKED) {
        return Err(Error::internal("a resource's hash or print is of another length"));
    }
    for of in all.chunks_exact(PACKED) {
        let (key, hash, marks, print) = (&of[..16], &of[16..32], of[32], &of[33..]);
        let key = key.try_into().map_err(|_| Error::internal("a resource's key is of another length"))?;
        give(Known { key, hash, type_token, unseen: marks & 1 == 1, gone: marks & 2 == 2, print });
    }
    Ok(())
}
