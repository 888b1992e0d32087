//! Why an identity token gets nothing: what the log says, what its bearer is told.

use pileus_model::Error;

/// Why an exchange ends without a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reject {
    /// Not RS256 or ES256, or an extension that is not understood.
    Algorithm,
    /// The issuer has no key that this token could be signed with.
    UnknownKey,
    /// No key of the issuer made the signature.
    Signature,
    /// The issuer's keys cannot be fetched.
    Keys(String),
    /// The issuer's server does not have the registered certificate.
    Thumbprint,
    /// A claim is missing or malformed.
    Claim(&'static str),
    /// It has expired.
    Expired,
    /// It is not valid yet.
    NotYet,
    /// A policy denies it.
    Denied,
    /// No policy allows it.
    NotAllowed,
    /// What the policy allows is not there any more.
    Gone(&'static str),
}

impl Reject {
    /// Whether the signature was good, so that what the token says can be believed and its bearer be told the reason.
    pub(super) const fn verified(&self) -> bool {
        !matches!(self, Self::Algorithm | Self::UnknownKey | Self::Signature | Self::Keys(_) | Self::Thumbprint)
    }
    /// A name for the reason, for metrics and for what counts as the same failure.
    pub(super) const fn label(&self) -> &'static str {
        match self {
            Self::Algorithm => "algorithm",
            Self::UnknownKey => "unknown-key",
            Self::Signature => "signature",
            Self::Keys(_) => "keys",
            Self::Thumbprint => "thumbprint",
            Self::Claim(_) => "claim",
            Self::Expired => "expired",
            Self::NotYet => "not-yet",
            Self::Denied => "denied",
            Self::NotAllowed => "not-allowed",
            Self::Gone(_) => "gone",
        }
    }
    /// The reason as a clause.
    pub(super) fn reason(&self) -> String {
        match self {
            Self::Algorithm => "it is not signed with RS256 or ES256".into(),
            Self::UnknownKey => "the issuer has no such key".into(),
            Self::Signature => "its signature is wrong".into(),
            Self::Keys(why) => format!("the issuer's keys cannot be fetched: {why}"),
            Self::Thumbprint => "the issuer's server has none of the registered certificate thumbprints".into(),
            Self::Claim(what) => format!("its claims are incomplete: {what}"),
            Self::Expired => "it has expired".into(),
            Self::NotYet => "it is not valid yet".into(),
            Self::Denied => "a policy denies it".into(),
            Self::NotAllowed => "no policy allows it".into(),
            Self::Gone(what) => format!("{what} does not exist any more"),
        }
    }
    /// What the bearer is told. One who has not shown a genuine token learns nothing, not even whether the issuer or the
    /// organisation is known.
    pub(super) fn error(&self) -> Error {
        match self {
            Self::Keys(_) => {
                Error::unavailable("the identity token cannot be verified now: the issuer's keys are not to be had")
            }
            _ if self.verified() => {
                Error::invalid(format!("the identity token gets no access token: {}", self.reason()))
            }
            _ => unknown(),
        }
    }
}

/// The one answer to everybody who has not shown a genuine token of a registered issuer.
pub(super) fn unknown() -> Error {
    Error::unauthenticated(
        "the identity token is not accepted: no registered issuer of the organization vouches for it",
    )
}
