//! What can go wrong for a caller, and the one place where kinds of failure are named.
//!
//! A message is shown to the caller: it says what is wrong and what is allowed, and never holds a secret.
//! `http` has the one table from [`ErrorKind`] to status codes.

use std::fmt;

/// The result of everything above the store.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The kinds of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The request is malformed or asks for something impossible.
    Invalid,
    /// No valid credentials.
    Unauthenticated,
    /// The caller is known and inside the organisation, but may not do this.
    Forbidden,
    /// It does not exist, or the caller may not know that it does.
    NotFound,
    /// It clashes with what is there.
    Conflict,
    /// The body is over the limit.
    TooLarge,
    /// Too many requests; try again after this many seconds.
    RateLimited {
        /// Seconds to wait.
        retry_after: u64,
    },
    /// Not served by this installation.
    NotServed,
    /// Temporarily impossible (the database is away or full); try again.
    Unavailable,
    /// A bug.
    Internal,
}

/// A failure: its kind, and what the caller is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    detail: Option<String>,
    recorded: bool,
}

macro_rules! constructors {
    ($($(#[$doc:meta])* $name:ident => $kind:ident),* $(,)?) => {$(
        $(#[$doc])*
        pub fn $name(message: impl Into<String>) -> Self {
            Self::new(ErrorKind::$kind, message)
        }
    )*};
}

impl Error {
    /// A failure of this kind with this message for the caller.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), detail: None, recorded: false }
    }
    constructors! {
        /// The request is malformed: say what is wrong and what is allowed.
        invalid => Invalid,
        /// No valid credentials.
        unauthenticated => Unauthenticated,
        /// Known, inside, but not allowed.
        forbidden => Forbidden,
        /// Absent, or not to be known.
        not_found => NotFound,
        /// Clashes with what is there.
        conflict => Conflict,
        /// Over a limit of size.
        too_large => TooLarge,
        /// Temporarily impossible.
        unavailable => Unavailable,
    }
    /// Too many requests.
    pub fn rate_limited(retry_after: u64, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::RateLimited { retry_after }, message)
    }
    /// A bug: the detail goes to the log, the caller is told only that it is one.
    pub fn internal(detail: impl Into<String>) -> Self {
        Self {
            kind: ErrorKind::Internal,
            message: "internal error".into(),
            detail: Some(detail.into()),
            recorded: false,
        }
    }
    /// Adds what only the log should show.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }
    /// Says that this refusal is in the audit log already, as what it is: nothing else is to be recorded of it.
    #[must_use]
    pub fn recorded(mut self) -> Self {
        self.recorded = true;
        self
    }
    /// Whether this refusal is in the audit log already.
    pub const fn is_recorded(&self) -> bool {
        self.recorded
    }
    /// The kind.
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }
    /// What the caller is told.
    pub fn message(&self) -> &str {
        &self.message
    }
    /// What only the log should show.
    pub fn detail(&self) -> Option<&str> {
        self.detail.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.detail {
            Some(detail) => write!(f, " ({detail})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}
