//! What the store promises, asked of both engines (law 12), and what only one of them can be asked.
//!
//! It knows the seam's surface and the machine's PostgreSQL. It must never know what the rooms are for.
#![expect(clippy::unwrap_used, reason = "tests")]

mod lab;

mod audit;
mod both;
mod coverage;
mod events;
mod known;
mod postgres;
mod sqlite;
