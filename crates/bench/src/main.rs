//! `pileus-bench`: see `cargo xtask --help`.

fn main() {}
