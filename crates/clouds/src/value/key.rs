//! Names of members: those that the catalogue knows are there once for all, the others are texts of their own.

use crate::redact::Rule;
use std::{fmt, ops::Deref};

/// A name that the catalogue knows, and what is done with values of that name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Name {
    text: Box<str>,
    rule: Rule,
}

impl Name {
    /// It stays as long as the process, as the catalogue does.
    pub(crate) fn known(text: &str) -> &'static Self {
        Box::leak(Box::new(Self { text: text.into(), rule: Rule::of(text) }))
    }
    /// As it is written.
    pub(crate) const fn text(&self) -> &str {
        &self.text
    }
}

/// A name.
#[derive(Clone)]
pub struct Key(Of);

#[derive(Clone)]
enum Of {
    Known(&'static Name),
    Own(Box<str>),
}

impl Key {
    /// How its value is redacted.
    pub(crate) fn rule(&self) -> Rule {
        match &self.0 {
            Of::Known(name) => name.rule,
            Of::Own(text) => Rule::of(text),
        }
    }
}

impl Deref for Key {
    type Target = str;

    #[inline]
    fn deref(&self) -> &str {
        match &self.0 {
            Of::Known(name) => &name.text,
            Of::Own(text) => text,
        }
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl From<&'static Name> for Key {
    fn from(name: &'static Name) -> Self {
        Self(Of::Known(name))
    }
}

impl From<&str> for Key {
    fn from(text: &str) -> Self {
        Self(Of::Own(text.into()))
    }
}

impl From<String> for Key {
    fn from(text: String) -> Self {
        Self(Of::Own(text.into()))
    }
}
