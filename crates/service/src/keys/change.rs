//! Another master key while servers run: the new one takes over at one moment, then everything that the old one has sealed
//! is sealed anew, a piece at a time, and at the end the old one opens nothing any more.

use super::{BEGINNING, beginning, hex, state};
use crate::{App, Cx, environments};
use pileus_model::{
    Error, Result,
    audit::{Actor, LogId, NewEvent, Outcome, RequestInfo, Target, catalogue},
};
use pileus_store::{
    Recorded, environments_keys,
    master_keys::{self as store, Holder, KeyState, SEALED, Sealed},
};
use std::{collections::BTreeSet, sync::Arc, time::Duration};

/// How long a request waits for the end of the change.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many things are sealed anew in one transaction.
const PIECE: i64 = 100;

/// What is known of the master key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The fingerprint of the one that seals, in hexadecimal.
    pub active: String,
    /// The fingerprint of the one before it, as long as something may be sealed with that.
    pub retiring: Option<String>,
    /// How many things are not sealed with the one that seals.
    pub remaining: i64,
    /// The running servers.
    pub servers: Vec<Holder>,
}

/// What is known of the master key. For site admins.
///
/// # Errors
/// `Unavailable`, also without a master key.
pub async fn show(cx: &Cx) -> Result<Shown> {
    shown(&cx.app).await
}

async fn shown(app: &App) -> Result<Shown> {
    let now = app.clock.now();
    app.store
        .read(move |tx| {
            let state = store::state(tx)?.ok_or_else(unbound)?;
            Ok(Shown {
                remaining: store::remaining(tx, &beginning(&state.active))?,
                active: hex(&state.active),
                retiring: state.retiring.as_deref().map(hex),
                servers: state::servers(tx, now)?,
            })
        })
        .await
}

fn unbound() -> Error {
    Error::unavailable("this installation has no master key yet")
}

/// Lets the new master key take over, and seals anew what the old one has sealed. What is not finished when the request is
/// given up is finished by whichever server comes to it.
///
/// # Errors
/// `Invalid` where no new key is here; `Conflict` while an earlier change is not finished, or where a running server does not
/// have the new key.
pub async fn rotate(cx: &Cx) -> Result<Shown> {
    let app = &cx.app;
    state::tick(app).await?;
    let before = app.store.read(store::state).await?.ok_or_else(unbound)?;
    let (keys, active) = (app.keys.clone(), before.active.clone());
    let new = tokio::task::spawn_blocking(move || state::further(&keys, &active)).await;
    let new = new.map_err(|e| Error::internal(format!("looking for master keys ended badly: {e}")))??;
    if before.retiring.is_none() {
        let new = new.ok_or_else(|| {
            Error::invalid(
                "no new master key is here: give it to every server in PILEUS_MASTER_KEY_NEW, or in the file master-key.new of \
                 its data directory",
            )
        })?;
        take_over(cx, &before, &new).await?;
    }
    let work = tokio::spawn({
        let app = Arc::clone(app);
        async move { state::tick(&app).await }
    });
    // What takes longer goes on behind the reply.
    if let Ok(done) = tokio::time::timeout(PATIENCE, work).await {
        done.map_err(|e| Error::internal(format!("changing the master key ended badly: {e}")))??;
    }
    shown(app).await
}

/// From this moment on the new key seals.
pub(super) async fn take_over(cx: &Cx, before: &KeyState, new: &([u8; 32], pileus_codec::envelope::Key)) -> Result<()> {
    let (cx, app, before) = (cx.clone(), cx.app.clone(), before.clone());
    let (proof, root) = state::sealed_for(&app, new, &before)?;
    let (id, new_name, app2) = (new.0, hex(&new.0), Arc::clone(&app));
    app.store
        .write(move |tx| {
            let now = cx.now();
            let state = store::lock(tx)?.ok_or_else(unbound)?;
            if state != before {
                return Err(Error::conflict("another server has begun to change the master key"));
            }
            for server in state::servers(tx, now)? {
                if !server.held.contains(&new_name) {
                    return Err(Error::conflict(format!(
                        "server \"{}\", last seen at {}, does not have the new master key: give it to every server first",
                        server.name,
                        server.seen_at.rfc3339()
                    )));
                }
            }
            environments_keys::insert_master_key(tx, &id, &proof, now)?;
            let next = KeyState {
                active: id.to_vec(),
                retiring: Some(state.active.clone()),
                root: root.clone(),
                changed_at: now,
                changed_by: cx.actor().login,
            };
            store::set(tx, &next)?;
            // Nobody has to wait until this server has gone its next round.
            state::say_in(tx, &app2, Some(&id))?;
            let said = format!("Began to change the master key from {} to {}", short(&state.active), short(&id));
            let target = Target::new("master-key", short(&id));
            Ok(Recorded::new((), cx.event_in(LogId::SITE, catalogue::MASTER_KEY_ROTATED, target, said)))
        })
        .await
}

