//! Whether this server's master keys belong to the database, and which of them seals; what the others hold.

use super::{Fingerprint, Keys, PROOF, ROOT, change, fingerprint, hex, seal_with};
use crate::App;
use pileus_codec::envelope::Key;
use pileus_model::{Error, Result, Secret, Timestamp};
use pileus_store::{
    Recorded, Tx, environments_keys,
    master_keys::{self as store, Holder, KeyState},
};

/// For how many seconds a server that says nothing is believed to run.
pub(super) const BELIEVED: i64 = 90;
/// Where it says so.
const WHY: &str = "which keys this server holds, and which one seals";

/// Whether this database was already written with some master key.
///
/// # Errors
/// `Unavailable`.
pub async fn is_bound(app: &App) -> Result<bool> {
    app.store.read(|tx| Ok(!environments_keys::master_keys(tx)?.is_empty())).await
}

/// Makes sure that the database was written with a master key that is here, or binds it to ours if it was written with none.
/// `name` is what this server is called.
///
/// # Errors
/// `Invalid` if it was written with another one, or is changing from one to another and one of them is not here.
pub async fn verify(app: &App, name: &str) -> Result<()> {
    let mut node = [0; 16];
    app.entropy.fill(&mut node);
    app.keys.write(|ring| {
        ring.node = node;
        name.clone_into(&mut ring.name);
    });
    let state = bound(app).await?;
    let known = app.store.read(environments_keys::master_keys).await?;
    let missing = |id: &[u8]| {
        let proof = known.iter().find(|(known, _)| known == id).map(|(_, proof)| proof.clone());
        let held = app.keys.read(|ring| ring.find(id).is_some());
        !held || proof.is_none_or(|proof| app.keys.open(PROOF, &proof).map_or(true, |opened| opened != id))
    };
    if missing(&state.active) {
        return Err(another());
    }
    if state.retiring.as_deref().is_some_and(missing) {
        return Err(Error::invalid(
            "the master key is being changed and that is not finished: this server needs the old one (PILEUS_MASTER_KEY) \
             and the new one (PILEUS_MASTER_KEY_NEW)",
        ));
    }
    adopt(&app.keys, &state)?;
    say(app).await
}

/// The state that the database has, or is given now.
async fn bound(app: &App) -> Result<KeyState> {
    let (keys, now) = (app.keys.clone(), app.clock.now());
    let first = keys.active()?;
    let root = Key::random(&*app.entropy);
    let [fresh, inherited] = [root.expose(), first.1.expose()].map(|root| keys.seal(ROOT, root, &*app.entropy));
    let (fresh, inherited) = (fresh?, inherited?);
    let proof = keys.seal(PROOF, &first.0, &*app.entropy)?;
    app.store
        .write(move |tx| {
            let known = environments_keys::master_keys(tx)?;
            let ours = known.iter().any(|(id, _)| *id == first.0);
            // A database from before there was a root has derived from the master key itself.
            let root = if known.is_empty() { &fresh } else { &inherited };
            let new = KeyState {
                active: first.0.to_vec(),
                retiring: None,
                root: root.clone(),
                changed_at: now,
                changed_by: "pileus".into(),
            };
            if known.is_empty() || ours {
                store::bind(tx, &new)?;
            }
            let state = store::lock(tx)?.ok_or_else(another)?;
            if known.is_empty() && state == new {
                environments_keys::insert_master_key(tx, &first.0, &proof, now)?;
            }
            let why = "binds an empty database to the key of this installation; nothing is sealed yet";
            Ok(Recorded::unaudited(state, why))
        })
        .await
}

fn another() -> Error {
    Error::invalid(
        "the database was written with another master key: set PILEUS_MASTER_KEY to the one that it was written with",
    )
}

/// Seals as the database says from now on.
pub(super) fn adopt(keys: &Keys, state: &KeyState) -> Result<()> {
    let active: Fingerprint =
        state.active.as_slice().try_into().map_err(|_| Error::internal("a fingerprint has another length"))?;
    if keys.read(|ring| ring.find(&active).is_none()) {
        return Err(Error::unavailable(
            "another server has changed the master key, and the new one is not here: set PILEUS_MASTER_KEY_NEW and restart",
        ));
    }
    let root = keys.unwrap(ROOT, &state.root)?;
    keys.write(|ring| {
        ring.active = Some(active);
        ring.root = Some(root);
    });
    Ok(())
}

