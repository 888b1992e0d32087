//! The wire: every operation of the contract, the objects that the served ones exchange, and how arguments are read
//! and checked.
//!
//! This floor knows wire names. It must never know HTTP, SQL or a rule of the product, and its objects are never
//! stored. All below `generated` comes from `contract/` by `cargo xtask gen`.

pub mod args;
pub mod operation;
pub mod shape;

#[cfg(test)]
mod tests;

mod generated {
    //! Written by `cargo xtask gen`; do not edit.
    pub mod operations;
    pub mod ops;
    pub mod shapes;
    pub mod wire;
}

pub use args::{Args, RawArgs, RawBody};
pub use generated::{operations::OPERATIONS, ops, shapes, wire};
pub use operation::{Access, BodyKind, ObjectRule, Operation, RateClass, Served, operation};

/// The description of the served operations, an OpenAPI 3.0.3 document.
pub const OPENAPI_JSON: &str = include_str!("generated/openapi.json");
