//! What `fn::rotate` finds: the rotators.
//!
//! A rotator makes a credential and, later, takes one away; between the two its new state is stored. It never takes away
//! anything while it makes something, so that whatever happens in between leaves both, on record.

mod password;

use super::providers::Site;
use futures_util::future::BoxFuture;
use password::Password;
use pileus_esc::{
    host::{ExecContext, Rotator as Asked, RotatorSchema},
    json::Json as EscJson,
    schema::{Schema, SchemaRef},
    value::{Properties, Value},
};
use pileus_model::{Error, Result};
use serde_json::{Value as Json, json};
use std::{
    collections::BTreeMap,
    fmt::Debug,
    sync::{Arc, Mutex, PoisonError},
};

/// What a rotator made.
#[derive(Clone)]
pub(in crate::environments) struct Made {
    /// The state to be kept; its secrets are marked.
    pub state: Value,
    /// The credential that is new.
    pub new: Value,
    /// The credential that the state holds no longer, to be taken away once the state is stored.
    pub old: Option<Value>,
}

/// A rotator.
pub(in crate::environments) trait Rotator: Debug + Send + Sync {
    /// What it does, for its schema.
    fn description(&self) -> &'static str;
    /// The JSON schemas of inputs, state and outputs.
    fn schemas(&self) -> [&'static str; 3];
    /// The credential of a state; none before the first rotation.
    ///
    /// # Errors
    /// The text of the diagnostic at the call.
    fn open(&self, inputs: &Properties, state: Option<&Properties>) -> Result<Value, String>;
    /// Makes a new credential, and takes away none.
    ///
    /// # Errors
    /// The text of the diagnostic at the call; it holds nothing secret.
    fn make(
        &self,
        site: Arc<Site>,
        inputs: Properties,
        state: Option<Properties>,
    ) -> BoxFuture<'static, Result<Made, String>>;
    /// Takes a credential away: one that no state holds any more. That it is gone already is no error.
    ///
    /// # Errors
    /// Why not; holds nothing secret.
    fn retire(&self, site: Arc<Site>, inputs: Properties, credential: Value) -> BoxFuture<'static, Result<(), String>>;
}

/// The rotators of this installation, by name.
#[derive(Debug)]
pub(crate) struct Rotators(Mutex<BTreeMap<&'static str, Arc<dyn Rotator>>>);

impl Default for Rotators {
    fn default() -> Self {
        Self(Mutex::new(BTreeMap::from([("password", Arc::new(Password) as Arc<dyn Rotator>)])))
    }
}

impl Rotators {
    /// The rotator of this name.
    pub(in crate::environments) fn get(&self, name: &str) -> Option<Arc<dyn Rotator>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }
    fn names(&self) -> Vec<&'static str> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).keys().copied().collect()
    }
    /// One more.
    #[cfg(test)]
    pub(in crate::environments) fn add(&self, name: &'static str, rotator: Arc<dyn Rotator>) {
        let _ = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name, rotator);
    }
}

/// The names of the rotators, sorted.
pub fn rotators(app: &crate::App) -> Vec<&'static str> {
    app.rotators.names()
}

/// A rotator's schema as clients read it: `{name, description, inputs, outputs}`, where the inputs are those of the call,
/// its state among them.
///
/// # Errors
/// `NotFound`.
pub fn rotator_schema(app: &crate::App, name: &str) -> Result<Json> {
    let found = app.rotators.get(name).ok_or_else(|| Error::not_found(format!("rotator \"{name}\" not found")))?;
    let read = |text: &str| serde_json::from_str::<Json>(text).map_err(|e| Error::internal(e.to_string()));
    let [inputs, state, outputs] = found.schemas();
    let inputs = json!({
        "type": "object",
        "properties": {"inputs": read(inputs)?, "state": read(state)?},
        "required": ["inputs"],
    });
    Ok(json!({"name": name, "description": found.description(), "inputs": inputs, "outputs": read(outputs)?}))
}

/// The rotator of this name, if there is one, for evaluations that rotate nothing.
pub(super) fn find(site: &Arc<Site>, name: &str) -> Option<Arc<dyn Asked>> {
    let rotator = site.who.app.rotators.get(name)?;
    Some(Arc::new(Opening(rotator)))
}

/// The schemas as the language takes them.
pub(super) fn schemas(rotator: &dyn Rotator) -> RotatorSchema {
    let [inputs, state, outputs] = rotator.schemas().map(schema);
    RotatorSchema { inputs, state, outputs }
}

/// A schema of ours.
fn schema(text: &str) -> SchemaRef {
    let parsed = EscJson::parse(text, 64).and_then(|json| Schema::from_json(&json));
    debug_assert!(parsed.is_ok(), "a rotator's schema cannot be read: {parsed:?}");
    parsed.unwrap_or_else(|_| pileus_esc::schema::always())
}

/// A rotator that is only asked for what it has.
struct Opening(Arc<dyn Rotator>);

impl Asked for Opening {
    fn schema(&self) -> RotatorSchema {
        schemas(&*self.0)
    }
    fn open(&self, inputs: &Properties, state: Option<&Properties>, _: &ExecContext) -> Result<Value, String> {
        self.0.open(inputs, state)
    }
    fn rotate(&self, _: &Properties, _: Option<&Properties>, _: &ExecContext) -> Result<Value, String> {
        Err("nothing is rotated when an environment is opened".into())
    }
}
