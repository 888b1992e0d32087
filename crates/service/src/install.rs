//! The first start: an organisation, its admin and his token in a store where nothing is yet.
//!
//! This room knows what a fresh installation begins with. Where the token is shown or kept is the server's business.

use crate::{App, organizations, users};
use pileus_model::{
    Error, Result, Timestamp,
    audit::{Actor, LogId, NewEvent, Outcome, RequestInfo, Target, catalogue},
    caller::{BuiltinRole, OrgRef},
    ids::{OrgId, TokenId, UserId},
    names::check_owner,
    token::{TokenKind, TokenValue},
};
use pileus_store::{
    Recorded, Tx, names,
    tokens::{self, NewTokenRow},
};
use std::sync::Arc;

/// What the token of the first start is described as.
pub const BOOTSTRAP: &str = "bootstrap";

/// What the first start makes.
#[derive(Debug, Clone)]
pub struct Bootstrap {
    /// The organisation's name.
    pub organization: String,
    /// The login of its admin, who is a site admin too.
    pub user: String,
    /// His token: chosen by the operator, or made by whoever shows it to him.
    pub token: TokenValue,
}

/// Whether the first start has been: somebody or something has a name.
///
/// # Errors
/// `Unavailable` where the database can't.
pub async fn is_set_up(app: &App) -> Result<bool> {
    Ok(!app.store.read(names::none_taken).await?)
}

/// Sets a fresh store up; on any other it changes nothing. Of several nodes that start at once one does it. Tells
/// whether this call did it.
///
/// # Errors
/// `Invalid` for names that can't be, `Unavailable` where the database can't.
pub async fn bootstrap(app: &App, wanted: Bootstrap) -> Result<bool> {
    if is_set_up(app).await? {
        return Ok(false);
    }
    check_owner("the organization's name", &wanted.organization)?;
    check_owner("the user's login", &wanted.user)?;
    if wanted.organization.eq_ignore_ascii_case(&wanted.user) {
        return Err(Error::invalid("the organization and its admin can't have the same name"));
    }
    let plan = Plan {
        org: OrgId::new(&*app.clock, &*app.entropy),
        user: UserId::new(&*app.clock, &*app.entropy),
        token: TokenId::new(&*app.clock, &*app.entropy),
        organization: wanted.organization,
        login: wanted.user,
        value: wanted.token,
    };
    let clock = Arc::clone(&app.clock);
    app.store
        .write(move |tx| {
            names::lock_all(tx)?;
            if !names::none_taken(tx)? {
                return Ok(Recorded::unaudited(false, "another node was first"));
            }
            let org = plan.carry_out(tx, clock.now())?;
            Ok(Recorded::with_all(true, plan.events(&org)))
        })
        .await
}

/// What is to be made, with the ids that it gets.
struct Plan {
    org: OrgId,
    user: UserId,
    token: TokenId,
    organization: String,
    login: String,
    value: TokenValue,
}

impl Plan {
    fn carry_out(&self, tx: &mut dyn Tx, now: Timestamp) -> Result<OrgRef> {
        let new = users::NewUser { login: self.login.clone(), name: String::new(), email: String::new() };
        let user = users::insert(tx, self.user, &new, true, now)?;
        let made = organizations::insert(tx, self.org, &self.organization, &self.organization, &user.user, now)?;
        let token = NewTokenRow {
            id: self.token,
            hash: self.value.hash(),
            kind: TokenKind::Personal,
            user: Some(self.user),
            org: None,
            team: None,
            name: String::new(),
            description: BOOTSTRAP.to_owned(),
            admin: false,
            role: None,
            issuer: None,
            created_by: self.login.clone(),
            created_at: now,
            expires_at: Timestamp::EPOCH,
        };
        tokens::insert(tx, &token)?;
        Ok(made.org)
    }

    /// In the site's log the user and the organisation, in the organisation's how it came to be and who is in it.
    fn events(&self, org: &OrgRef) -> Vec<NewEvent> {
        let (user, name) = (&self.login, &self.organization);
        let request = RequestInfo { operation: "install".into(), ..RequestInfo::default() };
        let event = |log, event, kind, target: &str, description| NewEvent {
            log,
            event,
            actor: Actor::system(),
            request: request.clone(),
            target: Target::new(kind, target),
            outcome: Outcome::Success,
            description,
            count: 1,
        };
        let created = format!("Created organization \"{name}\"");
        let added = format!("Added \"{user}\" to the organization as {}", BuiltinRole::Admin.as_str());
        let token = self.token.to_string();
        let made = format!("Created personal access token \"{token}\" for \"{user}\" ({BOOTSTRAP})");
        vec![
            event(LogId::SITE, catalogue::USER_CREATED, "user", user, format!("Created user \"{user}\"")),
            event(LogId::SITE, catalogue::ORGANIZATION_CREATED, "organization", name, created.clone()),
            event(org.log, catalogue::ORGANIZATION_CREATED, "organization", name, created),
            event(org.log, catalogue::MEMBER_ADDED, "member", user, added),
            event(org.log, catalogue::PERSONAL_TOKEN_CREATED, "token", &token, made),
        ]
    }
}
