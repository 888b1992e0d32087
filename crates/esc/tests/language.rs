//! What the language promises beyond upstream's cases: results that a server hands out, and edits of texts.
#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "../examples/conformance/fakes.rs"]
mod fakes;
#[path = "../examples/conformance/schemas.rs"]
mod schemas;

use fakes::{Providers, Rot128, Siblings};
use pileus_esc::edit::{EditError, apply_patches, decrypt_secrets, encrypt_secrets, remove, set};
use pileus_esc::host::ExecContext;
use pileus_esc::{Evaluation, Limits, Options, World, json::Json, path, value::Value};
use std::collections::BTreeMap;

fn open(text: &str) -> Evaluation {
    run(text, None)
}

/// Opens a text, or rotates the named paths first.
fn run(text: &str, rotate: Option<&[&str]>) -> Evaluation {
    let context = ExecContext::new(BTreeMap::new()).unwrap();
    let loader = Siblings { folder: "nowhere".into(), ..Siblings::default() };
    let world = World { providers: &Providers, loader: &loader, context: &context };
    let options = Options::default();
    let document = pileus_esc::parse("p/e", text, &options.limits).environment.unwrap();
    match rotate {
        None => pileus_esc::open("p/e", &document, &Rot128, &world, &options),
        Some(paths) => {
            let paths = paths.iter().map(|path| path::parse(path).unwrap()).collect();
            pileus_esc::rotate("p/e", &document, &Rot128, &world, paths, &options)
        }
    }
}

fn edit(text: &str, path: &str, value: &str) -> Result<String, EditError> {
    set(text, &path::parse(path).unwrap(), &Json::parse(value, 9).unwrap(), &Limits::default())
}

#[test]
fn variables_and_files_are_scalars_as_strings() {
    let text = "values:\n  environmentVariables: {N: 1.50, B: true, Z: null, L: [1], S: {fn::secret: x}}\n  files: {F: body}\n  pulumiConfig: {a: {b: 1}}\n";
    let environment = open(text).environment.unwrap();
    let variables = environment.environment_variables();
    let text = |name: &str| variables[name].to_text(false);
    assert_eq!((text("N"), text("B"), text("Z"), text("S")), ("1.5".into(), "true".into(), String::new(), "x".into()));
    assert!(variables["S"].secret && !variables["N"].secret && !variables.contains_key("L"));
    assert_eq!(environment.files()["F"].to_text(false), "body");
    assert_eq!(environment.pulumi_config()["a"].to_json(true).to_text(), "{\"b\":1}");
}

#[test]
fn a_result_can_be_written_and_its_values_read_again() {
    let environment = open("values: {a: {b: [1e3, {fn::secret: x}]}}\n").environment.unwrap();
    let json = Json::parse(&environment.to_text(1 << 20).unwrap(), 99).unwrap();
    let value = Value::from_json(json.get("properties").unwrap().get("a").unwrap()).unwrap();
    assert_eq!(value.to_json(false).to_text(), "{\"b\":[1000,\"x\"]}");
    assert_eq!(format!("{value:?}"), "{\"b\":[1000,\"[secret]\"]}");
    assert!(environment.to_text(10).is_err());
}

#[test]
fn a_provider_needs_an_object() {
    let evaluation = open("values: {a: {fn::open::test: [1]}, b: {fn::open::test: }}\n");
    let summaries: Vec<&str> = evaluation.diagnostics.iter().map(|d| d.summary.as_str()).collect();
    assert_eq!(summaries, ["the inputs of a provider must be an object"; 2]);
}

#[test]
fn a_first_key_in_quotes_can_be_rotated() {
    let text = "values:\n  \"a-b\": {fn::rotate::swap: {inputs: {}, state: {a: {fn::secret: x}, b: y}}}\n  c: {fn::rotate::swap: {inputs: {}, state: {a: p, b: q}}}\n";
    let evaluation = run(text, Some(&["[\"a-b\"]"]));
    assert_eq!(evaluation.rotations.len(), 1);
    let patches: Vec<_> = evaluation.rotations.into_iter().filter_map(|rotation| rotation.patch).collect();
    let patched = apply_patches(text, &patches, &Limits::default()).unwrap();
    assert_eq!(patched, text.replace("{a: {fn::secret: x}, b: y}", "{a: \"y\", b: {'fn::secret': x}}"));
}

