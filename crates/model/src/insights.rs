//! The nouns of Insights: accounts, where their credentials are, when they are scanned, who may use them.
//!
//! This room knows which values these things can take. It must never know a wire name, a table or a cloud's API.

use crate::{
    Error, Result, Timestamp,
    ids::{AccountId, UserId},
};
use sha2::{Digest, Sha256};
use std::fmt;

/// The place of a child that holds what belongs to no region.
pub const GLOBAL: &str = "global";
/// Most accounts that one bulk creation makes (contract, `BulkCreateAccounts`).
pub const MAX_BULK: usize = 100;
/// Most regions that a configuration names.
pub const MAX_REGIONS: usize = 100;
/// Most tags of an account.
pub const MAX_TAGS: usize = 50;
/// Longest name of a tag, in characters.
pub const MAX_TAG_NAME: usize = 40;
/// Longest value of a tag, in characters.
pub const MAX_TAG_VALUE: usize = 256;

/// A cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Provider {
    /// Amazon Web Services.
    Aws,
    /// Google Cloud.
    Gcp,
    /// Azure; older clients write `azure`.
    AzureNative,
    /// Oracle Cloud.
    Oci,
    /// A Kubernetes cluster.
    Kubernetes,
}

impl Provider {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Aws, Self::Gcp, Self::AzureNative, Self::Oci, Self::Kubernetes];

    /// As the contract and the store write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::Gcp => "gcp",
            Self::AzureNative => "azure-native",
            Self::Oci => "oci",
            Self::Kubernetes => "kubernetes",
        }
    }
    /// The provider written so, also in the older way.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "azure" {
            return Some(Self::AzureNative);
        }
        Self::ALL.into_iter().find(|p| p.as_str() == text)
    }
    /// What people call it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Aws => "AWS",
            Self::Gcp => "Google Cloud",
            Self::AzureNative => "Azure",
            Self::Oci => "Oracle Cloud",
            Self::Kubernetes => "Kubernetes",
        }
    }
    /// Whether its accounts have a child for each region.
    pub const fn has_children(self) -> bool {
        matches!(self, Self::Aws)
    }
}

/// Where an account's credentials are: an environment, perhaps at one revision or revision tag.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EnvironmentRef {
    /// Its project.
    pub project: String,
    /// Its name.
    pub name: String,
    /// A revision's number or a tag; the newest where there is none.
    pub version: Option<String>,
}

impl EnvironmentRef {
    /// Reads `project/environment[@version]`.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Invalid`], saying what is allowed.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong =
            || Error::invalid("invalid environment reference: it must be of the form project/environment[@version]");
        let (path, version) = text.split_once('@').map_or((text, None), |(path, version)| (path, Some(version)));
        let (project, name) = path.split_once('/').ok_or_else(wrong)?;
        let part = |part: &str| {
            let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            (1..=100).contains(&part.len()) && part.chars().all(allowed)
        };
        if !part(project) || !part(name) || version.is_some_and(|v| !part(v)) {
            return Err(wrong());
        }
        Ok(Self { project: project.into(), name: name.into(), version: version.map(Into::into) })
    }
    /// `project/environment`, as permissions name it.
    pub fn identity(&self) -> String {
        format!("{}/{}", self.project, self.name)
    }
}

impl fmt::Display for EnvironmentRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.project, self.name)?;
        match &self.version {
            Some(version) => write!(f, "@{version}"),
            None => Ok(()),
        }
    }
}

/// When an account is scanned by itself, all in UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Schedule {
    /// Never.
    None,
    /// Twice a day.
    HalfDaily,
    /// Once a day.
    Daily,
    /// As five fields of cron say.
    Cron(String),
}

impl Schedule {
    /// The kind, as the store writes it.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::HalfDaily => "12h",
            Self::Daily => "daily",
            Self::Cron(_) => "cron",
        }
    }
    /// Its five fields; none where it never comes.
    pub fn cron(&self) -> Option<&str> {
        match self {
            Self::None => None,
            Self::HalfDaily => Some("0 0,12 * * *"),
            Self::Daily => Some("0 0 * * *"),
            Self::Cron(fields) => Some(fields),
        }
    }
    /// The one of this kind (`none`, `12h`, `daily`).
    pub fn named(kind: &str) -> Option<Self> {
        match kind {
            "none" => Some(Self::None),
            "12h" => Some(Self::HalfDaily),
            "daily" => Some(Self::Daily),
            _ => None,
        }
    }
}

/// What a team may do with an account (contract, `UpdateTeamInsightsAccountPermissionsRequest`: 0 to 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TeamPermission {
    /// Nothing.
    None,
    /// See it.
    Read,
    /// Scan and change it.
    Write,
    /// Delete it and decide who may use it.
    Admin,
}

