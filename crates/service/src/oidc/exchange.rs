//! Identity token in, access token out (RFC 8693).

use super::{
    DEFAULT_EXPIRATION, MAX_EXPIRATION, discovery,
    failures::{self, actor, login},
    jwt::{self, Claims, Jwt},
    policies,
    reject::{Reject, unknown},
    rules::{Definition, Verdict, Wanted, judge},
};
use crate::{Cx, roles::find_grant};
use pileus_model::{
    Error, Result,
    audit::{EventType, NewEvent, Target, catalogue},
    caller::OrgRef,
    ids::{RoleId, TeamId, TokenId, UserId},
    names::check_owner,
    token::{TokenHash, TokenKind, TokenValue},
};
use pileus_store::{
    Recorded, Tx, members,
    oidc::{self as store, IssuerRow},
    organizations, teams,
    tokens::{self, NewTokenRow},
};

const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
const AUDIENCE: &str = "urn:pulumi:org:";
const ACCESS_TOKEN: &str = "urn:pulumi:token-type:access_token:";

/// What a client sends.
#[derive(Debug, Clone, Default)]
pub struct ExchangeRequest {
    /// Only token exchange is served.
    pub grant_type: String,
    /// `urn:pulumi:org:NAME`.
    pub audience: Option<String>,
    /// `urn:pulumi:token-type:access_token:KIND`.
    pub requested_token_type: Option<String>,
    /// Empty, `admin`, `team:NAME` or `user:LOGIN`, as the kind demands.
    pub scope: Option<String>,
    /// `urn:ietf:params:oauth:token-type:id_token`.
    pub subject_token_type: Option<String>,
    /// The identity token.
    pub subject_token: Option<String>,
    /// The life that is wished for, in seconds.
    pub expiration: Option<i64>,
}

/// What the client gets.
#[derive(Debug)]
pub struct Exchanged {
    /// The access token.
    pub token: TokenValue,
    /// Its type, as it was asked for.
    pub issued_token_type: String,
    /// Its life, in seconds.
    pub expires_in: i64,
    /// Its scope, as it was asked for.
    pub scope: String,
}

/// A request whose form is good.
struct Asked {
    org: String,
    wanted: Wanted,
    token_type: String,
    scope: String,
    jwt: Jwt,
    expiration: Option<i64>,
}

/// Makes an access token for whom a registered issuer vouches, as far as its policies allow.
///
/// # Errors
/// `Invalid` for a malformed request, and for a genuine token that gets nothing (saying why); `Unauthenticated`, in the same
/// words for everybody, where the token is not genuine or organisation or issuer are unknown; `Unavailable` where the
/// issuer's keys are not to be had.
pub async fn exchange(cx: &Cx, request: ExchangeRequest) -> Result<Exchanged> {
    let asked = read(request)?;
    let (name, iss) = (asked.org.clone(), asked.jwt.issuer().ok_or_else(unknown)?.to_owned());
    let found = cx
        .app
        .store
        .read(move |tx| {
            let Some(organization) = organizations::by_name(tx, &name)? else { return Ok(None) };
            let issuer = store::by_url(tx, organization.org.id, &iss)?;
            Ok(issuer.map(|issuer| (organization.org, issuer)))
        })
        .await?;
    let Some((org, issuer)) = found.filter(|(_, issuer)| asked.jwt.issuer() == Some(&issuer.issuer)) else {
        metrics::counter!("pileus_oidc_refusals_total", "reason" => "unknown").increment(1);
        return Err(unknown());
    };
    let claims = match genuine(cx, &asked.jwt, &issuer).await {
        Ok(claims) => claims.clone(),
        Err(reject) => return refuse(cx, &org, &issuer, &reject, &Claims::new()).await,
    };
    let made = match jwt::check(&claims, cx.now()) {
        Ok(()) => make(cx, &org, &issuer, &asked, &claims).await?,
        Err(reject) => Err(reject),
    };
    match made {
        Ok((token, expires_in)) => {
            Ok(Exchanged { token, issued_token_type: asked.token_type, expires_in, scope: asked.scope })
        }
        Err(reject) => refuse(cx, &org, &issuer, &reject, &claims).await,
    }
}

async fn refuse<T>(cx: &Cx, org: &OrgRef, issuer: &IssuerRow, reject: &Reject, claims: &Claims) -> Result<T> {
    failures::record(cx, org, issuer, reject, claims).await;
    Err(reject.error())
}

/// The claims, if one of the issuer's keys signed them. Published keys are fetched anew, at most once in a while, where
/// none of the known ones did.
async fn genuine<'a>(cx: &Cx, jwt: &'a Jwt, issuer: &IssuerRow) -> Result<&'a Claims, Reject> {
    let keys = discovery::keys(&cx.app, issuer, false).await?;
    match jwt.verify(&keys) {
        Err(Reject::UnknownKey | Reject::Signature) if issuer.jwks.is_none() => {
            jwt.verify(&*discovery::keys(&cx.app, issuer, true).await?)
        }
        verified => verified,
    }
}

