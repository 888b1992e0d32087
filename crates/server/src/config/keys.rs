//! The one table of settings: the name in the file, the variable, the flag, the default, what is allowed and what it means.
//!
//! Reading, checking, `--help`, `pileus config show` and the documentation's table all come from here.

use super::parse;

/// What a setting's value looks like in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A string.
    Text,
    /// A whole number.
    Integer,
    /// An array of strings; separated by commas in variables and flags.
    List,
}

/// One setting.
#[derive(Debug)]
pub struct Key {
    /// The dotted name in the file: `limits.body_bytes`.
    pub name: &'static str,
    /// The environment variable.
    pub env: &'static str,
    /// The flag of `pileus serve`, if there is one.
    pub flag: Option<&'static str>,
    /// What the value looks like.
    pub kind: Kind,
    /// The default, as a variable would hold it; empty if there is none.
    pub default: &'static str,
    /// What the default means where it is empty or depends on another setting.
    pub default_note: &'static str,
    /// May hold a password: masked when shown, never repeated in errors.
    pub secret: bool,
    /// Checks the text, the number or one item of the list.
    pub check: fn(&str) -> Result<(), String>,
    /// What it means, one sentence without a full stop.
    pub doc: &'static str,
}

impl Key {
    /// The help text of its flag, with default and variable.
    pub fn help(&self) -> String {
        format!("{}\n[default: {}] [env: {}]", self.doc, self.default_text(), self.env)
    }
    /// The default, for people.
    pub const fn default_text(&self) -> &'static str {
        if self.default_note.is_empty() { self.default } else { self.default_note }
    }
}

/// A setting that is text without flag, note or secret; the rows below say what differs.
const PLAIN: Key = Key {
    name: "",
    env: "",
    flag: None,
    kind: Kind::Text,
    default: "",
    default_note: "",
    secret: false,
    check: |_| Ok(()),
    doc: "",
};

/// A limit: a whole number.
const LIMIT: Key = Key { kind: Kind::Integer, ..PLAIN };

