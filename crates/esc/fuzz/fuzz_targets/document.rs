//! Any text, and any text that it imports: no panic, no hang, no blow-up.
#![no_main]

#[path = "../../tests/exercise/mod.rs"]
mod exercise;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (root, imported) = text.split_once('\0').unwrap_or((text, ""));
    exercise::everything(root, imported);
});
