//! What `fn::open` finds: the providers.
//!
//! A provider sees its inputs, who opens, and which environment declares the call. It never reads the server's own
//! environment or files, and asks nobody but by the guarded clients of the process. It says what others answered briefly,
//! and never with a secret in it.

mod aws_login;
mod aws_stores;
mod azure_login;
mod calls;
mod gcp_login;
mod oidc;
mod schemas;

pub use schemas::{Described, all as described, of as described_as};

use super::context::Who;
use calls::{Calls, Outcome, Question};
use pileus_clouds::aws::Aws;
use pileus_egress::{Egress, EgressConfig, EgressError, Request, Response};
use pileus_esc::{
    host::{ExecContext, Provider, Providers, Rotator},
    json::Json,
    schema::{Schema, SchemaRef},
    value::{Properties, Repr, Value},
};
use pileus_model::ids::EnvironmentId;
use std::{collections::HashMap, sync::Arc};

/// How clouds are reached. Only the operator can say otherwise than the clouds themselves; no environment can.
#[derive(Debug, Clone, Default)]
pub struct Reach {
    /// AWS; none where this process cannot ask it.
    pub aws: Option<Arc<Aws>>,
    /// Where Google's token service and its IAM are, if not where Google says.
    pub gcp: Option<Elsewhere>,
}

/// A place that the operator put instead of a cloud, with the client that may connect to it, wherever it is.
#[derive(Debug, Clone)]
pub struct Elsewhere {
    url: String,
    egress: Arc<Egress>,
}

impl Elsewhere {
    /// `url` has a scheme, a host and maybe a port, and no path.
    ///
    /// # Errors
    /// `Invalid` for anything else.
    pub fn new(url: &str, mut egress: EgressConfig) -> pileus_model::Result<Self> {
        let wrong =
            || pileus_model::Error::invalid(format!("{url:?} is not an address like \"http://127.0.0.1:5000\""));
        let parsed = url::Url::parse(url).map_err(|_| wrong())?;
        let (Some(host), Some(port), "/") = (parsed.host_str(), parsed.port_or_known_default(), parsed.path()) else {
            return Err(wrong());
        };
        egress.allow = egress.allow.with(format!("{host}:{port}").parse().map_err(|_| wrong())?);
        Ok(Self { url: url.trim_end_matches('/').to_owned(), egress: Arc::new(Egress::new(egress)) })
    }
}

/// Longest part of an answer that an error quotes, in characters.
const QUOTED: usize = 300;

/// What stands for a secret in what an error quotes.
const HIDDEN: &str = "[secret]";

/// What a provider does with a call.
type Open = fn(&Arc<Site>, &Call) -> Answer;

/// The providers that there are.
const KNOWN: &[(&str, Open)] = &[
    ("aws-login", aws_login::open),
    ("aws-parameter-store", aws_stores::parameters),
    ("aws-secrets", aws_stores::secrets),
    ("azure-login", azure_login::open),
    ("debug-oidc-claims", oidc::preview),
    ("gcp-login", gcp_login::open),
    ("oidc", oidc::open),
];

/// The providers of one evaluation.
pub(super) struct Shelf {
    site: Arc<Site>,
}

/// What a provider may use: one for each opening, however often its document is evaluated.
pub(super) struct Site {
    pub who: Who,
    /// The stored environments that take part, by `project/name`.
    ids: HashMap<String, EnvironmentId>,
    calls: Calls,
}

/// One call of a provider.
struct Call {
    inputs: Properties,
    place: Place,
}

/// Where a call stands.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// The environment whose definition has the call, as `project/name`.
    pub current: String,
    /// The environment that was opened.
    pub root: String,
    /// None where the definition is not stored.
    pub current_id: Option<EnvironmentId>,
    /// As above.
    pub root_id: Option<EnvironmentId>,
}

/// What comes of a call: at once, or after asking somebody.
enum Answer {
    Now(Outcome),
    Later(Question),
}

impl Answer {
    fn error(why: impl Into<String>) -> Self {
        Self::Now(Err(why.into()))
    }
    fn later(question: impl Future<Output = Outcome> + Send + 'static) -> Self {
        Self::Later(Box::pin(question))
    }
}

impl Shelf {
    /// For one evaluation of this opening.
    pub fn new(site: Arc<Site>) -> Self {
        Self { site }
    }
}

impl Providers for Shelf {
    fn provider(&self, name: &str) -> Result<Arc<dyn Provider>, String> {
        let known = KNOWN.iter().find(|(known, _)| *known == name);
        let (name, open) = known.ok_or_else(|| format!("unknown provider \"{name}\""))?;
        Ok(Arc::new(Known { name, open: *open, site: Arc::clone(&self.site) }))
    }
    fn rotator(&self, name: &str) -> Result<Arc<dyn Rotator>, String> {
        super::rotators::find(&self.site, name).ok_or_else(|| format!("unknown rotator \"{name}\""))
    }
}

/// A provider as the language sees it.
struct Known {
    name: &'static str,
    open: Open,
    site: Arc<Site>,
}

