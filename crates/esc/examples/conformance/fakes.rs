//! The providers, rotators, loader and crypter that the cases are written for.

use crate::schemas;
use pileus_esc::host::{Decrypter, Encrypter, ExecContext, Loaded, Loader, Provider, Rotator, RotatorSchema};
use pileus_esc::json::Json;
use pileus_esc::schema::{Schema, SchemaRef, always};
use pileus_esc::value::{Properties, Repr, Value};
use std::cell::RefCell;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

/// Finds the fakes by name.
pub struct Providers;

impl pileus_esc::host::Providers for Providers {
    fn provider(&self, name: &str) -> Result<Arc<dyn Provider>, String> {
        match name {
            "test" => Ok(Arc::new(Fake { schema: None, secret: false })),
            "secret-wrapper" => Ok(Arc::new(Fake { schema: None, secret: true })),
            "schema" => Ok(Arc::new(Fake { schema: Some(wide()), secret: false })),
            "bench" => Ok(Arc::new(Waiting)),
            "error" => Ok(Arc::new(Failing)),
            _ => Err(format!("unknown provider \"{name}\"")),
        }
    }

    fn rotator(&self, name: &str) -> Result<Arc<dyn Rotator>, String> {
        match name {
            "swap" => Ok(Arc::new(Swap)),
            "echo" => Ok(Arc::new(Echo)),
            _ => Err(format!("unknown rotator \"{name}\"")),
        }
    }
}

fn schema(text: &str) -> SchemaRef {
    Json::parse(text, 32).and_then(|json| Schema::from_json(&json)).unwrap_or_else(|_| always())
}

/// The schema of the provider `schema`, read once: a server's providers have theirs at hand as well.
fn wide() -> SchemaRef {
    static WIDE: LazyLock<SchemaRef> = LazyLock::new(|| schema(schemas::WIDE));
    WIDE.clone()
}

/// Returns its inputs.
struct Fake {
    schema: Option<SchemaRef>,
    secret: bool,
}

impl Provider for Fake {
    fn schema(&self) -> (SchemaRef, SchemaRef) {
        let schema = self.schema.clone().unwrap_or_else(always);
        (schema.clone(), schema)
    }

    fn open(&self, inputs: &Properties, _: &ExecContext) -> Result<Value, String> {
        Ok(Value { secret: self.secret, ..Value::new(Repr::Object(inputs.clone())) })
    }
}

/// Returns how long it has waited: not at all.
struct Waiting;

impl Provider for Waiting {
    fn schema(&self) -> (SchemaRef, SchemaRef) {
        (always(), always())
    }

    fn open(&self, _: &Properties, _: &ExecContext) -> Result<Value, String> {
        Ok(Value::string("0s"))
    }
}

/// Fails with the text that it is given.
struct Failing;

impl Provider for Failing {
    fn schema(&self) -> (SchemaRef, SchemaRef) {
        (schema(schemas::ERROR), always())
    }

    fn open(&self, inputs: &Properties, _: &ExecContext) -> Result<Value, String> {
        Err(inputs.get("why").map(|why| why.to_text(false)).unwrap_or_default())
    }
}

fn state_of(state: Option<&Properties>) -> Value {
    Value::new(Repr::Object(state.cloned().unwrap_or_default()))
}

/// Swaps two credentials.
struct Swap;

impl Rotator for Swap {
    fn schema(&self) -> RotatorSchema {
        RotatorSchema { inputs: always(), state: schema(schemas::SWAP), outputs: schema(schemas::SWAP) }
    }

    fn open(&self, _: &Properties, state: Option<&Properties>, _: &ExecContext) -> Result<Value, String> {
        Ok(state_of(state))
    }

    fn rotate(&self, _: &Properties, state: Option<&Properties>, _: &ExecContext) -> Result<Value, String> {
        let get = |key: &str| state.and_then(|s| s.get(key)).map_or(Value::new(Repr::Null), |v| (**v).clone());
        Ok(Value::object([("a", get("b")), ("b", get("a"))]))
    }
}

/// Takes the next credential from its inputs.
struct Echo;

impl Rotator for Echo {
    fn schema(&self) -> RotatorSchema {
        let state = schema(schemas::ECHO_STATE);
        RotatorSchema { inputs: schema(schemas::ECHO_INPUTS), outputs: state.clone(), state }
    }

    fn open(&self, inputs: &Properties, state: Option<&Properties>, _: &ExecContext) -> Result<Value, String> {
        let next = inputs.get("next").filter(|next| !next.unknown);
        let current = state.and_then(|state| state.get("current"));
        if next.is_some_and(|next| current.is_none_or(|current| current.repr != next.repr)) {
            return Err("oh no! inputs were evaluated outside of rotation".into());
        }
        Ok(state_of(state))
    }

    fn rotate(&self, inputs: &Properties, state: Option<&Properties>, _: &ExecContext) -> Result<Value, String> {
        let next = inputs.get("next").filter(|next| !next.unknown);
        let Some(next) = next else { return Err("oh no! rotateOnly inputs were not evaluated during rotation".into()) };
        let previous = state.and_then(|s| s.get("current")).map_or(Value::new(Repr::Null), |v| (**v).clone());
        Ok(Value::object([("current", (**next).clone()), ("previous", previous)]))
    }
}

/// Adds 128 to every byte.
pub struct Rot128;

impl Decrypter for Rot128 {
    fn decrypt(&self, ciphertext: &[u8]) -> Result<Vec<u8>, String> {
        Ok(ciphertext.iter().map(|byte| byte.wrapping_add(128)).collect())
    }
}

impl Encrypter for Rot128 {
    fn encrypt(&self, plaintext: &[u8]) -> Result<Vec<u8>, String> {
        self.decrypt(plaintext)
    }
}

/// Loads the other files of a case, each once.
#[derive(Default)]
pub struct Siblings {
    pub folder: PathBuf,
    pub read: RefCell<HashMap<String, Option<String>>>,
}

impl Loader for Siblings {
    fn load(&self, name: &str) -> Result<Loaded, String> {
        let read = || std::fs::read_to_string(self.folder.join(format!("{name}.yaml"))).ok();
        let text = self.read.borrow_mut().entry(name.to_owned()).or_insert_with(read).clone();
        let text = text.ok_or_else(|| format!("environment \"{name}\" not found"))?;
        Ok(Loaded { name: name.to_owned(), text, decrypter: Arc::new(Rot128) })
    }

    fn authorize(&self, _: &str, _: &str, _: bool) -> Result<(), String> {
        Ok(())
    }
}
