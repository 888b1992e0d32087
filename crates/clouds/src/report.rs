//! What a scan says: what it found, what became of each type, and why it ended.
//!
//! This room knows the words between a scanner and whoever runs it. It must never know a cloud.

use crate::{Print, RedactionKey, Value};
use futures_util::{StreamExt, stream::FuturesUnordered};
use std::{fmt, future::Future, pin::Pin, time::Duration};

/// A boxed future, so that a [`Sink`] can be given as a `dyn`.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What ends first of these; `None` of none. Unlike `select!` it polls the others only when it is they that have something to do: what
/// asks a cloud is woken for every answer.
pub async fn first<'a, T>(ways: impl IntoIterator<Item = BoxFuture<'a, T>>) -> Option<T> {
    ways.into_iter().collect::<FuturesUnordered<_>>().next().await
}

/// One resource that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Pulumi's name of the type: `aws:s3/bucket:Bucket`, `aws-native:…` for Cloud Control's.
    pub type_token: String,
    /// What `pulumi import` takes.
    pub id: String,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// Its ARN, if it has one that is known.
    pub arn: Option<String>,
    /// What is known of it, without volatile properties, and redacted.
    pub properties: Value,
    /// Top-level properties that could not be read this time (denied, failed). They are absent from `properties`, which does not mean
    /// that the resource lost them: whoever compares versions takes them over from the last one.
    pub unread: Vec<String>,
    /// By which the item that it was made of is recognised, where that alone decides what it is.
    pub print: Option<Print>,
}

/// What became of one type in one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TypeOutcome {
    /// Listed to the end, with this many resources.
    Listed(u64),
    /// Not allowed. What could be found nevertheless (a follow-up read was denied) was given to the sink.
    Denied {
        /// The IAM action that is missing.
        action: String,
        /// What the cloud answered.
        message: String,
    },
    /// Throttled until patience ended.
    Throttled,
    /// The service or the type does not exist here.
    Unsupported,
    /// It can only be listed below a parent, and nothing says which.
    NeedsParent,
    /// An error of any other kind.
    Failed {
        /// The cloud's code, or `connection`, `timeout`, `malformed`, `too-large`, `page-loop`, `id`, `setting`.
        code: String,
        /// What the cloud answered, or what went wrong.
        message: String,
    },
    /// Not asked at all.
    Skipped {
        /// Why.
        why: String,
    },
}

impl TypeOutcome {
    /// What it is called in coverage statements.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Listed(_) => "listed",
            Self::Denied { .. } => "denied",
            Self::Throttled => "throttled",
            Self::Unsupported => "unsupported",
            Self::NeedsParent => "needs-parent",
            Self::Failed { .. } => "failed",
            Self::Skipped { .. } => "skipped",
        }
    }

    /// Whether absence means that a resource is gone.
    pub const fn complete(&self) -> bool {
        matches!(self, Self::Listed(_))
    }
}

/// What became of one type in one place, and what it cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeReport {
    /// Pulumi's name of the type.
    pub type_token: String,
    /// The region, or `global`.
    pub place: String,
    /// What became of it.
    pub outcome: TypeOutcome,
    /// Requests sent, attempts that failed included.
    pub calls: u64,
    /// Of these, how many were throttled.
    pub throttles: u64,
    /// From the first question to the last answer, in microseconds.
    pub micros: u64,
}

/// Where a scan puts what it finds. It is called from several tasks at once.
pub trait Sink: Send + Sync {
    /// These were found in this place. All of a type's batches come before its report.
    ///
    /// # Errors
    /// End the scan.
    fn found<'a>(&'a self, place: &'a str, batch: Vec<Found>) -> BoxFuture<'a, pileus_model::Result<()>>;
    /// Whether the item of this print was given before, as a resource that is still known and still as it was given then. Such an item
    /// need not be taken apart again: its print is given to [`Sink::same`] instead.
    fn knows(&self, _print: &Print) -> bool {
        false
    }
    /// Items of this type were found in this place that [`Sink::knows`] knew.
    ///
    /// # Errors
    /// End the scan.
    fn same<'a>(
        &'a self,
        _place: &'a str,
        _type_token: &'a str,
        _prints: Vec<Print>,
    ) -> BoxFuture<'a, pileus_model::Result<()>> {
        Box::pin(async { Ok(()) })
    }
    /// A type is done; exactly one report comes per type and place, unless the scan ends early.
    ///
    /// # Errors
    /// End the scan.
    fn report(&self, report: TypeReport) -> BoxFuture<'_, pileus_model::Result<()>>;
    /// A line for the scan's log. It holds no secret.
    fn log(&self, line: String);
    /// So many requests were sent so far in this scan, attempts that failed included, and so many of them were throttled. Told every
    /// second, also within a long type, and at the end.
    fn asked(&self, _calls: u64, _throttles: u64) {}
    /// Returns when the scan is to end.
    fn stopped(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::pending())
    }
}

