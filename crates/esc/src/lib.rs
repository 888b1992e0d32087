//! The ESC environment language: documents in, values and diagnostics out.
//!
//! This floor knows the language, its results and its diagnostics. It must never know HTTP, storage, keys, clocks or the
//! network: whoever runs a document brings providers, other environments and decryption as traits (`host`).
//!
//! The rooms: `yaml` reads text with its positions, `ast` makes a document of it, `eval` runs it, `value` and `output` are
//! what comes out, `schema` is what values are checked with, `secret` and `edit` change a text and leave the rest of it as
//! it is.
//!
//! Results and diagnostics are those of upstream's evaluator, except:
//! * bounds (`limits`): upstream has none;
//! * where upstream crashes there is a diagnostic: inputs of a provider that are no object, an alias as a key, infinities in
//!   a schema;
//! * names with the letters whose UTF-8 form holds the bytes 0x85 or 0xA0 (such as `à`) can be referred to, which upstream
//!   takes for white space;
//! * rotators are chosen by parsed paths, so that a first key in quotes can be named;
//! * some texts that YAML forbids in brackets (`{a:,}`, `[!t,]`) are refused with other words, or at all
//!   (`docs/adr/0005-yaml.md`);
//! * `fn::toYAML` writes bytes that are no text, and line separators (U+2028), in other escapes.

pub mod ast;
pub mod diag;
pub mod edit;
pub mod eval;
pub mod gotext;
pub mod host;
pub mod json;
pub mod limits;
pub mod output;
pub mod path;
pub mod schema;
pub mod secret;
pub mod sorted;
mod spell;
pub mod value;
pub mod yaml;

pub use ast::{Parsed, parse};
pub use eval::{Evaluation, Mode, Options, World, check, open, rotate};
pub use limits::Limits;
pub use output::Environment;
