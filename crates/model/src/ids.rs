//! The one registry of typed ids. Alphabetical; a kind is added here and nowhere else.
//!
//! Every id is a UUID version 7 (RFC 9562 §5.7): sortable by creation, 16 bytes in the store.

use crate::{clock::Clock, entropy::Entropy};
use std::{fmt, str::FromStr};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Uuid);

        impl $name {
            /// A fresh id, from the given clock and randomness.
            pub fn new(clock: &dyn Clock, entropy: &dyn Entropy) -> Self {
                Self(fresh(clock, entropy))
            }
            /// The id with these 16 bytes, as the store holds it.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }
            /// The 16 bytes that the store holds.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { self.0.fmt(f) }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(s: &str) -> Result<Self, uuid::Error> { Uuid::parse_str(s).map(Self) }
        }
    )*};
}

ids! {
    /// An Insights account: a root or one of its children.
    AccountId,
    /// An ESC environment.
    EnvironmentId,
    /// A rotation of an ESC environment, or of one of its secrets.
    EnvironmentRotationId,
    /// A schedule of an ESC environment.
    EnvironmentScheduleId,
    /// A tag of an ESC environment.
    EnvironmentTagId,
    /// An audit event.
    EventId,
    /// A registered OIDC issuer.
    IssuerId,
    /// An organisation.
    OrgId,
    /// An authentication policy of an OIDC issuer.
    PolicyId,
    /// One request, as `X-Pulumi-Request-ID` shows it.
    RequestId,
    /// A custom or built-in role.
    RoleId,
    /// A run of a scan.
    ScanId,
    /// A team.
    TeamId,
    /// An access token (not its value).
    TokenId,
    /// A user.
    UserId,
}

/// UUIDv7 from a clock and a source of randomness: 48 bits of milliseconds, 74 random bits.
fn fresh(clock: &dyn Clock, entropy: &dyn Entropy) -> Uuid {
    let mut random = [0u8; 10];
    entropy.fill(&mut random);
    let millis = u64::try_from(clock.now().as_micros() / 1000).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}
