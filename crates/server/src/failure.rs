//! Why a command ended without success: one line for people, and the exit code.

use std::fmt;

/// A failure of a command: one line and an exit code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    message: String,
    code: u8,
}

impl Failure {
    /// It could not be done: exit code 1. Line breaks in the message become spaces.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: one_line(&message.into()), code: 1 }
    }
    /// The command was used wrongly: exit code 2.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { message: one_line(&message.into()), code: 2 }
    }
    /// The exit code.
    pub const fn code(&self) -> u8 {
        self.code
    }
}

/// The same text on one line.
fn one_line(text: &str) -> String {
    text.split('\n').map(str::trim).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl From<pileus_model::Error> for Failure {
    fn from(error: pileus_model::Error) -> Self {
        Self::new(error.to_string())
    }
}
