//! Registering issuers, and what becomes of them.

use super::{MAX_EXPIRATION, discovery, discovery::Thumbprints, grants, jwk, policies, stored, to_store};
use crate::Cx;
use pileus_model::{
    Error, Result, Timestamp,
    audit::{Target, catalogue},
    ids::{IssuerId, PolicyId},
    names::check_line,
};
use pileus_store::{
    Recorded, Tx,
    oidc::{self as store, IssuerRow, PolicyRow},
    organizations,
};
use serde_json::Value;

/// Issuers that one organisation may register.
const MAX_ISSUERS: usize = 100;
/// Longest name, in characters.
const MAX_NAME: usize = 100;
/// Longest URL, in bytes.
const MAX_URL: usize = 1000;
/// Thumbprints of one issuer.
const MAX_THUMBPRINTS: usize = 10;

/// A registered issuer.
#[derive(Debug, Clone, PartialEq)]
pub struct Issuer {
    /// Its id.
    pub id: IssuerId,
    /// The name that people see.
    pub name: String,
    /// Its URL.
    pub url: String,
    /// What its tokens' `iss` must be.
    pub issuer: String,
    /// Its keys (a JWK Set), where they were given.
    pub jwks: Option<Value>,
    /// SHA-1 thumbprints of its certificates.
    pub thumbprints: Vec<String>,
    /// Longest life of a token made for it, in seconds.
    pub max_expiration: Option<i64>,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub modified_at: Timestamp,
    /// When a token was last made for it; the epoch for never.
    pub last_used_at: Timestamp,
}

/// An issuer to be registered.
#[derive(Debug, Clone)]
pub struct NewIssuer {
    /// The name that people see.
    pub name: String,
    /// Its URL: what its tokens' `iss` is.
    pub url: String,
    /// Its keys; fetched if absent.
    pub jwks: Option<Value>,
    /// Certificates of which one must be in the chain of the server that the keys come from; any if absent.
    pub thumbprints: Option<Vec<String>>,
    /// Longest life of a token made for it, in seconds.
    pub max_expiration: Option<i64>,
}

/// What changes of an issuer; what is absent stays.
#[derive(Debug, Clone)]
pub struct IssuerChange {
    /// The name; required, as the contract has it.
    pub name: Option<String>,
    /// Its keys; they are not fetched any more.
    pub jwks: Option<Value>,
    /// As [`NewIssuer::thumbprints`]; an empty list lifts the restriction.
    pub thumbprints: Option<Vec<String>>,
    /// Longest life of a token made for it, in seconds.
    pub max_expiration: Option<i64>,
}

fn issuer(row: &IssuerRow) -> Result<Issuer> {
    let thumbprints: Thumbprints = stored("thumbprints", &row.thumbprints)?;
    Ok(Issuer {
        id: row.id,
        name: row.name.clone(),
        url: row.url.clone(),
        issuer: row.issuer.clone(),
        jwks: row.jwks.as_deref().map(|set| stored("key set", set)).transpose()?,
        thumbprints: thumbprints.values,
        max_expiration: row.max_expiration,
        created_at: row.created_at,
        modified_at: row.modified_at,
        last_used_at: row.last_used_at,
    })
}

fn absent() -> Error {
    Error::not_found("OIDC issuer not found")
}

/// An issuer's id, as paths have it. What is no id belongs to no issuer.
fn parse_id(text: &str) -> Result<IssuerId> {
    text.parse().map_err(|_| absent())
}

fn target(row: &IssuerRow) -> Target {
    Target::new("oidc-issuer", &row.url)
}

/// The organisation's issuers, by name.
///
/// # Errors
/// `Unavailable` where the database can't.
pub async fn list(cx: &Cx) -> Result<Vec<Issuer>> {
    let org = cx.org()?.id;
    cx.app.store.read(move |tx| store::list(tx, org)?.iter().map(issuer).collect()).await
}

/// One issuer.
///
/// # Errors
/// `NotFound`.
pub async fn get(cx: &Cx, id: &str) -> Result<Issuer> {
    issuer(&find(cx, id).await?)
}

async fn find(cx: &Cx, id: &str) -> Result<IssuerRow> {
    let (org, id) = (cx.org()?.id, parse_id(id)?);
    cx.app.store.read(move |tx| store::find(tx, org, id)?.ok_or_else(absent)).await
}

