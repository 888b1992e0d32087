//! What is declared of an operation, so that nothing of it is decided anywhere else.
//!
//! This room knows declarations. It must never know who obeys them.

use crate::OPERATIONS;

/// One operation of the contract, or one of ours.
#[derive(Debug)]
pub struct Operation {
    /// Its operationId.
    pub id: &'static str,
    /// Its method, upper case.
    pub method: &'static str,
    /// Its path, with `{parameters}`.
    pub path: &'static str,
    /// The tag that it is listed under.
    pub tag: &'static str,
    /// How it is served, if it is.
    pub served: Option<Served>,
    /// Not served, and answers 404 instead of 501, because a client expects that.
    pub absent: bool,
    /// The operation that serves it, where it is only an older address of that one.
    pub alias: Option<&'static str>,
}

impl Operation {
    /// One that is served.
    pub const fn served(
        id: &'static str,
        method: &'static str,
        path: &'static str,
        tag: &'static str,
        served: Served,
    ) -> Self {
        Self { id, method, path, tag, served: Some(served), absent: false, alias: None }
    }
    /// One that answers 404.
    pub const fn absent(id: &'static str, method: &'static str, path: &'static str, tag: &'static str) -> Self {
        Self { id, method, path, tag, served: None, absent: true, alias: None }
    }
    /// One that answers 501.
    pub const fn unserved(id: &'static str, method: &'static str, path: &'static str, tag: &'static str) -> Self {
        Self { id, method, path, tag, served: None, absent: false, alias: None }
    }
    /// One that is another one's older address. What its path lacks of the other's is the project `default`.
    pub const fn alias(
        id: &'static str,
        method: &'static str,
        path: &'static str,
        tag: &'static str,
        target: &'static str,
    ) -> Self {
        Self { id, method, path, tag, served: None, absent: false, alias: Some(target) }
    }
    /// Whether it only reads.
    pub fn reads(&self) -> bool {
        matches!(self.method, "GET" | "HEAD")
    }
}

/// How an operation is served (`contract/served.toml`).
#[derive(Debug)]
pub struct Served {
    /// Who may call it.
    pub access: Access,
    /// The object that the permission is checked on.
    pub object: ObjectRule,
    /// The event types that it leaves when it succeeds, one of them each time.
    pub audit: &'static [&'static str],
    /// Why it leaves none although it changes something.
    pub why_unaudited: Option<&'static str>,
    /// The event type that a refusal leaves.
    pub denied: &'static str,
    /// Its rate class.
    pub rate: RateClass,
    /// The status of its success.
    pub status: u16,
    /// How its body is written.
    pub body: BodyKind,
    /// One line that says what it does.
    pub summary: &'static str,
}

/// Who may call an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody, without credentials.
    Public,
    /// Anybody with a valid token.
    User,
    /// A person, with a personal token.
    Personal,
    /// A site admin, with a personal token.
    SiteAdmin,
    /// Anybody in the organisation of the path.
    Member,
    /// Who has this permission (a scope of the contract) in the organisation of the path.
    Permission(&'static str),
}

/// The object that a permission is checked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectRule {
    /// The organisation of the path.
    Organization,
    /// The team that this path parameter names.
    Team(&'static str),
    /// The environment that these two path parameters name: its project and itself.
    Environment(&'static str, &'static str),
    /// The Insights account that this path parameter names, in any of the written forms of its name.
    Account(&'static str),
}

/// How often an operation may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RateClass {
    /// Ordinary calls.
    Default,
    /// Exports: few at once.
    Export,
    /// Attempts to log in.
    Login,
    /// Calls without credentials.
    Public,
}

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyKind {
    /// There is none.
    None,
    /// JSON.
    Json,
    /// `application/x-www-form-urlencoded` or JSON.
    FormOrJson,
    /// Text as it stands, whatever content type it claims: YAML documents.
    Text,
}

/// The operation with this id.
pub fn operation(id: &str) -> Option<&'static Operation> {
    OPERATIONS.binary_search_by(|o| o.id.cmp(id)).ok().and_then(|i| OPERATIONS.get(i))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_is_found_by_its_id() {
        for o in OPERATIONS {
            assert!(operation(o.id).is_some_and(|found| std::ptr::eq(found, o)), "{}", o.id);
        }
        assert!(operation("NoSuchOperation").is_none());
    }

    #[test]
    fn what_changes_something_is_audited_or_says_why_not() {
        for o in OPERATIONS.iter().filter(|o| !o.reads()) {
            if let Some(served) = &o.served {
                assert!(!served.audit.is_empty() || served.why_unaudited.is_some(), "{}", o.id);
            }
        }
    }

    #[test]
    fn events_are_those_of_the_catalogue() {
        for served in OPERATIONS.iter().filter_map(|o| o.served.as_ref()) {
            for id in served.audit.iter().chain([&served.denied]) {
                assert!(pileus_model::audit::EventType::parse(id).is_some(), "{id}");
            }
        }
    }
}
