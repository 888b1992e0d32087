//! What is done when a rotator is asked: what was made is on record before anything else happens.
//!
//! First what an earlier rotation left to be taken away is taken away, then something new is made, then it is written down,
//! sealed. If it cannot be, it is taken away again.

use super::{RUNNING, sealed};
use crate::environments::{
    providers::{Shelf, Site},
    rotators::{self, Made, Rotator},
    sealing::EnvironmentKey,
};
use pileus_esc::{
    host::{Decrypter as _, Encrypter as _, ExecContext, Provider, Providers, Rotator as Asked, RotatorSchema},
    value::{Properties, Value},
};
use pileus_model::{Error, Result, ids::EnvironmentRotationId};
use pileus_store::{
    Recorded,
    environments_rotation::{self as store, RetiredRow, RotationRow, SecretRow},
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

/// How many left-over credentials one rotation of a secret takes away.
const LEFT_OVER: i64 = 16;

/// A secret that was rotated.
#[derive(Clone)]
pub(super) struct Kept {
    /// The rotator's name.
    pub rotator: String,
    /// What it made.
    pub made: Made,
    /// What it was given; none where the rotation was taken up by another process.
    pub inputs: Option<Properties>,
}

/// One rotation that is running.
pub(super) struct Journal {
    pub site: Arc<Site>,
    pub rotation: RotationRow,
    pub key: Arc<EnvironmentKey>,
    kept: Mutex<BTreeMap<String, Kept>>,
}

impl Journal {
    pub fn new(site: Arc<Site>, rotation: RotationRow, key: Arc<EnvironmentKey>) -> Arc<Self> {
        Arc::new(Self { site, rotation, key, kept: Mutex::default() })
    }
    /// What was made so far, by path.
    pub fn kept(&self) -> BTreeMap<String, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Rotates one secret.
    async fn rotate(
        self: Arc<Self>,
        path: String,
        name: String,
        rotator: Arc<dyn Rotator>,
        inputs: Properties,
        state: Option<Properties>,
    ) -> std::result::Result<Value, String> {
        let unwritten = |e: Error| format!("the rotation could not be recorded: {}", e.message());
        for left in self.left_over(&path, &name).await.map_err(unwritten)? {
            take_away(&self.site, &*rotator, &inputs, left.1, &left.0).await;
        }
        let made = rotator.make(Arc::clone(&self.site), inputs.clone(), state).await?;
        if let Err(error) = self.write(&path, &name, &made).await {
            let gone = rotator.retire(Arc::clone(&self.site), inputs, made.new).await;
            let also =
                gone.err().map(|why| format!("; the new credential was made and could not be taken away: {why}"));
            return Err(unwritten(error) + &also.unwrap_or_default());
        }
        let shown = made.state.clone();
        let kept = Kept { rotator: name, made, inputs: Some(inputs) };
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).insert(path, kept);
        Ok(shown)
    }

    /// What earlier rotations of this secret left to be taken away.
    async fn left_over(&self, path: &str, name: &str) -> Result<Vec<(RetiredRow, Value)>> {
        let (org, env, path, name) = (self.rotation.org, self.rotation.env, path.to_owned(), name.to_owned());
        let read = self.site.who.app.store.read(move |tx| store::retired(tx, org, env, (&path, &name), LEFT_OVER));
        let open = |row: RetiredRow| {
            let clear = self.key.decrypt(&row.credential).ok()?;
            sealed::of_bytes(&clear).map(|credential| (row, credential))
        };
        Ok(read.await?.into_iter().filter_map(open).collect())
    }

    /// Writes down what was made, if the rotation still runs.
    async fn write(&self, path: &str, name: &str, made: &Made) -> Result<()> {
        let app = &self.site.who.app;
        let bytes = self.key.encrypt(&sealed::made_to_bytes(made)).map_err(Error::internal)?;
        let secret = SecretRow {
            id: EnvironmentRotationId::new(&*app.clock, &*app.entropy),
            path: path.to_owned(),
            rotator: name.to_owned(),
            status: RUNNING.into(),
            error: None,
            made: Some(bytes),
        };
        let rotation = self.rotation.clone();
        app.store
            .write(move |tx| {
                // Whoever ends a rotation has the same lock.
                pileus_store::organizations::lock(tx, rotation.org)?;
                let running = store::running(tx, rotation.org, rotation.env)?;
                if running.is_none_or(|running| running.id != rotation.id) {
                    return Err(Error::conflict("the rotation was given up meanwhile"));
                }
                store::put_secret(tx, rotation.org, rotation.id, &secret)?;
                Ok(Recorded::unaudited((), "a step of a rotation, which is recorded when it ends"))
            })
            .await
    }
}

