//! Any text, and any text that it imports: no panic, no hang, no blow-up.
#![no_main]

#[path = "../../tests/exercise/mod.rs"]
mod exercise;

use std::sync::Once;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    static ONCE: Once = Once::new();
    ONCE.call_once(forgive_the_library);
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (root, imported) = text.split_once('\0').unwrap_or((text, ""));
    exercise::everything(root, imported);
});

/// The YAML library's panics are caught and become syntax errors (ADR 5); any other one is a finding.
fn forgive_the_library() {
    let abort = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !panic.location().is_some_and(|at| at.file().contains("libyaml-safer")) {
            abort(panic);
        }
    }));
}
