//! Questions: an operation and its parameters as method, path, headers and body.
//!
//! This room knows how each protocol writes a question. It must never know hosts or signatures.

use crate::aws::{
    COMPONENT,
    data::{Call, Protocol, Scope, Service, Template},
};
use percent_encoding::utf8_percent_encode;
use pileus_egress::{Bytes, HeaderName, HeaderValue, Method};
use serde_json::{Map, Value};

/// A question before it is written: parameters are filled in, continuations are added.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ask {
    path: String,
    fixed_query: String,
    params: Map<String, Value>,
    query: Map<String, Value>,
}

/// A question as it is sent, but for the host and the headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wire {
    pub(crate) method: Method,
    /// Path and query, percent-encoded.
    pub(crate) path: String,
    pub(crate) body: Bytes,
}

/// The headers that a call is sent with, besides those of every request: its own and its protocol's.
///
/// # Errors
/// Names the one that cannot be a header.
pub(crate) fn headers(service: &Service, call: &Call) -> Result<Vec<(HeaderName, HeaderValue)>, String> {
    let target = || format!("{}.{}", service.target.as_deref().unwrap_or_default(), call.op);
    let (kind, target) = match service.protocol {
        Protocol::Query | Protocol::Ec2 => (Some("application/x-www-form-urlencoded; charset=utf-8"), None),
        Protocol::Json10 => (Some("application/x-amz-json-1.0"), Some(target())),
        Protocol::Json11 => (Some("application/x-amz-json-1.1"), Some(target())),
        Protocol::RestJson | Protocol::RestXml => ((!asks_by_query(&method(call))).then_some("application/json"), None),
    };
    let own = call.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let protocols = [("content-type", kind), ("x-amz-target", target.as_deref())];
    let all = own.chain(protocols.into_iter().filter_map(|(name, value)| Some((name, value?))));
    all.map(|(name, value)| {
        let written = name.parse().ok().zip(value.parse().ok());
        written.ok_or_else(|| format!("{}: \"{name}: {value}\" is no header", call.op))
    })
    .collect()
}

impl Ask {
    /// The first question of a call.
    ///
    /// # Errors
    /// Names the template that stays empty.
    pub(crate) fn new(call: &Call, scope: &Scope<'_>) -> Result<Self, String> {
        let mut ask = Self { path: "/".into(), ..Self::default() };
        if let Some(uri) = &call.uri {
            let uri = uri.fill_uri(scope)?;
            let (path, query) = uri.split_once('?').unwrap_or((&uri, ""));
            (ask.path, ask.fixed_query) = (path.to_owned(), query.to_owned());
        }
        for (name, value) in &call.params {
            ask.params.insert(name.clone(), filled(value, scope)?);
        }
        Ok(ask)
    }

    /// Adds parameters: those of a batch, or a continuation.
    pub(crate) fn set(&mut self, name: &str, value: Value) {
        self.params.insert(name.to_owned(), value);
    }

    /// Adds a continuation to the query string, wherever the other parameters go.
    pub(crate) fn set_query(&mut self, name: &str, value: Value) {
        self.query.insert(name.to_owned(), value);
    }

    /// Takes a parameter away.
    pub(crate) fn unset(&mut self, name: &str) {
        self.params.remove(name);
        self.query.remove(name);
    }

    /// As it is sent.
    pub(crate) fn write(&self, service: &Service, call: &Call) -> Wire {
        let version = service.version.as_deref().unwrap_or_default();
        let (method, path, body) = match service.protocol {
            Protocol::Query | Protocol::Ec2 => {
                let mut form = format!("Action={}&Version={version}", call.op);
                add(&mut form, &self.params);
                // A form writes a space as a plus; services take both, but who recomputes the body for a signature takes this one.
                let form = if form.contains("%20") { form.replace("%20", "+") } else { form };
                (Method::POST, self.path.clone(), form.into_bytes())
            }
            Protocol::Json10 | Protocol::Json11 => (Method::POST, self.path.clone(), self.json()),
            Protocol::RestJson | Protocol::RestXml => {
                let method = method(call);
                let mut query = self.fixed_query.clone();
                add(&mut query, &self.query);
                let mut body = Vec::new();
                if asks_by_query(&method) {
                    add(&mut query, &self.params);
                } else {
                    body = self.json();
                }
                let path = if query.is_empty() { self.path.clone() } else { format!("{}?{query}", self.path) };
                (method, path, body)
            }
        };
        Wire { method, path, body: body.into() }
    }

    /// The parameters as JSON: what is made of names and values alone can always be written.
    fn json(&self) -> Vec<u8> {
        serde_json::to_vec(&self.params).unwrap_or_default()
    }
}

/// How a call of a REST protocol asks.
fn method(call: &Call) -> Method {
    match call.method.as_deref() {
        Some("POST") => Method::POST,
        Some("PUT") => Method::PUT,
        Some("HEAD") => Method::HEAD,
        _ => Method::GET,
    }
}

