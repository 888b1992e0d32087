//! Personal access tokens: they stand for a person, in all his organisations.

use super::{
    Created, ListQuery, NewToken, TokenPage, because, check_description, check_lifetime, expiry, parse_id, unknown,
};
use crate::{App, Cx, organizations::Settings};
use pileus_model::{
    Error, Result, Timestamp,
    audit::{EventType, NewEvent, Target, catalogue},
    caller::UserRef,
    ids::UserId,
    token::{TokenHash, TokenKind},
};
use pileus_store::{
    Recorded, Tx, members,
    tokens::{self as store, NewTokenRow, TokenRow},
    users,
};
use std::sync::Arc;

/// The caller's personal tokens.
///
/// # Errors
/// `Forbidden` for machine tokens, `Invalid` for a bad filter, page size or continuation.
pub async fn list(cx: &Cx, query: &ListQuery) -> Result<TokenPage> {
    let (user, page) = (cx.user()?.id, query.page(cx.now())?);
    let rows = cx.app.store.read(move |tx| store::of_user(tx, user, page)).await?;
    Ok(TokenPage::of(rows, page))
}

/// Makes a personal token for the caller.
///
/// # Errors
/// `Invalid` for a bad expiry or description; `Forbidden` for machine tokens, and for a token that reaches one
/// organisation only: it could make itself one without that limit.
pub async fn create(cx: &Cx, description: String, expires: i64, reason: Option<&str>) -> Result<Created> {
    let user = cx.user()?.clone();
    if cx.caller()?.only_org.is_some() {
        return Err(Error::forbidden(
            "an access token that was issued for one organization can't create access tokens",
        ));
    }
    let because = because(reason)?;
    create_as(cx, Owner::Known(user), description, expires, because).await
}

/// Makes a personal token for someone else. For site admins; it is recorded in all that user's organisations.
///
/// # Errors
/// `NotFound` for an unknown login, `Conflict` for a user who is disabled, `Invalid` for a bad expiry or description.
pub async fn create_for(cx: &Cx, login: &str, description: String, expires: i64) -> Result<Created> {
    create_as(cx, Owner::Login(login.to_owned()), description, expires, String::new()).await
}

/// Whose token it is to be.
#[derive(Debug, Clone)]
enum Owner {
    Known(UserRef),
    Login(String),
}

impl Owner {
    fn find(&self, tx: &mut dyn Tx) -> Result<UserRef> {
        let login = match self {
            Self::Known(user) => return Ok(user.clone()),
            Self::Login(login) => login,
        };
        let Some(found) = users::by_login(tx, login)? else {
            return Err(Error::not_found(format!("user \"{login}\" not found")));
        };
        if found.disabled {
            return Err(Error::conflict(format!("user \"{login}\" is disabled: enable him first")));
        }
        Ok(found.user)
    }
}

async fn create_as(cx: &Cx, owner: Owner, description: String, expires: i64, because: String) -> Result<Created> {
    check_description(&description)?;
    let expires_at = expiry(expires, cx.now())?;
    let new = NewToken {
        kind: TokenKind::Personal,
        user: None,
        org: None,
        team: None,
        name: String::new(),
        description,
        admin: false,
        role: None,
        issuer: None,
        created_by: cx.caller()?.login().to_owned(),
        expires_at,
    };
    let (value, row) = new.mint(&cx.app);
    let (cx, id, app) = (cx.clone(), row.id, cx.app.clone());
    app.store
        .write(move |tx| {
            let user = owner.find(tx)?;
            check_limits(tx, user.id, expires_at, cx.now())?;
            let row = NewTokenRow { user: Some(user.id), ..row.clone() };
            store::insert(tx, &row)?;
            let whose = match &owner {
                Owner::Known(_) => String::new(),
                Owner::Login(_) => format!(" for \"{}\"", user.login),
            };
            let text =
                format!("Created personal access token \"{id}\"{whose}{}{because}", in_brackets(&row.description));
            let events = events(tx, &cx, user.id, catalogue::PERSONAL_TOKEN_CREATED, &id.to_string(), &text)?;
            Ok(Recorded::with_all((), events))
        })
        .await?;
    Ok(Created { id, value })
}

/// What an organisation of the user allows at most holds for all his tokens: they are used there too.
fn check_limits(tx: &mut dyn Tx, user: UserId, expires_at: Timestamp, now: Timestamp) -> Result<()> {
    for (org, settings) in store::settings_of_user(tx, user)? {
        check_lifetime(&org, &Settings::parse(&settings), expires_at, now)?;
    }
    Ok(())
}

fn in_brackets(description: &str) -> String {
    if description.is_empty() { String::new() } else { format!(" ({description})") }
}

/// One event in each of the user's organisations; in the site's log if he is in none.
fn events(
    tx: &mut dyn Tx,
    cx: &Cx,
    user: UserId,
    event: EventType,
    token: &str,
    description: &str,
) -> Result<Vec<NewEvent>> {
    let logs = members::logs_of_user(tx, user)?;
    Ok(logs.into_iter().map(|log| cx.event_in(log, event, Target::new("token", token), description)).collect())
}

/// Revokes one of the caller's personal tokens, also the one that he is using.
///
/// # Errors
/// `NotFound` if he has none with this id any more; `Forbidden` for machine tokens, and for a token that reaches one
/// organisation only and is not the one to be revoked.
pub async fn delete(cx: &Cx, id: &str) -> Result<()> {
    let (user, id) = (cx.user()?.id, parse_id(id)?);
    let caller = cx.caller()?;
    if caller.only_org.is_some() && caller.token != id {
        return Err(Error::forbidden("an access token that was issued for one organization can delete only itself"));
    }
    let (cx, app) = (cx.clone(), cx.app.clone());
    let hash = app
        .store
        .write(move |tx| {
            let row: TokenRow = store::find_personal(tx, user, id)?.ok_or_else(unknown)?;
            let hash = store::delete_personal(tx, user, id, cx.now())?.ok_or_else(unknown)?;
            let text = format!("Deleted personal access token \"{id}\"{}", in_brackets(&row.description));
            let events = events(tx, &cx, user, catalogue::PERSONAL_TOKEN_DELETED, &id.to_string(), &text)?;
            Ok(Recorded::with_all(hash, events))
        })
        .await?;
    forget_file(&app, hash).await;
    Ok(())
}

/// Removes the file that the first start wrote its token to, if the token with this hash is the one in it. To be called
/// once the token's revocation is committed.
pub async fn forget_file(app: &Arc<App>, hash: Vec<u8>) {
    let Some(file) = app.settings.admin_token_file.clone() else {
        return;
    };
    let shown = file.display().to_string();
    let removed = tokio::task::spawn_blocking(move || {
        let Ok(content) = std::fs::read_to_string(&file) else {
            return Ok(());
        };
        if TokenHash::of(content.trim()).matches(&hash) { std::fs::remove_file(&file) } else { Ok(()) }
    })
    .await;
    match removed {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(file = shown, %error, "the file of a revoked token can't be removed"),
        Err(error) => tracing::warn!(file = shown, %error, "the file of a revoked token can't be looked at"),
    }
}
