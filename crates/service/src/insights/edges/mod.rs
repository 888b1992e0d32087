//! Which texts in a resource's properties mention another resource.
//!
//! This room knows what an ARN and an identifier look like, and which properties hold references. It must never know which resources there
//! are: that is looked up where the mentions are kept.

use pileus_clouds::Value;
use std::fmt::Write as _;

/// Most mentions of one version that are kept.
const MAX_MENTIONS: usize = 200;
/// Longest text that may be a mention, in bytes.
const MAX_LENGTH: usize = 1024;
/// Deepest nesting that is looked into.
const MAX_DEPTH: usize = 20;
/// Properties that are for people: what stands there mentions nothing.
const FOR_PEOPLE: [&str; 4] = ["tags", "tagset", "description", "tagsall"];
/// Ends of the names of properties that hold another resource's id.
const REFERENCES: [&str; 24] = [
    "arn",
    "arns",
    "ids",
    "id",
    "bucket",
    "bucketname",
    "role",
    "rolename",
    "roles",
    "queueurl",
    "tablename",
    "functionname",
    "clustername",
    "cluster",
    "loggroupname",
    "topicname",
    "streamname",
    "keyname",
    "username",
    "groupname",
    "instanceprofile",
    "subnetgroupname",
    "certificate",
    "securitygroups",
];

/// How the words in [`REFERENCES`] end. Most names end otherwise.
const ENDS: [&[u8; 2]; 12] = [b"rn", b"ns", b"ds", b"id", b"et", b"me", b"le", b"es", b"rl", b"er", b"te", b"ps"];

/// The mentions in some properties: paths (JSON pointers) and what stands there. `own` are the resource's own names, which mention
/// nothing else.
pub(crate) fn mentions(properties: &Value, own: &[Option<&str>]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut walk = Walk { own, path: String::new(), found: &mut found };
    walk.value(properties, "", 0);
    found
}

struct Walk<'a> {
    own: &'a [Option<&'a str>],
    path: String,
    found: &'a mut Vec<(String, String)>,
}

impl Walk<'_> {
    fn value(&mut self, value: &Value, name: &str, depth: usize) {
        if depth > MAX_DEPTH || self.found.len() >= MAX_MENTIONS {
            return;
        }
        let length = self.path.len();
        match value {
            Value::String(text) => self.text(text, name),
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    // Writing into a text cannot fail.
                    let _ = write!(self.path, "/{index}");
                    self.value(item, name, depth + 1);
                    self.path.truncate(length);
                }
            }
            Value::Object(map) => {
                for (key, item) in map.iter().filter(|(key, _)| !is_for_people(key)) {
                    self.path.push('/');
                    if key.bytes().any(|b| matches!(b, b'~' | b'/')) {
                        self.path.push_str(&key.replace('~', "~0").replace('/', "~1"));
                    } else {
                        self.path.push_str(key);
                    }
                    self.value(item, key, depth + 1);
                    self.path.truncate(length);
                }
            }
            _ => {}
        }
    }
    fn text(&mut self, text: &str, name: &str) {
        let may = (3..=MAX_LENGTH).contains(&text.len());
        // What rules out most texts comes first.
        if may
            && (is_arn(text) || is_identifier(text) || is_reference(name, text))
            && !text.bytes().any(|b| matches!(b, b'\0' | b'\n'))
            && !self.own.contains(&Some(text))
        {
            self.found.push((self.path.clone(), text.to_owned()));
        }
    }
}

fn is_for_people(key: &str) -> bool {
    FOR_PEOPLE.iter().any(|word| key.eq_ignore_ascii_case(word))
}

/// `arn:partition:service:region:account:resource`, without wildcards.
fn is_arn(text: &str) -> bool {
    text.starts_with("arn:") && text.bytes().filter(|b| *b == b':').count() >= 5 && !text.contains(['*', ' ', '?'])
}

/// What EC2 and others name things by: a short word and at least eight hexadecimal digits, `vpc-0a1b2c3d`.
fn is_identifier(text: &str) -> bool {
    let Some((word, digits)) = text.rsplit_once('-') else { return false };
    (8..=40).contains(&digits.len())
        && digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        && (1..=24).contains(&word.len())
        && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-' || b.is_ascii_digit())
        && word.bytes().next().is_some_and(|b| b.is_ascii_lowercase())
}

/// A property that holds another resource's id, and a text that may be one: no account number, no free text.
fn is_reference(name: &str, text: &str) -> bool {
    let Some(end) = name.as_bytes().last_chunk::<2>() else { return false };
    if !ENDS.iter().any(|known| known.eq_ignore_ascii_case(end)) {
        return false;
    }
    let ends = |word: &str| {
        let Some(start) = name.len().checked_sub(word.len()) else { return false };
        name.get(start..).is_some_and(|end| end.eq_ignore_ascii_case(word))
            // `id` ends `grid` too: the word must begin there.
            && (start == 0 || name.as_bytes()[start].is_ascii_uppercase() || matches!(name.as_bytes()[start - 1], b'_' | b'-'))
    };
    REFERENCES.iter().any(|word| ends(word))
        && text.contains(|c: char| c.is_ascii_alphabetic())
        && !text.contains([' ', '*'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn found(value: &serde_json::Value) -> Vec<(String, String)> {
        let mut found = mentions(&value.clone().into(), &[Some("vpc-00000001"), None]);
        found.sort();
        found
    }

    #[test]
    fn mentions_have_paths() {
        let value = json!({
            "vpcId": "vpc-00000001",
            "SubnetId": "subnet-0123456789abcdef0",
            "SecurityGroups": [{"GroupId": "sg-0a1b2c3d"}, {"GroupId": "sg-0a1b2c3e"}],
            "role": "arn:aws:iam::123456789012:role/app",
            "a/b~c": {"bucketName": "logs"},
            "tags": {"role": "arn:aws:iam::123456789012:role/other"},
            "description": "uses arn:aws:iam::123456789012:role/app",
            "policy": "arn:aws:s3:::bucket/*",
            "ownerId": "123456789012", "grid": "north", "state": "available", "count": 3, "ok": true,
        });
        let expected = [
            ("/SecurityGroups/0/GroupId", "sg-0a1b2c3d"),
            ("/SecurityGroups/1/GroupId", "sg-0a1b2c3e"),
            ("/SubnetId", "subnet-0123456789abcdef0"),
            ("/a~1b~0c/bucketName", "logs"),
            ("/role", "arn:aws:iam::123456789012:role/app"),
        ];
        assert_eq!(found(&value), expected.map(|(path, text)| (path.to_owned(), text.to_owned())));
    }

    #[test]
    fn the_shortcut_leaves_out_nothing() {
        for word in REFERENCES {
            assert!(is_reference(word, "abc") && is_reference(&format!("x_{}", word.to_uppercase()), "abc"), "{word}");
        }
    }

    #[test]
    fn mentions_are_bounded() {
        let many: Vec<String> = (0..1000).map(|n| format!("sg-{n:08x}")).collect();
        assert_eq!(found(&json!(many)).len(), MAX_MENTIONS);
        let mut deep = json!({"roleArn": "arn:aws:iam::1:role/a"});
        for _ in 0..100 {
            deep = json!([deep]);
        }
        assert!(found(&deep).is_empty());
    }
}
