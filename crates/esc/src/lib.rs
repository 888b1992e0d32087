//! The ESC environment language: documents in, values and diagnostics out.
//!
//! This floor knows the language, its results and its diagnostics. It must never know HTTP, storage, keys, clocks or the
//! network: whoever runs a document brings providers, other environments and decryption as traits (`host`).
//!
//! The rooms: `yaml` reads text with its positions, `ast` makes a document of it, `eval` runs it, `value` and `output` are
//! what comes out, `schema` is what values are checked with, `secret` and `edit` change a text and leave the rest of it as
//! it is.

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
mod spell;
pub mod value;
pub mod yaml;

pub use ast::{Parsed, parse};
pub use eval::{Evaluation, Mode, Options, World, check, open, rotate};
pub use limits::Limits;
pub use output::Environment;
