//! The five protocols of AWS: query, ec2, json (1.0 and 1.1), rest-json and rest-xml. Bytes out, bytes in; pure.
//!
//! This room knows how a question is written and how an answer is read. It must never know a service, a signature or a connection.

mod answer;
mod ask;
mod codes;
mod cut;
mod members;
mod shapes;
mod xml;

pub(crate) use answer::{Refusal, read, refusal};
pub(crate) use ask::{Ask, Wire, headers};
pub(crate) use codes::{Kind, denied_action, kind};
pub(crate) use cut::cut;
pub(crate) use shapes::Shapes;