/// `listen`
pub static LISTEN: Key = Key {
    name: "listen",
    env: "PILEUS_LISTEN",
    flag: Some("--listen"),
    default: "127.0.0.1:8080",
    check: |text| parse::address(text).map(drop),
    doc: "Address and port to listen on; port 0 takes a free one",
    ..PLAIN
};
/// `data_dir`
pub static DATA_DIR: Key = Key {
    name: "data_dir",
    env: "PILEUS_DATA_DIR",
    flag: Some("--data-dir"),
    default: "./pileus-data",
    check: |text| parse::path(text).map(drop),
    doc: "Directory of the embedded database, the lock and the first token; created if absent",
    ..PLAIN
};
/// `database`
pub static DATABASE: Key = Key {
    name: "database",
    env: "PILEUS_DATABASE",
    flag: Some("--database"),
    default: "sqlite",
    default_note: "sqlite, in the data directory",
    secret: true,
    check: |text| parse::database(text).map(drop),
    doc: "`sqlite`, or the URL of a PostgreSQL database: postgres://user:password@host/name",
    ..PLAIN
};
/// `public_url`
pub static PUBLIC_URL: Key = Key {
    name: "public_url",
    env: "PILEUS_PUBLIC_URL",
    flag: Some("--public-url"),
    default_note: "http:// and the address listened on",
    check: |text| parse::public_url(text).map(drop),
    doc: "Where clients reach this installation; its host name stands in CEF lines",
    ..PLAIN
};
/// `trusted_proxies`
pub static TRUSTED_PROXIES: Key = Key {
    name: "trusted_proxies",
    env: "PILEUS_TRUSTED_PROXIES",
    flag: Some("--trusted-proxies"),
    kind: Kind::List,
    default_note: "none",
    check: |text| parse::network(text).map(drop),
    doc: "Addresses or CIDRs of proxies whose X-Forwarded-For is believed, separated by commas",
    ..PLAIN
};
/// `roles`
pub static ROLES: Key = Key {
    name: "roles",
    env: "PILEUS_ROLES",
    flag: Some("--roles"),
    kind: Kind::List,
    default: "serve,work",
    check: |text| parse::role(text).map(drop),
    doc: "What this node does: serve answers requests, work runs scans; one of them or both",
    ..PLAIN
};
/// `log_format`
pub static LOG_FORMAT: Key = Key {
    name: "log_format",
    env: "PILEUS_LOG_FORMAT",
    flag: Some("--log-format"),
    default: "auto",
    check: |text| parse::log_format(text).map(drop),
    doc: "Form of the log on stderr: auto (text on a terminal, else JSON), json or text",
    ..PLAIN
};
/// `log_filter`
pub static LOG_FILTER: Key = Key {
    name: "log_filter",
    env: "PILEUS_LOG_FILTER",
    default: "info",
    check: |text| parse::log_filter(text).map(drop),
    doc: "What is logged: a level, or levels per module (info,pileus_http=debug)",
    ..PLAIN
};
/// `egress.allow`
pub static EGRESS_ALLOW: Key = Key {
    name: "egress.allow",
    env: "PILEUS_EGRESS_ALLOW",
    kind: Kind::List,
    default_note: "none",
    check: |text| parse::allowed(text).map(drop),
    doc: "Places that Pileus may connect to although they are not public: networks, addresses, hosts, with or without a port",
    ..PLAIN
};
/// `clouds.aws.endpoint`
pub static AWS_ENDPOINT: Key = Key {
    name: "clouds.aws.endpoint",
    env: "PILEUS_CLOUDS_AWS_ENDPOINT",
    default_note: "AWS's own addresses",
    check: |text| parse::endpoint(text).map(drop),
    doc: "Where requests to AWS go instead, for tests and proxies; that address may then be reached",
    ..PLAIN
};
/// `clouds.aws.listing`
pub static AWS_LISTING: Key = Key {
    name: "clouds.aws.listing",
    env: "PILEUS_CLOUDS_AWS_LISTING",
    default: "both",
    check: |text| parse::listing(text).map(drop),
    doc: "How scans list: native (the services' own APIs), cloud-control, or both",
    ..PLAIN
};
/// `clouds.gcp.endpoint`
pub static GCP_ENDPOINT: Key = Key {
    name: "clouds.gcp.endpoint",
    env: "PILEUS_CLOUDS_GCP_ENDPOINT",
    default_note: "Google's own addresses",
    check: |text| parse::endpoint(text).map(drop),
    doc: "Where gcp-login sends its requests instead of to Google, for tests and proxies; that address may then be reached",
    ..PLAIN
};
/// `scans.at_once`
pub static SCANS_AT_ONCE: Key = Key {
    name: "scans.at_once",
    env: "PILEUS_SCANS_AT_ONCE",
    default: "8",
    check: |text| parse::number(text, 1, 256).map(drop),
    doc: "Scans that this node runs at once; further ones wait",
    ..LIMIT
};
/// `scans.silence_seconds`
pub static SCANS_SILENCE: Key = Key {
    name: "scans.silence_seconds",
    env: "PILEUS_SCANS_SILENCE_SECONDS",
    default: "30",
    check: |text| parse::number(text, 15, 3600).map(drop),
    doc: "Seconds without a sign of life after which another node's scans are taken over",
    ..LIMIT
};
/// `scans.keep_days`
pub static SCANS_KEEP_DAYS: Key = Key {
    name: "scans.keep_days",
    env: "PILEUS_SCANS_KEEP_DAYS",
    default: "90",
    check: |text| parse::number(text, 0, 36_500).map(drop),
    doc: "Days for which a scan is kept with its log and coverage; 0 for ever. What scans found is kept in any case",
    ..LIMIT
};
/// `scans.keep_newest`
pub static SCANS_KEEP_NEWEST: Key = Key {
    name: "scans.keep_newest",
    env: "PILEUS_SCANS_KEEP_NEWEST",
    default: "10",
    check: |text| parse::number(text, 1, 10_000).map(drop),
    doc: "The newest scans of each account, and of each of its regions, are kept however old they are: so many",
    ..LIMIT
};
/// `limits.requests_per_second`
pub static REQUESTS_PER_SECOND: Key = Key {
    name: "limits.requests_per_second",
    env: "PILEUS_LIMITS_REQUESTS_PER_SECOND",
    default: "2000",
    check: |text| parse::number(text, 1, 1_000_000).map(drop),
    doc: "Requests per second and token",
    ..LIMIT
};
/// `limits.public_requests_per_second`
pub static PUBLIC_REQUESTS_PER_SECOND: Key = Key {
    name: "limits.public_requests_per_second",
    env: "PILEUS_LIMITS_PUBLIC_REQUESTS_PER_SECOND",
    default: "2000",
    check: |text| parse::number(text, 1, 1_000_000).map(drop),
    doc: "Requests per second and address to operations that need no credentials",
    ..LIMIT
};
/// `limits.failed_logins_per_minute`
pub static FAILED_LOGINS_PER_MINUTE: Key = Key {
    name: "limits.failed_logins_per_minute",
    env: "PILEUS_LIMITS_FAILED_LOGINS_PER_MINUTE",
    default: "10",
    check: |text| parse::number(text, 1, 1_000_000).map(drop),
    doc: "Failed logins per minute and address, in the long run",
    ..LIMIT
};
/// `limits.failed_logins_at_once`
pub static FAILED_LOGINS_AT_ONCE: Key = Key {
    name: "limits.failed_logins_at_once",
    env: "PILEUS_LIMITS_FAILED_LOGINS_AT_ONCE",
    default: "20",
    check: |text| parse::number(text, 1, 1_000_000).map(drop),
    doc: "Failed logins of one address before that rate begins to count",
    ..LIMIT
};
/// `limits.exports_per_caller`
pub static EXPORTS_PER_CALLER: Key = Key {
    name: "limits.exports_per_caller",
    env: "PILEUS_LIMITS_EXPORTS_PER_CALLER",
    default: "4",
    check: |text| parse::number(text, 1, 1000).map(drop),
    doc: "Exports that one caller may run at once",
    ..LIMIT
};
/// `limits.exports_per_organization`
pub static EXPORTS_PER_ORGANIZATION: Key = Key {
    name: "limits.exports_per_organization",
    env: "PILEUS_LIMITS_EXPORTS_PER_ORGANIZATION",
    default: "16",
    check: |text| parse::number(text, 1, 1000).map(drop),
    doc: "Exports that one organisation may have running at once",
    ..LIMIT
};
/// `limits.body_bytes`
pub static BODY_BYTES: Key = Key {
    name: "limits.body_bytes",
    env: "PILEUS_LIMITS_BODY_BYTES",
    default: "4194304",
    check: |text| parse::number(text, 1024, 1 << 30).map(drop),
    doc: "Longest request body in bytes, before and after decompression",
    ..LIMIT
};
/// `limits.request_seconds`
pub static REQUEST_SECONDS: Key = Key {
    name: "limits.request_seconds",
    env: "PILEUS_LIMITS_REQUEST_SECONDS",
    default: "30",
    check: |text| parse::number(text, 1, 3600).map(drop),
    doc: "Seconds that an ordinary request may take; exports are not bounded so",
    ..LIMIT
};
/// `limits.connections`
pub static CONNECTIONS: Key = Key {
    name: "limits.connections",
    env: "PILEUS_LIMITS_CONNECTIONS",
    default: "8192",
    check: |text| parse::number(text, 1, 1_000_000).map(drop),
    doc: "Most connections at once; further ones wait",
    ..LIMIT
};