impl TeamPermission {
    /// The one with this number.
    pub const fn from_number(number: i64) -> Option<Self> {
        match number {
            0 => Some(Self::None),
            1 => Some(Self::Read),
            2 => Some(Self::Write),
            3 => Some(Self::Admin),
            _ => None,
        }
    }
    /// Its number.
    pub const fn number(self) -> i64 {
        self as i64
    }
    /// What people call it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }
}

/// An account: one that people made (a root), or its child for one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// The root above it; itself for a root.
    pub root: AccountId,
    /// Its whole name, a child's with its root's.
    pub name: String,
    /// A child's region, or [`GLOBAL`]; none for a root.
    pub place: Option<String>,
    /// The cloud.
    pub provider: Provider,
    /// Where its credentials are.
    pub environment: EnvironmentRef,
    /// What is configured of it, as it was given (a JSON object).
    pub config: String,
    /// The pool of agents that it was given.
    pub agent_pool: Option<String>,
    /// The user who owns it; none where a token of the organisation made it.
    pub owner: Option<UserId>,
    /// The owner's login.
    pub owner_login: String,
    /// The cloud's own id of it, once known.
    pub cloud_account: Option<String>,
    /// The partition of the cloud that it is in, once known.
    pub cloud_partition: Option<String>,
    /// The places whose children were deleted by hand, so that no scan makes them again.
    pub excluded: Vec<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub modified_at: Timestamp,
}

impl Account {
    /// Whether it is a root.
    pub fn is_root(&self) -> bool {
        self.id == self.root
    }
    /// Whether it is scanned itself, and not by way of its children.
    pub fn is_leaf(&self) -> bool {
        !self.is_root() || !self.provider.has_children()
    }
}

/// The name of a root's child for this place.
pub fn child_name(root: &str, place: &str) -> String {
    format!("{root}/{place}")
}

/// What the store knows a resource by, within its account: the first 16 bytes of the SHA-256 of `type::id`.
pub fn resource_key(type_token: &str, id: &str) -> [u8; 16] {
    let mut hash = Sha256::new();
    hash.update(type_token.as_bytes());
    hash.update(b"::");
    hash.update(id.as_bytes());
    let mut key = [0; 16];
    key.copy_from_slice(&hash.finalize()[..16]);
    key
}

/// The two parts of `type::id`; the type has no `::` in it.
///
/// # Errors
/// [`crate::ErrorKind::Invalid`], saying what is expected.
pub fn split_resource(text: &str) -> Result<(&str, &str)> {
    match text.split_once("::") {
        Some((kind, id)) if !kind.is_empty() && !id.is_empty() => Ok((kind, id)),
        _ => Err(Error::invalid("a resource is named by its type and its id: type::id")),
    }
}

/// The URN of a discovered resource: its root is its project, its place its stack.
pub fn resource_urn(account: &str, type_token: &str, id: &str) -> String {
    let (root, place) = account.split_once('/').unwrap_or((account, account));
    format!("urn:pulumi:{place}::{root}::{type_token}::{id}")
}

/// A region of AWS by its form, so that no address can be made of anything else: `eu-west-1`, `us-gov-east-1`.
pub fn is_region(text: &str) -> bool {
    let mut parts = text.split('-').collect::<Vec<_>>();
    let Some(number) = parts.pop() else { return false };
    let letters = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
    parts.len() >= 2
        && text.len() <= 40
        && parts.first().is_some_and(|first| first.len() >= 2)
        && parts.iter().all(letters)
        && !number.is_empty()
        && number.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn environment_references() {
        for good in ["insights/pulumi-staging@2", "a/b", "a.b/c_d@prod", "a/b@latest"] {
            assert_eq!(EnvironmentRef::parse(good).map(|r| r.to_string()).as_deref(), Ok(good));
        }
        for bad in ["", "a", "a/", "/b", "a/b/c", "a/b@", "a/b@c@d", "a b/c", "a/b@c/d"] {
            assert!(EnvironmentRef::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn regions() {
        for good in ["us-east-1", "us-gov-east-1", "ap-southeast-12", "us-iso-east-1", "eusc-de-east-1"] {
            assert!(is_region(good), "{good}");
        }
        for bad in
            ["", "us", "us-east", "us-1", "Us-east-1", "us-east-1a", "us--1", "u-east-1", "us-east-1.evil.com", "1-2-3"]
        {
            assert!(!is_region(bad), "{bad}");
        }
    }

    #[test]
    fn words() {
        for provider in Provider::ALL {
            assert_eq!(Provider::parse(provider.as_str()), Some(provider));
        }
        assert_eq!(Provider::parse("azure"), Some(Provider::AzureNative));
        assert_eq!(Provider::parse("AWS"), None);
        for number in 0..4 {
            assert_eq!(TeamPermission::from_number(number).map(TeamPermission::number), Some(number));
        }
        assert_eq!(TeamPermission::from_number(4), None);
        for kind in ["none", "12h", "daily"] {
            assert_eq!(Schedule::named(kind).map(|s| s.kind()), Some(kind));
        }
    }
}
