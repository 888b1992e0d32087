//! The binary `pileus`. Everything is in the library; here are only the process's arguments, environment and exit code.

use std::process::ExitCode;

/// Answers of clouds are taken apart into millions of small pieces: this allocator halves what that costs, and gives memory back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    pileus_server::main()
}
