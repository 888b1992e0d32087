//! No text makes the language panic, hang or take more than its bounds.
#![expect(clippy::unwrap_used, reason = "tests")]

mod exercise;

use exercise::{Nobody, everything, run_within, small};
use pileus_esc::edit::{EditError, decrypt_secrets, encrypt_secrets, remove, set};
use pileus_esc::host::Decrypter;
use pileus_esc::{Limits, json::Json, path};
use proptest::prelude::*;

fn run(text: &str, imported: &str) -> Vec<String> {
    run_within(text, imported, small())
}

fn says(summaries: &[String], part: &str) -> bool {
    summaries.iter().any(|summary| summary.contains(part))
}

#[test]
fn a_long_document_is_refused() {
    let text = format!("values:\n  a: {}\n", "x".repeat(1 << 20));
    assert!(says(&run(&text, ""), "at most 1048576 are allowed"));
}

#[test]
fn a_deep_document_is_refused() {
    let text = format!("values: {{a: {}1{}}}\n", "[".repeat(5_000), "]".repeat(5_000));
    assert!(says(&run(&text, ""), "nested too deeply"));
}

#[test]
fn doubling_a_list_ends_at_the_steps() {
    let mut text = String::from("values:\n  a000: [1, 2]\n");
    for i in 1..60 {
        text += &format!("  a{i:03}: [\"${{a{:03}}}\", \"${{a{:03}}}\"]\n", i - 1, i - 1);
    }
    assert!(says(&run(&text, ""), "takes more than 50000 steps"));
}

#[test]
fn doubling_a_string_ends_at_the_text() {
    let mut text = String::from("values:\n  a000: x\n");
    for i in 1..60 {
        text += &format!("  a{i:03}: ${{a{:03}}}${{a{:03}}}\n", i - 1, i - 1);
    }
    assert!(says(&run(&text, ""), "produces more than 1048576 bytes"));
}

#[test]
fn a_long_chain_of_references_ends_at_the_depth() {
    let mut text = String::from("values:\n");
    for i in 0..5_000 {
        text += &format!("  a{i:05}: ${{a{:05}}}\n", i + 1);
    }
    assert!(says(&run(&text, ""), "expressions wait for one another"));
}

#[test]
fn a_value_that_grows_by_a_level_each_time_ends_at_its_levels() {
    let mut text = String::from("values:\n  a00000: [1]\n");
    for i in 1..1_000 {
        text += &format!("  a{i:05}: [\"${{a{:05}}}\"]\n", i - 1);
    }
    assert!(says(&run(&text, ""), "levels"));
}

#[test]
fn imports_end_at_their_depth_and_number() {
    assert!(says(&run("imports: [a]\n", "imports: [NEXT]\nvalues: {x: 1}\n"), "nested more than 32 levels"));
    let names: Vec<String> = (0..400).map(|i| format!("n{i}")).collect();
    let text = format!("imports: [{}]\n", names.join(", "));
    let summaries = run(&text, "values: {x: {y: 1}}\n");
    assert!(says(&summaries, "more than 256 environments") || says(&summaries, "levels"), "{summaries:?}");
}

#[test]
fn a_schema_that_names_itself_ends() {
    let schema = r##"{$ref: "#/$defs/a", $defs: {a: {anyOf: [{$ref: "#/$defs/a"}, {$ref: "#/$defs/a"}]}}}"##;
    let text = format!("values:\n  a: {{fn::validate: {{schema: {schema}, value: 1}}}}\n");
    assert!(!run(&text, "").is_empty());
}

#[test]
fn a_wide_document_is_evaluated() {
    let mut text = String::from("values:\n");
    for i in 0..5_000 {
        text += &format!("  a{i:05}: {{b: [1, x, \"${{a{:05}.b[0]}}\"]}}\n", i / 2);
    }
    let summaries = run_within(&text, "", Limits::default());
    assert!(summaries.iter().all(|summary| summary.contains("cyclic")), "{:?}", summaries.first());
}

