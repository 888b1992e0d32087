//! Does everything with a text that a server may do with a stranger's. Property tests and the fuzz target call it.

use pileus_esc::ast::{Environment, ExprKind};
use pileus_esc::edit::{EditError, apply_patches, decrypt_secrets, encrypt_secrets, remove, set};
use pileus_esc::host::{
    Decrypter, Encrypter, ExecContext, Loaded, Loader, Provider, Providers, Rotator, RotatorSchema,
};
use pileus_esc::schema::{SchemaRef, always};
use pileus_esc::value::{Properties, Repr, Value};
use pileus_esc::{Evaluation, Limits, Options, World, json::Json, path};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Has a provider `x` and a rotator `r`, which return what they are given, and keys that hide nothing.
pub struct Nobody;

struct Mirror;

impl Providers for Nobody {
    fn provider(&self, name: &str) -> Result<Arc<dyn Provider>, String> {
        if name == "x" { Ok(Arc::new(Mirror)) } else { Err(format!("unknown provider \"{name}\"")) }
    }

    fn rotator(&self, name: &str) -> Result<Arc<dyn Rotator>, String> {
        if name == "r" { Ok(Arc::new(Mirror)) } else { Err(format!("unknown rotator \"{name}\"")) }
    }
}

impl Provider for Mirror {
    fn schema(&self) -> (SchemaRef, SchemaRef) {
        (always(), always())
    }

    fn open(&self, inputs: &Properties, _: &ExecContext) -> Result<Value, String> {
        Ok(Value { secret: inputs.contains_key("a"), ..Value::new(Repr::Object(inputs.clone())) })
    }
}

impl Rotator for Mirror {
    fn schema(&self) -> RotatorSchema {
        RotatorSchema { inputs: always(), state: always(), outputs: always() }
    }

    fn open(&self, _: &Properties, state: Option<&Properties>, _: &ExecContext) -> Result<Value, String> {
        Ok(Value::new(Repr::Object(state.cloned().unwrap_or_default())))
    }

    fn rotate(&self, inputs: &Properties, _: Option<&Properties>, _: &ExecContext) -> Result<Value, String> {
        Ok(Value::new(Repr::Object(inputs.clone())))
    }
}

impl Decrypter for Nobody {
    fn decrypt(&self, ciphertext: &[u8]) -> Result<Vec<u8>, String> {
        Ok(ciphertext.to_vec())
    }
}

impl Encrypter for Nobody {
    fn encrypt(&self, plaintext: &[u8]) -> Result<Vec<u8>, String> {
        Ok([b"0123", plaintext].concat())
    }
}

/// Every environment but the root has the same text, `NEXT` in it replaced by a name of its own.
pub struct Same(pub String);

impl Loader for Same {
    fn load(&self, name: &str) -> Result<Loaded, String> {
        let text = self.0.replace("NEXT", &format!("{name}x"));
        Ok(Loaded { name: name.to_owned(), text, decrypter: Arc::new(Nobody) })
    }

    fn authorize(&self, _: &str, _: &str, _: bool) -> Result<(), String> {
        Ok(())
    }
}

/// Bounds that are smaller than what a server allows, so that running into them takes no time.
pub fn small() -> Limits {
    Limits { steps: 50_000, text_bytes: 1 << 20, output_bytes: 1 << 20, ..Limits::default() }
}

/// Parses, checks, opens and rotates; returns all summaries.
pub fn run_within(text: &str, imported: &str, limits: Limits) -> Vec<String> {
    let Ok(context) = ExecContext::new(BTreeMap::new()) else { return Vec::new() };
    let loader = Same(imported.to_owned());
    let world = World { providers: &Nobody, loader: &loader, context: &context };
    let options = Options { limits, ..Options::default() };
    let parsed = pileus_esc::parse("root", text, &options.limits);
    let mut summaries: Vec<String> = parsed.diagnostics.into_iter().map(|d| d.summary).collect();
    let Some(document) = &parsed.environment else { return summaries };
    assert!(document.references().len() <= text.len());
    let chosen = document.function_summary().rotation_paths.iter().filter_map(|p| path::parse(p).ok()).collect();
    let check = pileus_esc::check("root", document, &Nobody, &world, true, &options);
    let open = pileus_esc::open("root", document, &Nobody, &world, &options);
    let rotated = pileus_esc::rotate("root", document, &Nobody, &world, chosen, &options);
    patch(text, &rotated, &options.limits);
    for evaluation in [check, open, rotated] {
        summaries.extend(evaluation.diagnostics.into_iter().map(|d| d.summary));
        if let Some(environment) = evaluation.environment {
            if let Ok(text) = environment.to_text(options.limits.output_bytes) {
                assert!(Json::parse(&text, 10_000).is_ok(), "{text}");
            }
            assert!(environment.environment_variables().len() <= text.len());
            assert!(environment.files().len() <= text.len());
        }
    }
    summaries
}

/// Writes the states of rotations, as far as the layout allows, and reads them again.
fn patch(text: &str, rotated: &Evaluation, limits: &Limits) {
    let patches: Vec<(String, Value)> = rotated.rotations.iter().filter_map(|r| r.patch.clone()).collect();
    match apply_patches(text, &patches, limits) {
        Ok(patched) => assert!(pileus_esc::parse("root", &patched, limits).environment.is_some(), "{patched}"),
        Err(EditError::Layout(_) | EditError::Path(_) | EditError::Syntax(_)) => {}
        Err(other) => assert!(patches.is_empty(), "{other}"),
    }
}

/// Encrypts, decrypts, sets and removes.
pub fn edit(text: &str, limits: &Limits) {
    if let Ok(encrypted) = encrypt_secrets(text, &Nobody, limits) {
        // What was no envelope before is none now.
        let _unreadable_envelopes = decrypt_secrets(&encrypted, &Nobody, limits);
        if let Ok(again) = encrypt_secrets(&encrypted, &Nobody, limits) {
            assert_eq!(again, encrypted);
        }
    }
    let Some(document) = pileus_esc::parse("root", text, limits).environment else { return };
    for steps in paths(&document).into_iter().take(8) {
        let removed = remove(text, &steps, limits);
        if let Ok(removed) = &removed {
            assert!(pileus_esc::parse("root", removed, limits).environment.is_some(), "{removed}");
        }
        if let Ok(changed) = set(text, &steps, &Json::from("x: [y"), limits) {
            assert!(pileus_esc::parse("root", &changed, limits).environment.is_some(), "{changed}");
        }
    }
}

/// The paths of what a document's values hold.
fn paths(document: &Environment) -> Vec<Vec<path::Step>> {
    let mut found = Vec::new();
    let mut open: Vec<_> = document.values.iter().map(|entry| entry.value.clone()).collect();
    while let Some(expr) = open.pop() {
        found.extend(path::parse(&expr.origin.path).ok());
        match &expr.kind {
            ExprKind::Array(items) => open.extend(items.iter().cloned()),
            ExprKind::Object(properties) => open.extend(properties.iter().map(|p| p.value.clone())),
            _ => {}
        }
    }
    found
}

/// Everything.
pub fn everything(text: &str, imported: &str) -> Vec<String> {
    let limits = small();
    edit(text, &limits);
    run_within(text, imported, limits)
}
