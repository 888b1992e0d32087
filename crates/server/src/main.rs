//! The binary `pileus`. Everything is in the library; here are only the process's arguments, environment and exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    pileus_server::main()
}