const WORDS: &[&str] = &[
    "values",
    "imports",
    "fn::secret",
    "fn::open::x",
    "fn::join",
    "fn::toJSON",
    "fn::fromJSON",
    "fn::validate",
    "fn::final",
    "fn::rotate::r",
    "fn::concat",
    "fn::split",
    "fn::toYAML",
    "fn::toString",
    "fn::fromBase64",
    "inputs",
    "state",
    "schema",
    "value",
    "ciphertext",
    "a",
    "b",
    "${a}",
    "${a.b[0]}",
    "${b[\"x y\"]}",
    "$${",
    "${",
    "${a",
    ":",
    ": ",
    "- ",
    "\n",
    "\n  ",
    "\n    ",
    "{",
    "}",
    "[",
    "]",
    ",",
    "\"",
    "'",
    "|\n",
    ">-\n",
    "#",
    " # c",
    "&x ",
    "*x",
    "!!int ",
    "1",
    "0x1F",
    "1e400",
    "é",
    "日本",
    "\u{1f600}",
    "\t",
    "\r\n",
    "---\n",
    "...",
    "null",
    "? ",
    "ZXNjeAAAAAE=",
    "type",
    "string",
    "$ref",
    "#/$defs/a",
    "$defs",
    "anyOf",
    "\u{feff}",
    "\0",
    "%YAML 1.1\n",
    "${environments.p.e.x}",
    "${context.currentEnvironment.name}",
    "${imports.a}",
];

/// Pieces of documents, from which texts are made that are nearly right.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![9 => proptest::sample::select(WORDS.to_vec()).prop_map(str::to_owned), 1 => any::<String>()]
}