/// Registers an issuer. Its keys are fetched once, to see that they can be, unless they are given. It grants nothing: its
/// policy is empty.
///
/// # Errors
/// `Invalid` where something is malformed or the keys cannot be fetched (saying what happened); `Conflict` where the URL is
/// registered already.
pub async fn register(cx: &Cx, new: NewIssuer) -> Result<Issuer> {
    let org = cx.org()?.clone();
    check_line("name", &new.name, MAX_NAME)?;
    check_expiration(new.max_expiration)?;
    check_url(cx, &new.url, new.jwks.is_some())?;
    let given = new.thumbprints.as_deref().map(parse_thumbprints).transpose()?.unwrap_or_default();
    let url = new.url.clone();
    let (org_id, looked_up) = (org.id, url.clone());
    // Asked before anything is fetched, so that a repeated registration costs nothing; asked again when it is written.
    cx.app.store.read(move |tx| check_free(tx, org_id, &looked_up)).await?;
    let thumbprints = keys_and_thumbprints(cx, &url, new.jwks.as_ref(), given).await?;
    let (clock, entropy, now) = (&*cx.app.clock, &*cx.app.entropy, cx.now());
    let row = IssuerRow {
        id: IssuerId::new(clock, entropy),
        name: new.name,
        issuer: url.clone(),
        url,
        jwks: new.jwks.as_ref().map(to_store).transpose()?,
        thumbprints: to_store(&thumbprints)?,
        max_expiration: new.max_expiration,
        created_at: now,
        modified_at: now,
        last_used_at: Timestamp::EPOCH,
    };
    let policy = PolicyRow {
        id: PolicyId::new(clock, entropy),
        issuer: row.id,
        version: 1,
        policies: "[]".into(),
        created_at: now,
        modified_at: now,
    };
    let event =
        cx.event(catalogue::OIDC_ISSUER_REGISTERED, target(&row), format!("Registered OIDC issuer \"{}\"", row.url))?;
    let made = issuer(&row)?;
    cx.app
        .store
        .write(move |tx| {
            organizations::lock(tx, org.id)?;
            check_free(tx, org.id, &row.url)?;
            store::insert(tx, org.id, &row)?;
            store::insert_policy(tx, org.id, &policy)?;
            Ok(Recorded::new((), event.clone()))
        })
        .await?;
    Ok(made)
}

fn check_free(tx: &mut dyn Tx, org: pileus_model::ids::OrgId, url: &str) -> Result<()> {
    if store::by_url(tx, org, url)?.is_some() {
        return Err(Error::conflict(format!("an OIDC issuer with the url \"{url}\" is registered already")));
    }
    if store::list(tx, org)?.len() >= MAX_ISSUERS {
        return Err(Error::conflict(format!("an organization may register up to {MAX_ISSUERS} OIDC issuers")));
    }
    Ok(())
}

/// Changes an issuer.
///
/// # Errors
/// `NotFound`; `Invalid` as [`register`]; `Forbidden` where other keys would give somebody what the caller may not do.
pub async fn update(cx: &Cx, id: &str, change: IssuerChange) -> Result<Issuer> {
    let before = find(cx, id).await?;
    let name = change.name.ok_or_else(|| Error::invalid("name is required"))?;
    check_line("name", &name, MAX_NAME)?;
    check_expiration(change.max_expiration)?;
    let mut after = before.clone();
    after.name = name;
    after.max_expiration = change.max_expiration.or(before.max_expiration);
    if let Some(set) = &change.jwks {
        after.jwks = Some(to_store(set)?);
    }
    if change.jwks.is_some() || change.thumbprints.is_some() {
        let given = change.thumbprints.as_deref().map(parse_thumbprints).transpose()?.unwrap_or_default();
        let set: Option<Value> = after.jwks.as_deref().map(|set| stored("key set", set)).transpose()?;
        after.thumbprints = to_store(&keys_and_thumbprints(cx, &before.url, set.as_ref(), given).await?)?;
    }
    let trust_changes = after.jwks != before.jwks || after.thumbprints != before.thumbprints;
    let description = format!("Updated OIDC issuer \"{}\"", before.url);
    write_change(cx, before, after, trust_changes, description).await
}

/// Reads the thumbprints of an issuer's certificates anew. If one of the old ones was required, one of the new ones is.
///
/// # Errors
/// `NotFound`; `Invalid` where the keys were given or cannot be fetched; `Forbidden` as [`update`].
pub async fn regenerate_thumbprints(cx: &Cx, id: &str) -> Result<Issuer> {
    let before = find(cx, id).await?;
    if before.jwks.is_some() {
        return Err(Error::invalid(
            "the issuer's keys are statically configured: there are no thumbprints to regenerate",
        ));
    }
    let old: Thumbprints = stored("thumbprints", &before.thumbprints)?;
    let fetched = fetch(cx, &before.url).await?;
    let mut after = before.clone();
    let values: Vec<String> = fetched.chain.last().cloned().into_iter().collect();
    after.thumbprints = to_store(&Thumbprints { pinned: old.pinned && !values.is_empty(), values })?;
    let description = format!("Updated OIDC issuer \"{}\": read its certificate thumbprints anew", before.url);
    write_change(cx, before, after, old.pinned, description).await
}