/// `limits.sqlite_readers`
pub static SQLITE_READERS: Key = Key {
    name: "limits.sqlite_readers",
    env: "PILEUS_LIMITS_SQLITE_READERS",
    default: "4",
    check: |text| parse::number(text, 1, 64).map(drop),
    doc: "Threads that read from SQLite",
    ..LIMIT
};
/// `limits.sqlite_pages`
pub static SQLITE_PAGES: Key = Key {
    name: "limits.sqlite_pages",
    env: "PILEUS_LIMITS_SQLITE_PAGES",
    default: "0",
    check: |text| parse::number(text, 0, u64::from(u32::MAX - 1)).map(drop),
    doc: "Most pages of 4 KiB that the SQLite file may have; 0 for as many as the disk holds",
    ..LIMIT
};
/// `limits.postgres_connections`
pub static POSTGRES_CONNECTIONS: Key = Key {
    name: "limits.postgres_connections",
    env: "PILEUS_LIMITS_POSTGRES_CONNECTIONS",
    default: "16",
    check: |text| parse::number(text, 2, 1000).map(drop),
    doc: "Connections to PostgreSQL",
    ..LIMIT
};

/// All settings, in the order in which they are shown: the top level first, then each table.
pub static KEYS: &[&Key] = &[
    &LISTEN,
    &DATA_DIR,
    &DATABASE,
    &PUBLIC_URL,
    &TRUSTED_PROXIES,
    &ROLES,
    &LOG_FORMAT,
    &LOG_FILTER,
    &EGRESS_ALLOW,
    &AWS_ENDPOINT,
    &AWS_LISTING,
    &GCP_ENDPOINT,
    &SCANS_AT_ONCE,
    &SCANS_SILENCE,
    &SCANS_KEEP_DAYS,
    &SCANS_KEEP_NEWEST,
    &REQUESTS_PER_SECOND,
    &PUBLIC_REQUESTS_PER_SECOND,
    &FAILED_LOGINS_PER_MINUTE,
    &FAILED_LOGINS_AT_ONCE,
    &EXPORTS_PER_CALLER,
    &EXPORTS_PER_ORGANIZATION,
    &BODY_BYTES,
    &REQUEST_SECONDS,
    &CONNECTIONS,
    &SQLITE_READERS,
    &SQLITE_PAGES,
    &POSTGRES_CONNECTIONS,
];

/// Variables that are no settings but known: the clients', the first start's and the path of the file.
pub static OTHER_VARIABLES: &[&str] = &[
    "PILEUS_BOOTSTRAP_ORGANIZATION",
    "PILEUS_BOOTSTRAP_TOKEN",
    "PILEUS_BOOTSTRAP_USER",
    "PILEUS_CONFIG",
    "PILEUS_MASTER_KEY",
    "PILEUS_MASTER_KEY_NEW",
    "PILEUS_TOKEN",
    "PILEUS_URL",
];

/// Variables of the test suite begin so; they are nobody's business here.
pub const TEST_PREFIX: &str = "PILEUS_REQUIRE_";