/// Takes a credential away and forgets it; one that cannot be taken away stays for the next rotation.
pub(super) async fn take_away(
    site: &Arc<Site>,
    rotator: &dyn Rotator,
    inputs: &Properties,
    credential: Value,
    row: &RetiredRow,
) {
    let (org, id) = (site.who.org.id, row.id);
    let done = rotator.retire(Arc::clone(site), inputs.clone(), credential).await;
    let done = match done {
        Ok(()) => {
            let why = "a credential that was replaced, which is on record, is gone";
            let write = site.who.app.store.write(move |tx| {
                store::forget(tx, org, id)?;
                Ok(Recorded::unaudited((), why))
            });
            write.await.map_err(|e| e.message().to_owned())
        }
        Err(why) => Err(why),
    };
    if let Err(why) = done {
        metrics::counter!("pileus_background_failures_total", "work" => "retired-credentials").increment(1);
        tracing::warn!(
            rotator = row.rotator,
            why,
            "a replaced credential could not be taken away; the next rotation tries again"
        );
    }
}

/// What a rotating evaluation is given: the usual providers, and rotators that rotate.
pub(super) struct Rotating {
    pub shelf: Shelf,
    pub journal: Arc<Journal>,
}

impl Providers for Rotating {
    fn provider(&self, name: &str) -> std::result::Result<Arc<dyn Provider>, String> {
        self.shelf.provider(name)
    }
    fn rotator(&self, name: &str) -> std::result::Result<Arc<dyn Asked>, String> {
        let rotator = self.journal.site.who.app.rotators.get(name);
        let rotator = rotator.ok_or_else(|| format!("unknown rotator \"{name}\""))?;
        Ok(Arc::new(Asking { name: name.to_owned(), rotator, journal: Arc::clone(&self.journal) }))
    }
}

struct Asking {
    name: String,
    rotator: Arc<dyn Rotator>,
    journal: Arc<Journal>,
}

impl Asked for Asking {
    fn schema(&self) -> RotatorSchema {
        rotators::schemas(&*self.rotator)
    }
    fn open(
        &self,
        inputs: &Properties,
        state: Option<&Properties>,
        _: &ExecContext,
    ) -> std::result::Result<Value, String> {
        self.rotator.open(inputs, state)
    }
    fn rotate(&self, _: &Properties, _: Option<&Properties>, _: &ExecContext) -> std::result::Result<Value, String> {
        Err("it is not known which call this is".into())
    }
    fn rotate_at(
        &self,
        path: &str,
        inputs: &Properties,
        state: Option<&Properties>,
        _: &ExecContext,
    ) -> std::result::Result<Value, String> {
        let (path, inputs, state) = (super::below_values(path), inputs.clone(), state.cloned());
        self.journal.site.later(&format!("rotate\0{path}"), || {
            let (journal, name, rotator) = (Arc::clone(&self.journal), self.name.clone(), Arc::clone(&self.rotator));
            Box::pin(async move {
                // Whoever stops waiting does not stop what was begun.
                let task = tokio::spawn(journal.rotate(path, name, rotator, inputs, state));
                task.await.unwrap_or_else(|_| Err("the rotator ended badly".into()))
            })
        })
    }
}
