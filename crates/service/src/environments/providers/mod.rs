//! What `fn::open` finds: the login providers.
//!
//! A provider sees its inputs, who opens, and which environment declares the call. It never reads the server's own
//! environment or files.

mod aws_login;

use super::context::Who;
use pileus_esc::{
    host::{ExecContext, Provider, Providers, Rotator},
    json::Json,
    schema::{Schema, SchemaRef},
    value::{Properties, Repr, Value},
};
use std::{collections::BTreeMap, sync::Arc};

/// The providers of one evaluation.
pub(super) struct Shelf {
    known: BTreeMap<&'static str, Arc<dyn Provider>>,
    site: Arc<Site>,
}

/// What a provider may use.
pub(super) struct Site {
    pub who: Who,
    /// For waiting: evaluations run on threads that may.
    pub handle: tokio::runtime::Handle,
}

impl Shelf {
    /// For this evaluation.
    pub fn new(who: Who, handle: tokio::runtime::Handle) -> Self {
        let site = Arc::new(Site { who, handle });
        let aws: Arc<dyn Provider> = Arc::new(aws_login::AwsLogin::new(Arc::clone(&site)));
        Self { known: BTreeMap::from([("aws-login", aws)]), site }
    }
}

impl Providers for Shelf {
    fn provider(&self, name: &str) -> Result<Arc<dyn Provider>, String> {
        self.known.get(name).cloned().ok_or_else(|| format!("unknown provider \"{name}\""))
    }
    fn rotator(&self, name: &str) -> Result<Arc<dyn Rotator>, String> {
        super::rotators::find(&self.site, name).ok_or_else(|| format!("unknown rotator \"{name}\""))
    }
}

/// A schema of ours.
fn schema(text: &str) -> SchemaRef {
    let parsed = Json::parse(text, 64).and_then(|json| Schema::from_json(&json));
    debug_assert!(parsed.is_ok(), "a provider's schema cannot be read: {parsed:?}");
    parsed.unwrap_or_else(|_| pileus_esc::schema::always())
}

/// The text of a property.
fn text<'a>(properties: &'a Properties, name: &str) -> Option<&'a str> {
    match &properties.get(name)?.repr {
        Repr::String(text) => Some(text),
        _ => None,
    }
}

/// The texts of a property that is a list.
fn texts(properties: &Properties, name: &str) -> Vec<String> {
    let Some(Repr::Array(items)) = properties.get(name).map(|value| &value.repr) else { return Vec::new() };
    let text = |value: &Arc<Value>| match &value.repr {
        Repr::String(text) => Some(text.to_string()),
        _ => None,
    };
    items.iter().filter_map(text).collect()
}

impl Site {
    /// Waits for an answer from elsewhere.
    pub fn wait<T>(&self, answer: impl Future<Output = T>) -> T {
        self.handle.block_on(answer)
    }
    /// The environment whose definition has the call, and the one that was opened, as `project/name`.
    fn environments(&self, context: &ExecContext) -> [String; 2] {
        [context.current_environment(), context.root_environment()].map(|name| {
            let parsed = super::Reference::parse(name);
            parsed.map_or_else(|_| name.to_owned(), |reference| reference.environment())
        })
    }
}