/// Where to look.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Place {
    /// One region: `eu-west-1`.
    Region(String),
    /// What belongs to no region: IAM, Route 53, CloudFront.
    Global,
}

impl Place {
    /// The region's name, or `global`.
    pub fn name(&self) -> &str {
        match self {
            Self::Region(region) => region,
            Self::Global => "global",
        }
    }
}

/// How to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// By the services' own APIs.
    Native,
    /// By Cloud Control alone.
    CloudControl,
    /// Natively, and by Cloud Control what is not listed natively.
    #[default]
    Both,
}

/// How a scan goes about it.
#[derive(Debug, Clone)]
pub struct ScanOptions {
    /// Types that are listed at once (8).
    pub list_concurrency: usize,
    /// Follow-up reads at once, over all types of the place (16).
    pub read_concurrency: usize,
    /// Longest time for one request (30 s).
    pub read_timeout: Duration,
    /// Only these types; all if empty.
    pub types: Vec<String>,
    /// A region of the partition that [`Place::Global`] is meant in; the commercial one if there is none.
    pub home: Option<String>,
    /// By which values that must not be stored are fingerprinted. Another key makes every fingerprint differ, and so a version of each
    /// resource that has one.
    pub redaction: RedactionKey,
}

impl ScanOptions {
    /// The usual options, with this key.
    pub fn new(redaction: RedactionKey) -> Self {
        Self {
            list_concurrency: 8,
            read_concurrency: 16,
            read_timeout: Duration::from_secs(30),
            types: Vec::new(),
            home: None,
            redaction,
        }
    }
}

/// Why there is no answer, or no scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CloudError {
    /// The credentials are missing, wrong or expired: nothing more can be asked with them.
    Credentials {
        /// The cloud's code.
        code: String,
        /// What the cloud answered.
        message: String,
    },
    /// The credentials may not do this.
    Denied {
        /// The missing action.
        action: String,
        /// What the cloud answered.
        message: String,
    },
    /// Throttled until patience ended.
    Throttled,
    /// The service does not exist here.
    Unsupported(String),
    /// The cloud answered with another error.
    Answer {
        /// The HTTP status.
        status: u16,
        /// The cloud's code.
        code: String,
        /// What the cloud answered.
        message: String,
    },
    /// No answer, or none that can be read: `connection`, `timeout`, `malformed`, `too-large`, `page-loop`.
    Broken {
        /// Which of these.
        code: &'static str,
        /// What went wrong.
        message: String,
    },
    /// A setting cannot be used: an unknown region, a refused endpoint.
    Setting(String),
    /// Canceled by whoever started it.
    Canceled,
    /// The sink refused.
    Sink(pileus_model::Error),
}

impl fmt::Display for CloudError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Credentials { code, message } => write!(f, "the credentials were not accepted: {message} ({code})"),
            Self::Denied { action, message } => write!(f, "{action} is denied: {message}"),
            Self::Throttled => f.write_str("throttled again and again"),
            Self::Unsupported(what) => write!(f, "{what} does not exist here"),
            Self::Answer { status, code, message } => write!(f, "{message} ({code}, {status})"),
            Self::Broken { code, message } => write!(f, "{message} ({code})"),
            Self::Setting(why) => f.write_str(why),
            Self::Canceled => f.write_str("canceled"),
            Self::Sink(error) => write!(f, "what was found could not be kept: {error}"),
        }
    }
}

impl std::error::Error for CloudError {}

impl From<pileus_model::Error> for CloudError {
    fn from(error: pileus_model::Error) -> Self {
        Self::Sink(error)
    }
}