/// Whether its parameters are in the query string, and there is no body.
fn asks_by_query(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// `a=b&c=d`, in the order of the names.
fn add(out: &mut String, params: &Map<String, Value>) {
    for (name, value) in params {
        let values = match value {
            Value::Array(list) => list.as_slice(),
            one => std::slice::from_ref(one),
        };
        for value in values {
            if !out.is_empty() {
                out.push('&');
            }
            out.extend(utf8_percent_encode(name, COMPONENT));
            out.push('=');
            match value {
                Value::String(text) => out.extend(utf8_percent_encode(text, COMPONENT)),
                other => out.extend(utf8_percent_encode(&other.to_string(), COMPONENT)),
            }
        }
    }
}

/// A parameter with its templates filled in, however deep.
fn filled(value: &Value, scope: &Scope<'_>) -> Result<Value, String> {
    Ok(match value {
        Value::String(text) if text.contains('{') => Value::String(Template::parse(text)?.fill(scope)?),
        Value::Array(list) => Value::Array(list.iter().map(|v| filled(v, scope)).collect::<Result<_, _>>()?),
        Value::Object(map) => {
            let entries = map.iter().map(|(k, v)| Ok((k.clone(), filled(v, scope)?)));
            Value::Object(entries.collect::<Result<_, String>>()?)
        }
        other => other.clone(),
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::aws::data::{Where, catalogue::read};
    use serde_json::json;

    fn written(service: &str, list: &str) -> (Wire, Vec<(HeaderName, HeaderValue)>) {
        let text = format!(
            "[service]\nname=\"x\"\nendpoint=\"x\"\n{service}\n[[type]]\ntoken=\"t\"\nid=\"{{a}}\"\n[type.list]\nop=\"ListX\"\naction=\"x:y\"\nitems=\"X[]\"\n{list}"
        );
        let file = read("x", &text).unwrap();
        let (item, place) =
            (crate::Value::from(json!({"a": "b c", "n": 7})), Where { region: "r-1".into(), ..Where::default() });
        let scope = Scope { item: &item, parent: None, place: &place };
        let mut ask = Ask::new(&file.types[0].list, &scope).unwrap();
        ask.set("T", json!("t/1"));
        let list = &file.types[0].list;
        (ask.write(&file.service, list), list.sent.clone())
    }

    fn header<'h>(headers: &'h [(HeaderName, HeaderValue)], name: &str) -> Option<&'h str> {
        headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.to_str().unwrap())
    }

    #[test]
    fn query_and_ec2() {
        for protocol in ["query", "ec2"] {
            let service = format!("protocol=\"{protocol}\"\nversion=\"2010-05-08\"");
            let (wire, headers) = written(&service, "params={\"Owner.1\"=\"{a}\", Max=5}");
            assert_eq!((wire.method, wire.path.as_str()), (Method::POST, "/"));
            let body = String::from_utf8(wire.body.to_vec()).unwrap();
            assert_eq!(body, "Action=ListX&Version=2010-05-08&Max=5&Owner.1=b+c&T=t%2F1");
            assert_eq!(header(&headers, "content-type"), Some("application/x-www-form-urlencoded; charset=utf-8"));
        }
    }

    #[test]
    fn json() {
        for (protocol, kind) in [("json-1.0", "application/x-amz-json-1.0"), ("json-1.1", "application/x-amz-json-1.1")]
        {
            let service = format!("protocol=\"{protocol}\"\ntarget=\"Svc_1\"");
            let (wire, headers) = written(&service, "params={names=[\"{a}\"], deep={x=\"{region}\"}, limit=3}");
            assert_eq!(header(&headers, "x-amz-target"), Some("Svc_1.ListX"));
            assert_eq!(header(&headers, "content-type"), Some(kind));
            let body: Value = serde_json::from_slice(&wire.body).unwrap();
            assert_eq!(body, json!({"names": ["b c"], "deep": {"x": "r-1"}, "limit": 3, "T": "t/1"}));
        }
    }

    #[test]
    fn rest() {
        let (wire, headers) = written("protocol=\"rest-xml\"", "uri=\"/2020/{a}?tagging\"\nparams={max=\"9\"}");
        assert_eq!((wire.method, wire.path.as_str()), (Method::GET, "/2020/b%20c?tagging&T=t%2F1&max=9"));
        assert!(wire.body.is_empty() && headers.is_empty());
        let (wire, headers) = written("protocol=\"rest-json\"", "method=\"POST\"\nuri=\"/list\"\nparams={max=9}");
        assert_eq!((wire.method, wire.path.as_str()), (Method::POST, "/list"));
        assert_eq!(serde_json::from_slice::<Value>(&wire.body).unwrap(), json!({"max": 9, "T": "t/1"}));
        assert_eq!(header(&headers, "content-type"), Some("application/json"));
    }
}
