//! Writing to stdout: a reader that went away is no failure.

use crate::failure::Failure;
use std::io::{ErrorKind, Write as _};

/// Prints the text as it is.
///
/// # Errors
/// Where stdout can't be written to for another reason than that its reader is gone.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::new(format!("stdout: {error}"))),
        _ => Ok(()),
    }
}
