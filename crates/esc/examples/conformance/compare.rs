//! Where two results differ.

use pileus_esc::diag::Diagnostic;
use pileus_esc::json::Json;

/// Leaves out what is empty: files of different age write it or not.
pub fn tidy(json: &Json) -> Json {
    match json {
        Json::Array(items) => Json::Array(items.iter().map(tidy).collect()),
        Json::Object(fields) => {
            let kept = fields.iter().map(|(k, v)| (k.clone(), tidy(v))).filter(|(_, v)| !is_empty(v));
            Json::Object(kept.collect())
        }
        other => other.clone(),
    }
}

/// Whether there is nothing in it.
pub fn is_empty(json: &Json) -> bool {
    match json {
        Json::Null => true,
        Json::String(text) => text.is_empty(),
        Json::Array(items) => items.is_empty(),
        Json::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

/// Compares two values; what differs is described.
pub fn values(what: &str, theirs: &Json, ours: &Json) -> Vec<String> {
    let mut differences = Vec::new();
    difference(theirs, ours, &mut Vec::new(), &mut |at, theirs, ours| {
        let text = |json: Option<&Json>| json.map_or("nothing".to_owned(), Json::to_text);
        differences.push(format!("{what} {}: expected {}, got {}", at.join("/"), text(theirs), text(ours)));
    });
    differences
}

/// Compares diagnostics as multisets of severity, range, path and summary.
pub fn diagnostics(key: &str, expected: &Json, ours: &[Diagnostic]) -> Vec<String> {
    let theirs = expected.get(key).and_then(Json::as_array).unwrap_or_default();
    let mut theirs: Vec<String> = theirs.iter().map(diagnostic_of).collect();
    let mut ours: Vec<String> = ours.iter().map(text_of).collect();
    // Each of theirs takes one of ours away.
    theirs.retain(|text| match ours.iter().position(|mine| mine == text) {
        Some(at) => {
            ours.swap_remove(at);
            false
        }
        None => true,
    });
    let lacks = theirs.iter().map(|text| format!("{key} lacks {text}"));
    lacks.chain(ours.iter().map(|text| format!("{key} has   {text}"))).collect()
}

/// Takes a place and what the two sides have there.
type Visit<'v> = dyn FnMut(&[String], Option<&Json>, Option<&Json>) + 'v;

/// Visits the leaves that differ.
fn difference(theirs: &Json, ours: &Json, at: &mut Vec<String>, visit: &mut Visit<'_>) {
    match (theirs, ours) {
        (Json::Object(a), Json::Object(b)) => {
            let keys: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for key in keys {
                at.push(key.clone());
                match (a.get(key), b.get(key)) {
                    (Some(a), Some(b)) => difference(a, b, at, visit),
                    (a, b) => visit(at, a, b),
                }
                at.pop();
            }
        }
        (Json::Array(a), Json::Array(b)) if a.len() == b.len() => {
            for (i, (a, b)) in a.iter().zip(b).enumerate() {
                at.push(i.to_string());
                difference(a, b, at, visit);
                at.pop();
            }
        }
        (a, b) if a != b => visit(at, Some(a), Some(b)),
        _ => {}
    }
}

fn text_of(diagnostic: &Diagnostic) -> String {
    let place = diagnostic.range.as_ref().map_or("nowhere".to_owned(), |range| {
        let (b, e) = (range.begin, range.end);
        format!("{} {}:{}:{}-{}:{}:{}", range.environment, b.line, b.column, b.byte, e.line, e.column, e.byte)
    });
    let severity = if diagnostic.is_error() { 1 } else { 2 };
    format!("{severity} {place} [{}] {}", diagnostic.path, diagnostic.summary)
}

fn diagnostic_of(json: &Json) -> String {
    let text = |json: &Json, key: &str| match json.get(key) {
        Some(Json::String(text) | Json::Number(text)) => text.clone(),
        _ => String::new(),
    };
    let place = match json.get("Subject") {
        Some(subject @ Json::Object(_)) => {
            let pos = |key: &str| {
                let pos = subject.get(key).unwrap_or(&Json::Null);
                format!("{}:{}:{}", text(pos, "Line"), text(pos, "Column"), text(pos, "Byte"))
            };
            format!("{} {}-{}", text(subject, "Filename"), pos("Start"), pos("End"))
        }
        _ => "nowhere".to_owned(),
    };
    format!("{} {place} [{}] {}", text(json, "Severity"), text(json, "Path"), text(json, "Summary"))
}