fn read(request: ExchangeRequest) -> Result<Asked> {
    let required = |name: &str, value: Option<String>| {
        value.filter(|v| !v.is_empty()).ok_or_else(|| Error::invalid(format!("{name} is required")))
    };
    if request.grant_type != TOKEN_EXCHANGE {
        return Err(Error::invalid(format!("unsupported_grant_type: grant_type must be \"{TOKEN_EXCHANGE}\"")));
    }
    let audience = required("audience", request.audience)?;
    let org = audience.strip_prefix(AUDIENCE).filter(|org| check_owner("organization", org).is_ok());
    let org = org.ok_or_else(|| Error::invalid(format!("audience must be \"{AUDIENCE}ORGANIZATION\"")))?.to_owned();
    if required("subject_token_type", request.subject_token_type)? != ID_TOKEN {
        return Err(Error::invalid(format!("subject_token_type must be \"{ID_TOKEN}\"")));
    }
    let token_type = required("requested_token_type", request.requested_token_type)?;
    let scope = request.scope.unwrap_or_default();
    let wanted = wanted(token_type.strip_prefix(ACCESS_TOKEN).unwrap_or_default(), &scope)?;
    if request.expiration.is_some_and(|seconds| seconds < 1) {
        return Err(Error::invalid("expiration must be at least 1 second"));
    }
    let jwt = Jwt::parse(&required("subject_token", request.subject_token)?)
        .ok_or_else(|| Error::invalid("subject_token must be a signed JSON Web Token of at most 16 KiB"))?;
    Ok(Asked { org, wanted, token_type, scope, jwt, expiration: request.expiration })
}

fn wanted(kind: &str, scope: &str) -> Result<Wanted> {
    let named = |prefix: &str| scope.strip_prefix(prefix).filter(|name| !name.is_empty()).map(str::to_owned);
    match kind {
        "organization" if scope.is_empty() || scope == "admin" => Ok(Wanted::Organization { admin: scope == "admin" }),
        "organization" => Err(Error::invalid("scope must be empty or \"admin\" for an organization's token")),
        "team" => named("team:")
            .map(Wanted::Team)
            .ok_or_else(|| Error::invalid("scope must be \"team:NAME\" for a team's token")),
        "personal" => named("user:")
            .map(Wanted::Personal)
            .ok_or_else(|| Error::invalid("scope must be \"user:LOGIN\" for a personal token")),
        "runner" => Err(Error::invalid("there are no deployment runners here: runner tokens are not served")),
        _ => Err(Error::invalid(format!(
            "requested_token_type must be \"{ACCESS_TOKEN}\" followed by \"organization\", \"team\" or \"personal\""
        ))),
    }
}

/// The life of the token, in seconds: what was asked for, else the default, within the issuer's and the general limit.
fn life(asked: Option<i64>, issuer: &IssuerRow) -> i64 {
    let limit = issuer.max_expiration.unwrap_or(MAX_EXPIRATION).min(MAX_EXPIRATION);
    asked.unwrap_or(DEFAULT_EXPIRATION).min(limit)
}

/// What a policy gives.
struct Grant {
    user: Option<UserId>,
    team: Option<TeamId>,
    role: Option<RoleId>,
    admin: bool,
}

/// Judges and, if the verdict is good, makes the token and its event in the same transaction: what a policy says when the
/// token is made is what counts.
async fn make(
    cx: &Cx,
    org: &OrgRef,
    issuer: &IssuerRow,
    asked: &Asked,
    claims: &Claims,
) -> Result<Result<(TokenValue, i64), Reject>> {
    let (now, seconds) = (cx.now(), life(asked.expiration, issuer));
    let value = TokenValue::new(&*cx.app.entropy);
    let subject = jwt::subject(claims).unwrap_or_default();
    let (row, event) = blank(cx, org, issuer, asked, subject, value.hash(), seconds);
    let (org, issuer, wanted, claims) = (org.clone(), issuer.clone(), asked.wanted.clone(), claims.clone());
    let refused = "nothing was changed; the refusal is recorded by itself";
    let made = cx
        .app
        .store
        .write(move |tx| {
            organizations::lock(tx, org.id)?;
            check_unchanged(tx, &org, &issuer)?;
            let policy = store::policy_of(tx, org.id, issuer.id)?;
            let definitions = policy.map(|p| policies::definitions(&p)).transpose()?.unwrap_or_default();
            let grant = match judge(&definitions, &wanted, &claims) {
                Verdict::Denied => Err(Reject::Denied),
                Verdict::Nothing => Err(Reject::NotAllowed),
                Verdict::Allowed(definition) => grant(tx, &org, definition, &wanted)?,
            };
            let grant = match grant {
                Ok(grant) => grant,
                Err(reject) => return Ok(Recorded::unaudited(Err(reject), refused)),
            };
            if !row.name.is_empty() && tokens::name_taken(tx, org.id, &row.name)? {
                return Err(Error::unavailable("the token's name is taken: try again"));
            }
            let new =
                NewTokenRow { user: grant.user, team: grant.team, role: grant.role, admin: grant.admin, ..row.clone() };
            tokens::insert(tx, &new)?;
            store::touch(tx, org.id, issuer.id, now)?;
            Ok(Recorded::new(Ok(()), event.clone()))
        })
        .await?;
    Ok(made.map(|()| (value, seconds)))
}