/// A value of the language as YAML in brackets.
fn document() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("1".to_owned()),
        Just("null".to_owned()),
        Just("\"x\"".to_owned()),
        Just("\"${a.b}\"".to_owned()),
        Just("\"${b[1]} ${c.d.e}\"".to_owned()),
        Just("{fn::secret: s}".to_owned()),
        Just("{fn::open::x: {y: \"${a}\"}}".to_owned()),
    ];
    let value = leaf.prop_recursive(5, 40, 5, |inner| {
        let call = proptest::sample::select(vec![
            "fn::toJSON",
            "fn::toYAML",
            "fn::toString",
            "fn::final",
            "fn::concat",
            "fn::join",
            "fn::split",
            "fn::fromJSON",
            "fn::toBase64",
            "fn::fromBase64",
            "fn::open::x",
            "fn::secret",
            "fn::validate",
            "fn::rotate::r",
        ]);
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(", "))),
            proptest::collection::vec(("[a-d]", inner.clone()), 0..4).prop_map(|fields| {
                let fields: Vec<String> = fields.into_iter().map(|(k, v)| format!("{k}: {v}")).collect();
                format!("{{{}}}", fields.join(", "))
            }),
            (call, inner.clone()).prop_map(|(call, argument)| format!("{{{call}: {argument}}}")),
            (inner.clone(), inner).prop_map(|(s, v)| format!("{{fn::validate: {{schema: {s}, value: {v}}}}}")),
        ]
    });
    proptest::collection::vec(("[a-d]", value), 0..6).prop_map(|entries| {
        let entries: Vec<String> = entries.into_iter().map(|(k, v)| format!("  {k}: {v}\n")).collect();
        format!("imports: [a, b]\nvalues:\n{}", entries.concat())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_it_panic(pieces in proptest::collection::vec(piece(), 0..40)) {
        let text = pieces.concat();
        everything(&text, &text);
    }

    #[test]
    fn no_document_makes_it_panic(root in document(), imported in document()) {
        everything(&root, &imported);
    }

    /// Whatever the layout: what is removed is gone, the rest is as it was.
    #[test]
    fn what_is_removed_is_gone(root in document(), key in "[a-d]") {
        let limits = Limits::default();
        let steps = [path::Step::Key("values".into()), path::Step::Key(key)];
        match remove(&root, &steps, &limits) {
            Ok(removed) => {
                let entries = |text: &str| pileus_esc::parse("x", text, &limits).environment.unwrap().values.len();
                prop_assert_eq!(entries(&removed), entries(&root) - 1);
            }
            Err(error) => prop_assert!(matches!(error, EditError::Path(_) | EditError::Syntax(_)), "{error}"),
        }
    }

    #[test]
    fn encrypting_and_decrypting_gives_the_same_secrets(
        secret in "[ -~\n\u{e9}]{0,20}",
        before in "[a-z #:'\"]{0,8}",
    ) {
        let quoted = Json::String(secret.clone()).to_text();
        let text = format!("values:\n  a: 1 # {before}\n  list:\n    - fn::secret: {quoted} # c\n    - {{b: {{fn::secret: {quoted}}}}}\n  z:\n    fn::secret:\n      {quoted}\n");
        struct Strip;
        impl Decrypter for Strip {
            fn decrypt(&self, ciphertext: &[u8]) -> Result<Vec<u8>, String> { Ok(ciphertext[4..].to_vec()) }
        }
        let limits = Limits::default();
        let encrypted = encrypt_secrets(&text, &Nobody, &limits).unwrap();
        prop_assert_eq!(encrypted.matches("ciphertext: ").count(), 3);
        let decrypted = decrypt_secrets(&encrypted, &Strip, &limits).unwrap();
        let again = encrypt_secrets(&decrypted, &Nobody, &limits).unwrap();
        prop_assert_eq!(again, encrypted);
    }

    #[test]
    fn what_is_set_is_read_again(
        key in "[ -~\u{e9}]{1,8}",
        value in "[ -~\n\t\u{e9}]{0,20}",
        flow in any::<bool>(),
    ) {
        let text = match flow {
            false => "# head\nvalues:\n  a: 1 # one\n  list:\n    - x # two\n# tail\n",
            true => "values: {a: 1, list: [x]} # tail\n",
        };
        let limits = Limits::default();
        for steps in [
            vec![path::Step::Key("values".into()), path::Step::Key(key.clone())],
            vec![path::Step::Key("values".into()), path::Step::Key("new".into()), path::Step::Key(key.clone())],
            vec![path::Step::Key("values".into()), path::Step::Key("list".into()), path::Step::Index(1)],
            vec![path::Step::Key("values".into()), path::Step::Key("a".into())],
        ] {
            let changed = set(text, &steps, &Json::String(value.clone()), &limits).unwrap();
            for comment in text.lines().filter_map(|line| line.find('#').map(|at| &line[at..])) {
                prop_assert!(changed.contains(comment));
            }
        }
    }
}

/// The deepest that all bounds allow at once, on a thread of the usual two mebibytes.
#[test]
fn the_bounds_together_fit_a_thread() {
    let mut text = String::from("values:\n");
    for i in 0..400 {
        let next = i + 1;
        text += &format!(
            "  a{i:03}: {{fn::validate: {{schema: {{type: object}}, value: {{fn::final: {{b: [{{fn::toJSON: \"x ${{a{next:03}}} ${{environments.p.e{i}.x}}\"}}]}}}}}}}}\n"
        );
    }
    let imported = "values:\n  x: {fn::concat: [[\"${environments.p.NEXT.x}\"]]}\n";
    let limits = Limits { steps: 200_000, ..Limits::default() };
    assert!(!run_within(&text, imported, limits).is_empty());
    let deep = format!("values:\n  a: {}1{}\n  b: [\"${{a}}\"]\n", "[".repeat(97), "]".repeat(97));
    assert!(run(&deep, "").is_empty());
    for (levels, summary) in [(40, "expected number, got string"), (90, "the schema is nested too deeply")] {
        let nested = "{items: ".repeat(levels) + "{type: number}" + &"}".repeat(levels);
        let value = "[".repeat(levels) + "x" + &"]".repeat(levels);
        let text = format!("values:\n  a: {{fn::validate: {{schema: {nested}, value: {value}}}}}\n");
        assert!(says(&run(&text, ""), summary), "{levels}");
    }
}

/// Where the YAML library gives up with a panic, callers see a syntax error.
#[test]
fn odd_tags_are_syntax_errors() {
    for text in
        ["values: [!t, 1]\n", "values: !a%C3%28 x\n", "values: !a%FF%FF x\n", "values: !a%F0%90 x\n", "values: !<%\n"]
    {
        let parsed = pileus_esc::parse("root", text, &Limits::default());
        assert!(
            parsed.diagnostics.iter().all(|d| d.summary.starts_with("yaml: ") || d.summary.contains("values")),
            "{text}"
        );
        assert!(!parsed.diagnostics.is_empty(), "{text}");
    }
}
