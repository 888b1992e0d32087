//! Access: what each operation's declaration asks of its caller, checked once for all.
//!
//! This room knows the declarations and compares them with what the caller is. It must never know what a role permits:
//! that is the policy's business.

use http::{HeaderMap, header};
use pileus_contract::{Access, ObjectRule, Operation, Served};
use pileus_model::{
    Error, ErrorKind, Result, Secret,
    audit::{EventType, Target},
    authz::{Object, ObjectKind, Permission, Policy},
    caller::OrgAccess,
    names,
};
use pileus_service::{Cx, audit, auth};

/// The path's parameter that names an organisation.
pub(crate) const ORGANIZATION: &str = "orgName";

/// The parameters of a path, decoded.
pub(crate) type PathParams = Vec<(&'static str, String)>;

/// What an operation asks of its caller.
pub(crate) struct Gate {
    need: Need,
    /// What the permission is checked on.
    object: ObjectRule,
    /// What is recorded of a refusal.
    denied: EventType,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    Public,
    User,
    Personal,
    SiteAdmin,
    Member,
    Permission(Permission),
}

impl Gate {
    /// As this operation declares it.
    ///
    /// # Errors
    /// `Internal` where the declaration names a permission, kind of object, parameter or event that does not exist.
    pub fn new(operation: &Operation, served: &Served) -> Result<Self> {
        let wrong = |what: &str| Error::internal(format!("{}: {what}", operation.id));
        if parameters(served.object).iter().any(|name| !operation.path.contains(&format!("{{{name}}}"))) {
            return Err(wrong("its object is no parameter of its path"));
        }
        let need = match served.access {
            Access::Public => Need::Public,
            Access::User => Need::User,
            Access::Personal => Need::Personal,
            Access::SiteAdmin => Need::SiteAdmin,
            Access::Member => Need::Member,
            Access::Permission(scope) => {
                Need::Permission(Permission::parse(scope).ok_or_else(|| wrong("its permission does not exist"))?)
            }
        };
        let in_organization = operation.path.contains("{orgName}");
        if matches!(need, Need::Member | Need::Permission(_)) && !in_organization {
            return Err(wrong("its path names no organisation in which a permission could be held"));
        }
        let denied = EventType::parse(served.denied).ok_or_else(|| wrong("its denial is no event"))?;
        Ok(Self { need, object: served.object, denied })
    }
    /// Whether it needs no credentials; those that are sent are then not looked at.
    pub fn is_public(&self) -> bool {
        self.need == Need::Public
    }
    /// Whether this caller may. The organisation of the path has been resolved before.
    ///
    /// # Errors
    /// `Forbidden`, saying what is missing; `Unauthenticated` without a caller; `Unavailable`.
    pub async fn admit(&self, cx: &Cx, params: &PathParams) -> Result<()> {
        match self.need {
            Need::Public => Ok(()),
            Need::User => cx.caller().map(drop),
            Need::Personal => cx.user().map(drop),
            Need::SiteAdmin if cx.caller()?.is_site_admin() => Ok(()),
            Need::SiteAdmin => Err(Error::forbidden("this needs a personal access token of a site admin")),
            Need::Member => cx.access().map(drop),
            Need::Permission(permission) => {
                let identity = self.identity(params);
                let tags = match self.kind() {
                    // Nothing depends on them.
                    _ if cx.access()?.policy == Policy::Everything => Vec::new(),
                    kind => auth::object_tags(cx, kind, &identity).await?,
                };
                cx.require(permission, &Object { kind: self.kind(), identity: &identity, tags: &tags })
            }
        }
    }
    /// Records that a caller inside the organisation was refused, off the reply's path, unless that was done where he was
    /// refused; other failures are none of it.
    pub fn record_refusal(&self, cx: &Cx, params: &PathParams, error: &Error) {
        if error.kind() != ErrorKind::Forbidden || error.is_recorded() {
            return;
        }
        let kind = match self.kind() {
            ObjectKind::Organization => "organization",
            ObjectKind::Team => "team",
            ObjectKind::Stack => "stack",
            ObjectKind::Environment => "environment",
            ObjectKind::Account => "account",
        };
        let name = match self.object {
            ObjectRule::Organization => cx.org().map(|org| org.name.clone()).unwrap_or_default(),
            _ => self.identity(params),
        };
        audit::denied(cx, self.denied, Target::new(kind, name), error.message());
    }
    const fn kind(&self) -> ObjectKind {
        match self.object {
            ObjectRule::Organization => ObjectKind::Organization,
            ObjectRule::Team(_) => ObjectKind::Team,
            ObjectRule::Environment(..) => ObjectKind::Environment,
            ObjectRule::Account(_) => ObjectKind::Account,
        }
    }
    /// The object's identity, as role descriptors write it.
    fn identity(&self, params: &PathParams) -> String {
        let value = |name: &str| param(params, name).unwrap_or_default();
        match self.object {
            ObjectRule::Organization => String::new(),
            ObjectRule::Team(name) => value(name).to_owned(),
            ObjectRule::Environment(project, name) => format!("{}/{}", value(project), value(name)),
            ObjectRule::Account(name) => names::account_root(&names::decode_account(value(name))).to_owned(),
        }
    }
}

/// The parameter of the path with this name.
pub(crate) fn param<'p>(params: &'p PathParams, name: &str) -> Option<&'p str> {
    params.iter().find(|(n, _)| *n == name).map(|(_, value)| value.as_str())
}

/// The path's parameters that are the identity of a declared object.
fn parameters(rule: ObjectRule) -> Vec<&'static str> {
    match rule {
        ObjectRule::Organization => Vec::new(),
        ObjectRule::Team(name) | ObjectRule::Account(name) => vec![name],
        ObjectRule::Environment(project, name) => vec![project, name],
    }
}

/// The token that was presented: `Authorization: token X` or `Bearer X`, the scheme in any case.
///
/// # Errors
/// `Unauthenticated` if there is none, or it is presented in another way.
pub(crate) fn presented(headers: &HeaderMap) -> Result<Secret<String>> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Err(Error::unauthenticated("credentials are required: send the header \"Authorization: token …\""));
    };
    let text = value.to_str().unwrap_or_default().trim();
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    let token = token.trim_start();
    if token.is_empty() || !["token", "bearer"].iter().any(|s| scheme.eq_ignore_ascii_case(s)) {
        return Err(Error::unauthenticated(
            "the credentials are of another kind: send the header \"Authorization: token …\" or \"Authorization: Bearer …\"",
        ));
    }
    Ok(Secret::new(token.to_owned()))
}

/// The context without the policy: what recording a refusal needs of it.
pub(crate) fn for_denial(cx: &Cx) -> Cx {
    let org = cx.org.as_ref().map(|access| OrgAccess {
        org: access.org.clone(),
        role: access.role,
        policy: Policy::nothing(),
    });
    Cx { app: cx.app.clone(), request: cx.request.clone(), caller: cx.caller.clone(), org }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use http::HeaderValue;

    fn token(header: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, HeaderValue::from_str(header).unwrap());
        presented(&headers).ok().map(|t| t.expose().clone())
    }

    #[test]
    fn forms_of_credentials() {
        assert_eq!(token("token pul-1").as_deref(), Some("pul-1"));
        assert_eq!(token("Bearer  pul-1 ").as_deref(), Some("pul-1"));
        assert_eq!(token("TOKEN pul-1").as_deref(), Some("pul-1"));
        for bad in ["", "token", "token ", "pul-1", "Basic cHVs", "update-token x"] {
            assert_eq!(token(bad), None, "{bad}");
        }
        assert!(presented(&HeaderMap::new()).is_err());
    }
}