async fn write_change(
    cx: &Cx,
    before: IssuerRow,
    mut after: IssuerRow,
    trust: bool,
    description: String,
) -> Result<Issuer> {
    let org = cx.org()?.id;
    // Later than before even where the clock stands: it tells other nodes that remembered keys are out of date.
    after.modified_at = cx.now().max(Timestamp::from_micros(before.modified_at.as_micros() + 1));
    let event = cx.event(catalogue::OIDC_ISSUER_UPDATED, target(&after), description)?;
    let changed = issuer(&after)?;
    let (app, cx) = (cx.app.clone(), cx.clone());
    app.store
        .write(move |tx| {
            organizations::lock(tx, org)?;
            let now = store::find(tx, org, before.id)?.ok_or_else(absent)?;
            if now.modified_at != before.modified_at {
                return Err(Error::conflict(
                    "the OIDC issuer was changed by somebody else at the same time: try again",
                ));
            }
            if trust {
                let policy = store::policy_of(tx, org, before.id)?;
                let definitions = policy.map(|p| policies::definitions(&p)).transpose()?.unwrap_or_default();
                grants::check(tx, &cx, &definitions)?;
            }
            store::update(tx, org, &after)?;
            Ok(Recorded::new((), event.clone()))
        })
        .await?;
    Ok(changed)
}

/// Removes an issuer, its policy, and every token that was made for it.
///
/// # Errors
/// `NotFound`.
pub async fn delete(cx: &Cx, id: &str) -> Result<()> {
    let (org, now, app, cx) = (cx.org()?.id, cx.now(), cx.app.clone(), cx.clone());
    let id = parse_id(id)?;
    app.store
        .write(move |tx| {
            organizations::lock(tx, org)?;
            let row = store::find(tx, org, id)?.ok_or_else(absent)?;
            let revoked = store::revoke_tokens(tx, org, id, now)?;
            store::delete(tx, org, id)?;
            let description = match revoked {
                0 => format!("Deleted OIDC issuer \"{}\"", row.url),
                n => format!("Deleted OIDC issuer \"{}\" and revoked {n} access tokens made for it", row.url),
            };
            Ok(Recorded::new((), cx.event(catalogue::OIDC_ISSUER_DELETED, target(&row), description)?))
        })
        .await
}

fn check_expiration(seconds: Option<i64>) -> Result<()> {
    match seconds {
        Some(s) if !(1..=MAX_EXPIRATION).contains(&s) => {
            Err(Error::invalid(format!("maxExpiration must be 1 to {MAX_EXPIRATION} seconds")))
        }
        _ => Ok(()),
    }
}

/// An issuer's URL has the form that OpenID Connect demands (Core §2, `iss`): https, no query, no fragment. Plain http is
/// for places that the configuration of outgoing requests allows. Where keys are given nothing is connected to, so that
/// the address does not matter.
fn check_url(cx: &Cx, url: &str, offline: bool) -> Result<()> {
    if url.len() > MAX_URL {
        return Err(Error::invalid(format!("url is too long: at most {MAX_URL} bytes")));
    }
    let parsed = url::Url::parse(url).map_err(|e| Error::invalid(format!("url is not a URL: {e}")))?;
    if parsed.query().is_some()
        || parsed.fragment().is_some()
        || url.chars().any(|c| c.is_whitespace() || c.is_control())
    {
        return Err(Error::invalid("url must have no query, no fragment and no spaces"));
    }
    let plain = parsed.host().is_some() && parsed.username().is_empty() && parsed.password().is_none();
    if offline && plain && parsed.scheme() == "https" {
        return Ok(());
    }
    cx.app.egress.check(url).map(|_| ()).map_err(|e| Error::invalid(format!("url: {e}")))
}

fn parse_thumbprints(given: &[String]) -> Result<Vec<String>> {
    if given.len() > MAX_THUMBPRINTS {
        return Err(Error::invalid(format!("thumbprints may hold up to {MAX_THUMBPRINTS} entries")));
    }
    let parse = |text: &String| {
        let hex: String = text.chars().filter(|c| *c != ':').collect::<String>().to_ascii_lowercase();
        let ok = hex.len() == 40 && hex.chars().all(|c| c.is_ascii_hexdigit());
        ok.then_some(hex).ok_or_else(|| {
            Error::invalid(format!("thumbprint \"{text}\" is no SHA-1: 40 hexadecimal digits are expected"))
        })
    };
    given.iter().map(parse).collect()
}

async fn fetch(cx: &Cx, url: &str) -> Result<discovery::Fetched> {
    discovery::fetch(&cx.app, url)
        .await
        .map_err(|why| Error::invalid(format!("the issuer's keys cannot be fetched: {why}")))
}

/// Sees that the keys are usable, and finds or checks the thumbprints.
async fn keys_and_thumbprints(cx: &Cx, url: &str, jwks: Option<&Value>, given: Vec<String>) -> Result<Thumbprints> {
    let pinned = !given.is_empty();
    if let Some(set) = jwks {
        jwk::check_registered(set)?;
        return Ok(Thumbprints { pinned, values: given });
    }
    let chain = fetch(cx, url).await?.chain;
    if !pinned {
        return Ok(Thumbprints { pinned, values: chain.last().cloned().into_iter().collect() });
    }
    let thumbprints = Thumbprints { pinned, values: given };
    if thumbprints.fit(&chain) {
        return Ok(thumbprints);
    }
    let found = if chain.is_empty() { "no certificate".to_owned() } else { chain.join(", ") };
    Err(Error::invalid(format!(
        "none of the thumbprints is in the chain of the server of the issuer's keys, which has {found}"
    )))
}