impl Provider for Known {
    fn schema(&self) -> (SchemaRef, SchemaRef) {
        schemas::evaluated(self.name)
    }

    fn open(&self, inputs: &Properties, context: &ExecContext) -> Outcome {
        let place = self.site.place(context);
        let shown = Json::Object(inputs.iter().map(|(k, v)| (k.to_string(), v.to_json(false))).collect()).to_text();
        let name = format!("{}\0{}\0{}\0{shown}", self.name, place.current, place.root);
        let call = Call { inputs: inputs.clone(), place };
        match (self.open)(&self.site, &call) {
            Answer::Now(outcome) => outcome,
            Answer::Later(question) => self.site.later(&name, || question),
        }
    }
}

impl Site {
    /// For an opening that begins now.
    pub fn new(who: Who, ids: HashMap<String, EnvironmentId>) -> Arc<Self> {
        Arc::new(Self { who, ids, calls: Calls::new() })
    }
    /// The answer to a question that has to wait, or an error as long as there is none: then the document will be evaluated
    /// once more. The same name is the same question.
    pub fn later(&self, name: &str, ask: impl FnOnce() -> Question) -> Outcome {
        self.calls.answer(name, ask)
    }
    /// Whether an evaluation left questions, and so does not count.
    pub fn waits(&self) -> bool {
        self.calls.waiting()
    }
    /// Puts the questions that were left.
    pub async fn ask(&self) {
        self.calls.put().await;
    }

    fn place(&self, context: &ExecContext) -> Place {
        let [current, root] = [context.current_environment(), context.root_environment()].map(|name| {
            let parsed = super::Reference::parse(name);
            parsed.map_or_else(|_| name.to_owned(), |reference| reference.environment())
        });
        let id = |name: &String| self.ids.get(name).copied();
        Place { current_id: id(&current), root_id: id(&root), current, root }
    }

    /// Asks Google for what is at this path of one of its services.
    async fn ask_google(&self, service: &str, request: impl FnOnce(&str) -> Request) -> Result<Response, EgressError> {
        match &self.who.app.reach.gcp {
            Some(elsewhere) => elsewhere.egress.request(request(&elsewhere.url)).await,
            None => self.who.app.egress.request(request(service)).await,
        }
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

/// A property that is handed on: what it is, and whether it is secret.
fn given(properties: &Properties, name: &str) -> Option<Value> {
    let value = properties.get(name)?;
    let handed_on = Value::new(value.repr.clone());
    Some(if value.secret { handed_on.into_secret() } else { handed_on })
}

/// The text of a property, if it is not empty.
fn filled<'a>(properties: &'a Properties, name: &str) -> Option<&'a str> {
    text(properties, name).filter(|text| !text.is_empty())
}

/// The fields of a property that is an object.
fn part<'a>(properties: &'a Properties, name: &str) -> Option<&'a Properties> {
    properties.get(name)?.properties()
}

/// Whether a property is true.
fn is_true(properties: &Properties, name: &str) -> bool {
    properties.get(name).is_some_and(|value| value.repr == Repr::Bool(true))
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

/// The seconds of a duration.
fn seconds(properties: &Properties, name: &str, otherwise: i64) -> Result<i64, String> {
    filled(properties, name).map_or(Ok(otherwise), |duration| {
        super::context::parse_duration(duration).map_err(|error| format!("{name}: {}", error.message()))
    })
}

/// What somebody else said, for a diagnostic: short, in one line, and with none of these secrets in it, cut off or not.
fn quoted(said: &str, secrets: &[&str]) -> String {
    let mut said = said.to_owned();
    for secret in secrets {
        let begin: String = secret.chars().take(12).collect();
        let mut from = 0;
        // What was put in its place is not looked at again: it may hold what is looked for.
        while let Some(at) = said[from..].find(&begin).map(|at| from + at).filter(|_| begin.len() > 3) {
            let length = said[at..].find(char::is_whitespace).unwrap_or(said.len() - at);
            said.replace_range(at..at + length, HIDDEN);
            from = at + HIDDEN.len();
        }
    }
    let mut short: String = said.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(QUOTED).collect();
    if said.chars().nth(QUOTED).is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_say_is_short_and_holds_no_secret() {
        assert_eq!(quoted("no\n  way for tok-123 and  tok-123", &["tok-123", ""]), "no way for [secret] and [secret]");
        assert_eq!(quoted("cut off: 0123456789abcde", &["0123456789abcdefghij"]), "cut off: [secret]");
        // Secrets that are part of what stands for them.
        for secret in ["ecret", "[secret]", "secr"] {
            assert_eq!(quoted("your secret [secret] key", &[secret]).matches("key").count(), 1, "{secret}");
        }
        assert_eq!(quoted(&"é".repeat(5000), &[]).chars().count(), QUOTED + 1);
    }

    #[test]
    fn every_provider_is_described() {
        let names: Vec<&str> = described().map(|d| d.name).collect();
        assert_eq!(names, KNOWN.iter().map(|(name, _)| *name).collect::<Vec<_>>());
        for name in names {
            let _ = schemas::evaluated(name);
        }
    }
}
