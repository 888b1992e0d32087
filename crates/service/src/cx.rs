//! The context of one request.

use crate::App;
use pileus_model::{
    Error, Result, Timestamp,
    audit::{Actor, EventType, LogId, NewEvent, Outcome, RequestInfo, Target},
    authz::{Object, Permission},
    caller::{Caller, OrgAccess, OrgRef, UserRef},
};
use std::sync::Arc;

/// Who asks, for which organisation, by which request. Built by the dispatcher after it has authenticated the caller and
/// checked the operation's declared permission.
#[derive(Debug, Clone)]
pub struct Cx {
    /// The process.
    pub app: Arc<App>,
    /// The request.
    pub request: RequestInfo,
    /// The caller; none for public operations without credentials.
    pub caller: Option<Caller>,
    /// What the caller is in the organisation that the path names; none where it names none.
    pub org: Option<OrgAccess>,
}

impl Cx {
    /// The caller.
    ///
    /// # Errors
    /// `Unauthenticated` if there is none.
    pub fn caller(&self) -> Result<&Caller> {
        self.caller.as_ref().ok_or_else(|| Error::unauthenticated("credentials are required"))
    }
    /// The caller as a person.
    ///
    /// # Errors
    /// `Forbidden` if it is an organisation's or team's token.
    pub fn user(&self) -> Result<&UserRef> {
        self.caller()?.user().ok_or_else(|| Error::forbidden("this needs a personal access token"))
    }
    /// What the caller is in the organisation of the path.
    ///
    /// # Errors
    /// `NotFound` if the path names none that the caller may know.
    pub fn access(&self) -> Result<&OrgAccess> {
        self.org.as_ref().ok_or_else(|| Error::not_found("organization not found"))
    }
    /// The organisation of the path.
    ///
    /// # Errors
    /// As [`Cx::access`].
    pub fn org(&self) -> Result<&OrgRef> {
        self.access().map(|a| &a.org)
    }
    /// Requires a further permission than the declared one, on this object.
    ///
    /// # Errors
    /// `Forbidden`, naming the permission.
    pub fn require(&self, permission: Permission, object: &Object<'_>) -> Result<()> {
        if self.access()?.policy.allows(permission, object) {
            return Ok(());
        }
        Err(Error::forbidden(format!("this needs the permission {permission}")))
    }
    /// Now.
    pub fn now(&self) -> Timestamp {
        self.app.clock.now()
    }
    /// The caller as an actor; Pileus itself where there is none.
    pub fn actor(&self) -> Actor {
        self.caller.as_ref().map_or_else(Actor::system, Caller::actor)
    }
    /// An event of this request in the organisation's log.
    ///
    /// # Errors
    /// As [`Cx::org`].
    pub fn event(&self, event: EventType, target: Target, description: impl Into<String>) -> Result<NewEvent> {
        Ok(self.event_in(self.org()?.log, event, target, description))
    }
    /// An event of this request in this log.
    pub fn event_in(&self, log: LogId, event: EventType, target: Target, description: impl Into<String>) -> NewEvent {
        NewEvent {
            log,
            event,
            actor: self.actor(),
            request: self.request.clone(),
            target,
            outcome: Outcome::Success,
            description: description.into(),
            count: 1,
        }
    }
}
