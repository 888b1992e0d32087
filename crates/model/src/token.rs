//! Access tokens: their value, their hash, their kinds.

use crate::{Error, Result, Secret, entropy::Entropy};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use subtle::ConstantTimeEq;

/// What every token value begins with.
pub const PREFIX: &str = "pul-";

/// Whom a token stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// A user.
    Personal,
    /// An organisation.
    Organization,
    /// A team of an organisation.
    Team,
}

impl TokenKind {
    /// As the store and the contract (`AccessToken.type`) write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Personal => "personal",
            Self::Organization => "organization",
            Self::Team => "team",
        }
    }
    /// The kind written so, if it is one.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Personal, Self::Organization, Self::Team].into_iter().find(|k| k.as_str() == text)
    }
}

/// The value of a token: `pul-` and 40 hexadecimal digits (160 random bits). Shown once, never stored.
#[derive(Debug, Clone)]
pub struct TokenValue(Secret<String>);

impl TokenValue {
    /// A fresh value.
    pub fn new(entropy: &dyn Entropy) -> Self {
        let mut random = [0u8; 20];
        entropy.fill(&mut random);
        let mut text = String::with_capacity(PREFIX.len() + 40);
        text.push_str(PREFIX);
        for byte in random {
            let _ = write!(text, "{byte:02x}");
        }
        Self(Secret::new(text))
    }
    /// A value that the operator chose (`PILEUS_BOOTSTRAP_TOKEN`).
    ///
    /// # Errors
    /// Unless it is `pul-` and at least 32 further letters, digits, `-` or `_`.
    pub fn chosen(text: String) -> Result<Self> {
        let rest = text.strip_prefix(PREFIX).unwrap_or_default();
        if rest.len() < 32 || !rest.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') {
            return Err(Error::invalid("a token must be \"pul-\" and at least 32 further letters, digits, '-' or '_'"));
        }
        Ok(Self(Secret::new(text)))
    }
    /// The text itself, to be shown once.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
    /// What the store keeps.
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(self.expose())
    }
}

/// The SHA-256 of a token's value: what the store keeps and looks up.
#[derive(Clone, Copy)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// The hash of what a client presented.
    pub fn of(presented: &str) -> Self {
        Self(Sha256::digest(presented.as_bytes()).into())
    }
    /// The bytes that the store holds.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
    /// Compares with what the store holds, in constant time.
    pub fn matches(&self, stored: &[u8]) -> bool {
        self.0.ct_eq(stored).into()
    }
}