/// The token without what the policy gives, and the event that goes with it.
fn blank(
    cx: &Cx,
    org: &OrgRef,
    issuer: &IssuerRow,
    asked: &Asked,
    subject: &str,
    hash: TokenHash,
    seconds: i64,
) -> (NewTokenRow, NewEvent) {
    let (now, id) = (cx.now(), TokenId::new(&*cx.app.clock, &*cx.app.entropy));
    let name = token_name(&issuer.name, id);
    let event = event(cx, org, issuer, asked, &name, subject);
    // A personal token has no name; its description stands for it.
    let personal = asked.wanted.kind() == TokenKind::Personal;
    let (name, description) = if personal {
        (String::new(), name)
    } else {
        (name, shortened(format!("For {subject}, by OIDC issuer {}", issuer.name)))
    };
    let row = NewTokenRow {
        id,
        hash,
        kind: asked.wanted.kind(),
        user: None,
        org: Some(org.id),
        team: None,
        name,
        description,
        admin: false,
        role: None,
        issuer: Some(issuer.id),
        created_by: login(subject),
        created_at: now,
        expires_at: now.plus_seconds(seconds),
    };
    (row, event)
}

/// The keys that verified the token belong to the registration as it was read; if it has changed since, they may not be
/// trusted any more.
fn check_unchanged(tx: &mut dyn Tx, org: &OrgRef, issuer: &IssuerRow) -> Result<()> {
    match store::find(tx, org.id, issuer.id)? {
        Some(now) if now.modified_at == issuer.modified_at => Ok(()),
        Some(_) => Err(Error::unavailable("the OIDC issuer is being changed: try again")),
        None => Err(unknown()),
    }
}

/// Finds what the policy names, as it is now.
fn grant(tx: &mut dyn Tx, org: &OrgRef, definition: &Definition, wanted: &Wanted) -> Result<Result<Grant, Reject>> {
    let mut grant = Grant { user: None, team: None, role: None, admin: false };
    match wanted {
        Wanted::Organization { admin } => {
            grant.admin = *admin && definition.grants_admin();
            if let Some(role) = &definition.role {
                let found = role.parse().ok().map(|id| find_grant(tx, org.id, id)).transpose()?.flatten();
                let Some(role) = found else { return Ok(Err(Reject::Gone("the policy's role"))) };
                grant.role = Some(role.id);
            }
        }
        Wanted::Team(name) => {
            let Some(team) = teams::find(tx, org.id, name)? else { return Ok(Err(Reject::Gone("the team"))) };
            grant.team = Some(team.id);
        }
        Wanted::Personal(login) => {
            let member = members::by_login(tx, org.id, login)?.filter(|m| !m.disabled);
            let Some(member) = member else { return Ok(Err(Reject::Gone("the user"))) };
            grant.user = Some(member.user.id);
        }
    }
    Ok(Ok(grant))
}

/// A name that tells where the token came from and that no other has: `oidc-ISSUER-RANDOM`, at most 40 characters.
fn token_name(issuer: &str, id: TokenId) -> String {
    let plain: String =
        issuer.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    let mut slug = String::new();
    for part in plain.split('-').filter(|p| !p.is_empty()) {
        if !slug.is_empty() {
            slug.push('-');
        }
        slug.push_str(part);
    }
    slug.truncate(21);
    let id = id.to_string();
    let random = id.rsplit('-').next().unwrap_or_default();
    match slug.trim_end_matches('-') {
        "" => format!("oidc-{random}"),
        slug => format!("oidc-{slug}-{random}"),
    }
}

/// At most 200 characters.
fn shortened(text: String) -> String {
    match text.char_indices().nth(200) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

fn event(cx: &Cx, org: &OrgRef, issuer: &IssuerRow, asked: &Asked, name: &str, subject: &str) -> NewEvent {
    let (kind, what): (EventType, String) = match &asked.wanted {
        Wanted::Organization { admin: false } => {
            (catalogue::ORGANIZATION_TOKEN_CREATED_FOR_OIDC_ISSUER, "organization token".into())
        }
        Wanted::Organization { admin: true } => {
            (catalogue::ORGANIZATION_TOKEN_CREATED_FOR_OIDC_ISSUER, "organization admin token".into())
        }
        Wanted::Team(team) => (catalogue::TEAM_TOKEN_CREATED_FOR_OIDC_ISSUER, format!("token of team {team}")),
        Wanted::Personal(login) => {
            (catalogue::PERSONAL_TOKEN_CREATED_FOR_OIDC_ISSUER, format!("personal token of user {login}"))
        }
    };
    let description =
        format!("Created token \"{name}\" ({what}) for subject \"{subject}\" of OIDC issuer \"{}\"", issuer.url);
    let mut event = cx.event_in(org.log, kind, Target::new("token", name), description);
    event.actor = actor(subject);
    event
}