/// The beginning of a fingerprint.
fn short(id: &[u8]) -> String {
    hex(&id[..id.len().min(BEGINNING - 1)])
}

/// Seals anew what the old key has sealed, and ends the change if nothing is left and every server seals with the new one.
pub(super) async fn go_on(app: &App) -> Result<()> {
    for which in SEALED {
        let mut after = Vec::new();
        while let Some(last) = piece(app, which, after).await? {
            after = last;
        }
    }
    finish(app).await
}

/// Seals a piece anew; the last id of it, none at the end.
pub(super) async fn piece(app: &App, which: Sealed, after: Vec<u8>) -> Result<Option<Vec<u8>>> {
    let Some(state) = app.store.read(store::state).await? else { return Ok(None) };
    let page = app.store.read(move |tx| store::page(tx, which, &after, PIECE)).await?;
    let Some((last, _)) = page.last() else { return Ok(None) };
    let last = last.clone();
    let mut changes = Vec::new();
    for (id, old) in page {
        let owner = match which {
            Sealed::Environments => id.clone(),
            Sealed::Sessions => environments::session_owner(&id),
            Sealed::SigningKeys => environments::signing_key_owner(&id),
        };
        if let Some(new) = app.keys.resealed(&state.active, &owner, &old, &*app.entropy)? {
            changes.push((id, old, new));
        }
    }
    if !changes.is_empty() {
        let write = app.store.write(move |tx| {
            for (id, old, new) in &changes {
                store::replace(tx, which, id, old, new)?;
            }
            Ok(Recorded::unaudited((), "the same keys, wrapped by the new master key; the change itself is on record"))
        });
        write.await?;
    }
    Ok(Some(last))
}

/// Ends the change, if it can be ended.
async fn finish(app: &App) -> Result<()> {
    let clock = Arc::clone(&app.clock);
    app.store
        .write(move |tx| {
            let now = clock.now();
            let not_yet = |why| Ok(Recorded::unaudited((), why));
            let Some(state) = store::lock(tx)? else { return not_yet("there is no master key") };
            let Some(old) = state.retiring.clone() else { return not_yet("another server was faster") };
            if store::remaining(tx, &beginning(&state.active))? > 0 {
                return not_yet("something was sealed with the old key meanwhile; it is tried again");
            }
            let sealing: BTreeSet<Option<String>> =
                state::servers(tx, now)?.into_iter().map(|server| server.held.into_iter().next()).collect();
            if sealing.iter().any(|key| key.as_ref() != Some(&hex(&state.active))) {
                return not_yet("a server does not know yet that the new key seals; it is tried again");
            }
            store::forget(tx, &old)?;
            store::set(tx, &KeyState { retiring: None, changed_at: now, ..state.clone() })?;
            let said = format!(
                "Finished changing the master key from {} to {}: the old one opens nothing any more",
                short(&old),
                short(&state.active)
            );
            let event = NewEvent {
                log: LogId::SITE,
                event: catalogue::MASTER_KEY_ROTATED,
                actor: Actor::system(),
                request: RequestInfo { operation: "RotateMasterKey".into(), ..RequestInfo::default() },
                target: Target::new("master-key", short(&state.active)),
                outcome: Outcome::Success,
                description: said,
                count: 1,
            };
            Ok(Recorded::new((), event))
        })
        .await
}
