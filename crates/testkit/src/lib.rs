//! crate testkit
