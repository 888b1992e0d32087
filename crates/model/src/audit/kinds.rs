//! Event types: identifiers of the catalogue and what is fixed for each of them.

use super::catalogue::CATALOGUE;
use std::fmt;

/// What the catalogue says of one event type.
#[derive(Debug)]
pub struct EventSpec {
    /// The identifier: `member-role-changed`.
    pub id: &'static str,
    /// The display name: `Member Role Changed`.
    pub display_name: &'static str,
    /// What the type means, in our words.
    pub description: &'static str,
    /// The action needs the organisation's admin role.
    pub requires_org_admin: bool,
    /// The action needs admin permission on the stack.
    pub requires_stack_admin: bool,
    /// The event is a failed authentication or authorisation.
    pub authentication_failure: bool,
    /// The identifier that took this one's place, for deprecated types.
    pub replaced_by: Option<&'static str>,
    /// A type of ours that the original's catalogue lacks.
    pub own: bool,
}

/// One type of event: a reference into the catalogue.
#[derive(Clone, Copy)]
pub struct EventType(&'static EventSpec);

impl EventType {
    /// The type with this entry; for the generated catalogue.
    pub const fn of(spec: &'static EventSpec) -> Self {
        Self(spec)
    }
    /// What the catalogue says of it.
    pub const fn spec(self) -> &'static EventSpec {
        self.0
    }
    /// Its identifier.
    pub const fn id(self) -> &'static str {
        self.0.id
    }
    /// All types, sorted by identifier.
    pub fn all() -> impl Iterator<Item = Self> {
        CATALOGUE.iter().map(Self)
    }
    /// The type with exactly this identifier.
    pub fn parse(id: &str) -> Option<Self> {
        CATALOGUE.binary_search_by(|spec| spec.id.cmp(id)).ok().map(|i| Self(&CATALOGUE[i]))
    }
    /// The type that a filter names: by identifier or display name, in any case. A deprecated name finds the
    /// events of the type that replaced it, since those are what is recorded.
    pub fn find(text: &str) -> Option<Self> {
        let found =
            CATALOGUE.iter().find(|s| s.id.eq_ignore_ascii_case(text) || s.display_name.eq_ignore_ascii_case(text))?;
        match found.replaced_by {
            Some(id) => Self::parse(id),
            None => Some(Self(found)),
        }
    }
}

impl PartialEq for EventType {
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id
    }
}
impl Eq for EventType {}

impl fmt::Debug for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.id)
    }
}
impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.id)
    }
}