#[test]
fn setting_keeps_the_rest_as_it_is() {
    let text = "# head\nvalues:\n  a: 1 # one\n  m:\n    x: 'y'\n\n# tail\n";
    assert_eq!(edit(text, "values.a", "\"two\"").unwrap(), text.replace("a: 1 #", "a: two #"));
    assert_eq!(edit(text, "values.m.x", "[1]").unwrap(), text.replace("x: 'y'", "x:\n      - 1"));
    assert_eq!(edit(text, "values.m.z", "true").unwrap(), text.replace("'y'\n", "'y'\n    z: true\n"));
    assert_eq!(edit(text, "values.new.o", "1").unwrap(), text.replace("'y'\n", "'y'\n  new:\n    o: 1\n"));
    assert_eq!(edit("", "values.a", "\"1\"").unwrap(), "values:\n  a: \"1\"\n");
    assert_eq!(edit("values: {}\n", "values.a", "1").unwrap(), "values:\n  a: 1\n");
    assert!(matches!(edit(text, "values.a.b", "1"), Err(EditError::Path(_))));
    assert!(matches!(edit("a: [\n", "values.a", "1"), Err(EditError::Syntax(_))));
}

#[test]
fn removing_keeps_the_rest_as_it_is() {
    let text = "# head\nvalues:\n  a: 1 # one\n  # about m\n  m:\n    \"x y\": |\n      1\n      2\n    z: &q [1, 2, {k: v}] # z\n  l:\n    - p: 1\n      q: 2\n    -\n      r # r\n    - - s\n      - t\n  o: {u: 1}\n# tail\n";
    let gone = |path: &str, part: &str, with: &str| {
        let removed = remove(text, &path::parse(path).unwrap(), &Limits::default()).unwrap();
        assert_eq!(removed, text.replacen(part, with, 1), "{path}");
    };
    gone("values.a", "  a: 1 # one\n", "");
    gone("values.m[\"x y\"]", "    \"x y\": |\n      1\n      2\n", "");
    gone("values.m.z", "    z: &q [1, 2, {k: v}] # z\n", "");
    gone("values.m.z[0]", "[1, ", "[");
    gone("values.m.z[2]", ", {k: v}]", "]");
    gone("values.m.z[2].k", "{k: v}", "{}");
    gone("values.l[0].p", "p: 1\n      q", "q");
    gone("values.l[0].q", "      q: 2\n", "");
    gone("values.l[1]", "    -\n      r # r\n", "");
    gone("values.l[2][0]", "- s\n      - t", "- t");
    gone("values.o.u", "{u: 1}", "{}");
    gone("values.o", "  o: {u: 1}\n", "");
    for path in ["values.b", "values.a.b", "values.l[3]", "values.l.a", ""] {
        let refused = remove(text, &path::parse(path).unwrap(), &Limits::default());
        assert!(matches!(refused, Err(EditError::Path(_))), "{path}");
    }
}

#[test]
fn secrets_of_several_lines_become_blocks_again() {
    let text = "values:\n  pem:\n    fn::secret: |\n      one\n      two\n  next: 1\n";
    let limits = Limits::default();
    let encrypted = encrypt_secrets(text, &Rot128, &limits).unwrap();
    assert!(!encrypted.contains("one"));
    assert_eq!(decrypt_secrets(&encrypted, &Rot128, &limits).unwrap(), text);
}

#[test]
fn nothing_outside_values_is_decrypted() {
    let text = "values: {a: {fn::secret: {ciphertext: ZXNjeAAAAAHo9e705fKyKo30VQ==}}}\nother: {fn::secret: {ciphertext: ZXNjeAAAAAHo9e705fKyKo30VQ==}}\n";
    let decrypted = decrypt_secrets(text, &Rot128, &Limits::default()).unwrap();
    assert_eq!(decrypted.matches("hunter2").count(), 1);
    assert_eq!(decrypted.matches("ciphertext").count(), 1);
    assert_eq!(encrypt_secrets("", &Rot128, &Limits::default()).unwrap(), "{}\n");
}

#[test]
fn what_a_document_uses_is_known_without_running_it() {
    let text =
        "imports: [a, b@1]\nvalues:\n  x: {fn::rotate::swap: {inputs: {}}}\n  y: \"${environments.p.e.z} ${x}\"\n";
    let document = pileus_esc::parse("p/e", text, &Limits::default()).environment.unwrap();
    let summary = document.function_summary();
    assert_eq!(summary.counts["fn::rotate::swap"], 1);
    assert_eq!(summary.rotation_paths, ["x"]);
    let names: Vec<String> = document.references().into_iter().map(|reference| reference.name).collect();
    assert_eq!(names, ["a", "b@1", "p/e"]);
}
