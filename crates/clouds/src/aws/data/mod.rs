//! The small languages of the catalogue: paths, templates, conditions, and the files that are written in them.
//!
//! This room knows what the files mean. It must never know a protocol or send anything.

pub(crate) mod catalogue;
pub(crate) mod condition;
#[cfg(test)]
mod forms;
pub(crate) mod path;
pub(crate) mod template;

pub(crate) use catalogue::{Call, Page, Protocol, Service, Type, catalogue};
pub(crate) use condition::Condition;
pub(crate) use path::Path;
pub(crate) use template::{Scope, Template, Where};
