//! What an evaluation asks of the world: providers, rotators, other environments, keys.
//!
//! This room knows the questions. It must never know an answer: everything here is a trait, and each implementation lives
//! in the crate that has the network, the store or the keys. All calls block; who has to wait runs the evaluation on a
//! thread that may.

use crate::ast::{self, Parsed};
use crate::limits::Limits;
use crate::schema::SchemaRef;
use crate::value::{Properties, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What opens something: `fn::open`.
pub trait Provider {
    /// The schemas of inputs and outputs.
    fn schema(&self) -> (SchemaRef, SchemaRef);

    /// Opens with inputs that satisfy the schema and hold no unknowns.
    ///
    /// # Errors
    /// The text of the diagnostic at the call.
    fn open(&self, inputs: &Properties, context: &ExecContext) -> Result<Value, String>;
}

/// The schemas of a rotator.
#[derive(Clone, Debug)]
pub struct RotatorSchema {
    /// Inputs.
    pub inputs: SchemaRef,
    /// State; null is allowed besides.
    pub state: SchemaRef,
    /// Outputs.
    pub outputs: SchemaRef,
}

/// What keeps a credential and renews it: `fn::rotate`.
pub trait Rotator {
    /// The schemas.
    fn schema(&self) -> RotatorSchema;

    /// The credential of a state; none before the first rotation.
    ///
    /// # Errors
    /// The text of the diagnostic at the call.
    fn open(&self, inputs: &Properties, state: Option<&Properties>, context: &ExecContext) -> Result<Value, String>;

    /// Makes a new credential; returns the state to keep.
    ///
    /// # Errors
    /// The text of the diagnostic at the call.
    fn rotate(&self, inputs: &Properties, state: Option<&Properties>, context: &ExecContext) -> Result<Value, String>;

    /// The same, for whoever must know which call of the document it is: its document path, `values.a.b`.
    ///
    /// # Errors
    /// As [`Rotator::rotate`].
    fn rotate_at(
        &self,
        _path: &str,
        inputs: &Properties,
        state: Option<&Properties>,
        context: &ExecContext,
    ) -> Result<Value, String> {
        self.rotate(inputs, state, context)
    }
}

/// Finds providers and rotators by name.
pub trait Providers {
    /// The provider of a name.
    ///
    /// # Errors
    /// The text of the diagnostic at the call: that there is none.
    fn provider(&self, name: &str) -> Result<Arc<dyn Provider>, String>;

    /// The rotator of a name.
    ///
    /// # Errors
    /// The text of the diagnostic at the call: that there is none.
    fn rotator(&self, name: &str) -> Result<Arc<dyn Rotator>, String>;
}

/// An environment's text, loaded.
pub struct Loaded {
    /// Its name as diagnostics and `context.currentEnvironment` show it.
    pub name: String,
    /// The stored text, ciphertexts included.
    pub text: String,
    /// What decrypts its ciphertexts.
    pub decrypter: Arc<dyn Decrypter>,
}

/// An environment, loaded and read.
pub struct Document {
    /// As [`Loaded::name`].
    pub name: String,
    /// What came of reading its text under that name.
    pub parsed: Arc<Parsed>,
    /// As [`Loaded::decrypter`].
    pub decrypter: Arc<dyn Decrypter>,
}

/// Finds environments for imports and inline references.
pub trait Loader {
    /// The environment of a name as it is written in the import: versions and tags are the loader's to resolve.
    ///
    /// # Errors
    /// The text of the diagnostic at the import.
    fn load(&self, name: &str) -> Result<Loaded, String>;

    /// The same, read. Whoever has read the text before, within bounds no wider than these, need not do so again.
    ///
    /// # Errors
    /// As [`Loader::load`].
    fn document(&self, name: &str, limits: &Limits) -> Result<Document, String> {
        let Loaded { name, text, decrypter } = self.load(name)?;
        let parsed = Arc::new(ast::parse(&name, &text, limits));
        Ok(Document { name, parsed, decrypter })
    }

    /// Whether one environment may import another; asked for every edge, before anything is loaded.
    ///
    /// # Errors
    /// The text of the diagnostic at the import.
    fn authorize(&self, importer: &str, imported: &str, importer_is_root: bool) -> Result<(), String>;
}

/// Turns the inner bytes of a ciphertext into clear ones.
pub trait Decrypter {
    /// Decrypts.
    ///
    /// # Errors
    /// Why not, without anything of the secret.
    fn decrypt(&self, ciphertext: &[u8]) -> Result<Vec<u8>, String>;
}

/// Turns clear bytes into the inner bytes of a ciphertext.
pub trait Encrypter {
    /// Encrypts.
    ///
    /// # Errors
    /// Why not, without anything of the secret.
    fn encrypt(&self, plaintext: &[u8]) -> Result<Vec<u8>, String>;
}

/// Who opens what: the values of `${context…}`.
#[derive(Clone, Debug)]
pub struct ExecContext {
    values: Properties,
    root: Arc<str>,
    current: Arc<str>,
}

/// The name of a root environment that is stored nowhere.
pub const ANONYMOUS: &str = "<yaml>";

impl ExecContext {
    /// A context of these values.
    ///
    /// # Errors
    /// A key that evaluation sets itself: `currentEnvironment`, `rootEnvironment`.
    pub fn new(values: BTreeMap<String, Value>) -> Result<Self, String> {
        for reserved in ["currentEnvironment", "rootEnvironment"] {
            if values.contains_key(reserved) {
                return Err(format!("reserved context key: \"{reserved}\""));
            }
        }
        let values = values.into_iter().map(|(k, v)| (Arc::from(k), Arc::new(v))).collect();
        Ok(Self { values, root: Arc::from(""), current: Arc::from("") })
    }

    /// The same context within an environment. An anonymous root does not count as one.
    pub(crate) fn within(&self, name: &Arc<str>) -> Self {
        let root = if matches!(&*self.root, "" | ANONYMOUS) { name.clone() } else { self.root.clone() };
        let named = |name: &str| Arc::new(Value::object([("name", Value::string(name))]));
        let mut values = self.values.clone();
        values.insert(Arc::from("currentEnvironment"), named(name));
        values.insert(Arc::from("rootEnvironment"), named(&root));
        Self { values, root, current: name.clone() }
    }

    /// All values.
    #[must_use]
    pub fn values(&self) -> &Properties {
        &self.values
    }

    /// The first environment of the chain that is not anonymous, if there is one.
    #[must_use]
    pub fn root_environment(&self) -> &str {
        &self.root
    }

    /// The environment whose expression is evaluated.
    #[must_use]
    pub fn current_environment(&self) -> &str {
        &self.current
    }
}
