//! Answers: a body as JSON, or a refusal with its code.
//!
//! This room knows how each protocol writes an answer. It must never know what is asked next.

use super::xml;
use crate::{
    aws::data::{Call, Protocol, Service},
    value::{Key, Map, Value},
};

/// Longest message that is handed on, in characters.
const MESSAGE: usize = 500;

/// An error as the service wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) message: String,
}

/// A successful answer as JSON. What no service says is refused rather than read as an empty list, since absence is proved by lists:
/// only 204 may have an empty body, JSON is an object, and a page for people is none of them.
///
/// # Errors
/// What is wrong with the body.
pub(crate) fn read(service: &Service, call: &Call, status: u16, body: &[u8]) -> Result<Value, String> {
    match service.protocol {
        Protocol::Json10 | Protocol::Json11 | Protocol::RestJson => {
            if status == 204 {
                return Ok(Value::Object(Map::new()));
            }
            let value: Value = serde_json::from_slice(body).map_err(|e| e.to_string())?;
            if value.is_object() { Ok(value) } else { Err("the answer is no object".into()) }
        }
        Protocol::Query | Protocol::Ec2 | Protocol::RestXml => {
            if let Some(member) = service.shapes.raw(&call.op) {
                let text = String::from_utf8(body.to_vec()).map_err(|e| e.to_string())?;
                // A policy: the only answers that are no XML.
                let _: Map = serde_json::from_str(&text).map_err(|e| format!("it is no policy: {e}"))?;
                return Ok(Value::Object(Map::from_iter([(Key::from(member), Value::String(text))])));
            }
            if body.iter().all(u8::is_ascii_whitespace) {
                return Err("the answer is empty".into());
            }
            let mut pull = xml::Pull::new(body)?;
            let root = pull.root()?;
            if root.name == "Error" {
                return Err("an error with the status of a success".into());
            }
            if root.name.eq_ignore_ascii_case("html") {
                return Err("a page for people".into());
            }
            service.shapes.decode(&call.op, root, pull)
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
    let Ok(root) = xml::Element::parse(body) else { return (None, None) };
    let error = root.find("Error").unwrap_or(&root);
    let text = |name: &str| error.child(name).map(|c| c.text.trim().to_owned());
    (text("Code"), text("Message").or_else(|| text("message")))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
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
    fn what_no_service_says_is_no_empty_list() {
        use crate::aws::data::catalogue;
        let service = |name: &str| catalogue().unwrap().iter().find(|f| f.service.name == name).unwrap();
        for (name, status, body, good) in [
            ("sqs", 200, "", false),
            ("sqs", 200, " ", false),
            ("sqs", 200, "null", false),
            ("sqs", 200, "[]", false),
            ("sqs", 200, "<html></html>", false),
            ("sqs", 200, "{}", true),
            ("lambda", 200, "", false),
            ("lambda", 204, "", true),
            ("ec2", 200, "<html><body/></html>", false),
            ("iam", 200, "<HTML><BODY/></HTML>", false),
            ("iam", 200, "<Other/>", false),
            ("iam", 200, "<ListUsersResponse><ListUsersResult/></ListUsersResponse>", true),
            ("s3", 200, "<html/>", false),
        ] {
            let file = service(name);
            let read = read(&file.service, &file.types[0].list, status, body.as_bytes());
            assert_eq!(read.is_ok(), good, "{name} {status} {body}: {read:?}");
        }
        let s3 = service("s3");
        let policy = s3.types[0].read.iter().find(|call| call.op == "GetBucketPolicy").unwrap();
        for (body, good) in [("{\"Statement\":[]}", true), ("{\"State", false), ("<html/>", false), ("", false)] {
            assert_eq!(read(&s3.service, policy, 200, body.as_bytes()).is_ok(), good, "{body}");
        }
    }

    #[test]
    fn long_messages_are_cut() {
        let body = format!("{{\"message\":\"{}\"}}", "é".repeat(2000));
        assert_eq!(refusal(400, None, body.as_bytes()).message.chars().count(), MESSAGE + 1);
    }
}