/// Says which keys this server holds, if that is new or was last said a while ago.
async fn say(app: &App) -> Result<()> {
    let now = app.clock.now();
    let holder = held(&app.keys, now, None);
    let said = (holder.held.clone(), now);
    let lately = |at: Timestamp| at <= now && now < at.plus_seconds(BELIEVED / 3);
    if app.keys.read(|ring| ring.said.as_ref().is_some_and(|(held, at)| *held == said.0 && lately(*at))) {
        return Ok(());
    }
    let write = app.store.write(move |tx| {
        store::put_holder(tx, &holder, now.plus_seconds(-BELIEVED))?;
        Ok(Recorded::unaudited((), WHY))
    });
    write.await?;
    app.keys.write(|ring| ring.said = Some(said));
    Ok(())
}

/// The same within a transaction; `first` is the key that this server seals with once it is committed.
pub(super) fn say_in(tx: &mut dyn Tx, app: &App, first: Option<&Fingerprint>) -> Result<()> {
    let now = app.clock.now();
    store::put_holder(tx, &held(&app.keys, now, first), now.plus_seconds(-BELIEVED))
}

fn held(keys: &Keys, now: Timestamp, first: Option<&Fingerprint>) -> Holder {
    keys.read(|ring| {
        let mut held = ring.names();
        if let Some(first) = first.map(|id| hex(id)) {
            held.retain(|id| *id != first);
            held.insert(0, first);
        }
        Holder { node: ring.node, name: ring.name.clone(), held, seen_at: now }
    })
}

/// One round: looks for further keys, seals as the database says, says which keys are held, and goes on with a change of the
/// master key if there is one. Any number of servers may.
///
/// # Errors
/// `Unavailable` where the database can't, or the key that seals is not here.
pub async fn tick(app: &App) -> Result<()> {
    let keys = app.keys.clone();
    let reloaded = tokio::task::spawn_blocking(move || keys.reload()).await;
    reloaded.map_err(|e| Error::internal(format!("looking for master keys ended badly: {e}")))??;
    let Some(state) = app.store.read(store::state).await? else { return Ok(()) };
    let adopted = adopt(&app.keys, &state);
    say(app).await?;
    adopted?;
    if state.retiring.is_some() {
        change::go_on(app).await?;
    }
    Ok(())
}

/// This server stops: nobody has to wait for it.
///
/// # Errors
/// `Unavailable`.
pub async fn leave(app: &App) -> Result<()> {
    let node = app.keys.read(|ring| ring.node);
    app.store
        .write(move |tx| {
            store::remove_holder(tx, &node)?;
            Ok(Recorded::unaudited((), WHY))
        })
        .await
}

/// The servers that are believed to run.
pub(super) fn servers(tx: &mut dyn Tx, now: Timestamp) -> Result<Vec<Holder>> {
    store::holders(tx, now.plus_seconds(-BELIEVED))
}

/// The master key that is to take over: one that is held besides the one that seals. Where further keys come from somewhere,
/// only one that is there now: the key that was replaced last is still held, and nobody wants it back.
///
/// # Errors
/// As the source's.
pub(super) fn further(keys: &Keys, active: &[u8]) -> Result<Option<(Fingerprint, Key)>> {
    let offered = match &keys.source {
        Some(source) => &source()?,
        None => keys,
    };
    Ok(offered.read(|ring| ring.held.iter().rev().find(|(id, _)| id.as_slice() != active).cloned()))
}

/// The proof of a key, and the root sealed with it.
pub(super) fn sealed_for(app: &App, new: &(Fingerprint, Key), state: &KeyState) -> Result<(Vec<u8>, Vec<u8>)> {
    debug_assert_eq!(new.0, fingerprint(&new.1));
    let root = Secret::new(app.keys.open(ROOT, &state.root)?);
    Ok((seal_with(new, PROOF, &new.0, &*app.entropy)?, seal_with(new, ROOT, root.expose(), &*app.entropy)?))
}
