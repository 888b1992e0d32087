//! Answers: a body as JSON, or a refusal with its code.
//!
//! This room knows how each protocol writes an answer. It must never know what is asked next.

use super::xml;
use crate::aws::data::{Call, Protocol, Service};
use serde_json::{Map, Value};

/// Longest message that is handed on, in characters.
const MESSAGE: usize = 500;

/// An error as the service wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) message: String,
}

/// A successful answer as JSON.
///
/// # Errors
/// What is wrong with the body.
pub(crate) fn read(service: &Service, call: &Call, body: &[u8]) -> Result<Value, String> {
    match service.protocol {
        Protocol::Json10 | Protocol::Json11 | Protocol::RestJson => {
            if body.iter().all(u8::is_ascii_whitespace) {
                return Ok(Value::Object(Map::new()));
            }
            serde_json::from_slice(body).map_err(|e| e.to_string())
        }
        Protocol::Query | Protocol::Ec2 | Protocol::RestXml => {
            if let Some(member) = service.shapes.raw(&call.op) {
                let text = String::from_utf8(body.to_vec()).map_err(|e| e.to_string())?;
                return Ok(Value::Object(Map::from_iter([(member.to_owned(), Value::String(text))])));
            }
            if body.iter().all(u8::is_ascii_whitespace) {
                return Err("the answer is empty".into());
            }
            let root = xml::parse(body)?;
            if root.name == "Error" {
                return Err("an error with the status of a success".into());
            }
            service.shapes.decode(&call.op, &root)
        }
    }
}

/// What a service says in an answer that is no success. `kind` is the header `x-amzn-errortype`.
pub(crate) fn refusal(status: u16, kind: Option<&str>, body: &[u8]) -> Refusal {
    let (code, message) = if body.first() == Some(&b'{') { in_json(body) } else { in_xml(body) };
    let code = kind.map(str::to_owned).or(code).map(|code| plain(&code)).filter(|code| !code.is_empty());
    let code = code.unwrap_or_else(|| status.to_string());
    let message = message.filter(|m| !m.is_empty()).unwrap_or_else(|| format!("it answered {status}"));
    Refusal { status, code, message: shortened(&message) }
}

/// `aws.protocoltests#FooError:http://…` → `FooError`.
fn plain(code: &str) -> String {
    let code = code.split(':').next().unwrap_or_default();
    code.rsplit('#').next().unwrap_or_default().trim().to_owned()
}

fn shortened(message: &str) -> String {
    let message = message.split("Encoded authorization failure message").next().unwrap_or(message).trim();
    let mut short: String = message.chars().filter(|c| !c.is_control()).take(MESSAGE).collect();
    if message.chars().nth(MESSAGE).is_some() {
        short.push('…');
    }
    short
}

fn in_json(body: &[u8]) -> (Option<String>, Option<String>) {
    let Ok(value) = serde_json::from_slice::<Value>(body) else { return (None, None) };
    let text = |names: &[&str]| names.iter().find_map(|n| value.get(n)?.as_str()).map(str::to_owned);
    let code = text(&["__type", "code", "Code", "__Type"]);
    (code, text(&["message", "Message", "errorMessage"]))
}

fn in_xml(body: &[u8]) -> (Option<String>, Option<String>) {
    let Ok(root) = xml::parse(body) else { return (None, None) };
    let error = root.find("Error").unwrap_or(&root);
    let text = |name: &str| error.child(name).map(|c| c.text.trim().to_owned());
    (text("Code"), text("Message").or_else(|| text("message")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_read_in_every_protocol() {
        for (kind, body, code, message) in [
            (
                None,
                "<ErrorResponse xmlns=\"u\"><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>",
                "AccessDenied",
                "no",
            ),
            (
                None,
                "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>You are not. Encoded authorization failure message: abc</Message></Error></Errors></Response>",
                "UnauthorizedOperation",
                "You are not.",
            ),
            (None, "<Error><Code>NoSuchBucket</Code><Message>gone</Message></Error>", "NoSuchBucket", "gone"),
            (None, "{\"__type\":\"com.amazonaws.x#FooException\",\"message\":\"m\"}", "FooException", "m"),
            (Some("BarException:http://internal/"), "{\"Message\":\"m\"}", "BarException", "m"),
            (None, "{\"code\":\"Quux\"}", "Quux", "it answered 400"),
            (None, "<html>bad gateway", "400", "it answered 400"),
            (None, "", "400", "it answered 400"),
        ] {
            let refusal = refusal(400, kind, body.as_bytes());
            assert_eq!((refusal.code.as_str(), refusal.message.as_str()), (code, message), "{body}");
        }
    }

    #[test]
    fn long_messages_are_cut() {
        let body = format!("{{\"message\":\"{}\"}}", "é".repeat(2000));
        assert_eq!(refusal(400, None, body.as_bytes()).message.chars().count(), MESSAGE + 1);
    }
}
