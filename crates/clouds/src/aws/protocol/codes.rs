//! Error codes: which mean "slower", which mean "you may not", which mean "who are you".
//!
//! This room knows the codes that all services share. It must never know what is done about them. Sources: the retry rules of botocore
//! (`_retry.json`, `retries/standard.py`) and the services' common errors.

/// What an error means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Too many requests.
    Throttled,
    /// The service's fault, or the network's: the same again may succeed.
    Passing,
    /// The clocks differ.
    Skewed,
    /// These credentials are not accepted.
    Credentials,
    /// These credentials may not do this.
    Denied,
    /// No such operation, service or type here, or the account has not turned it on.
    Unsupported,
    /// Anything else.
    Other,
}

const THROTTLED: &[&str] = &[
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottledException",
    "RequestThrottled",
    "TooManyRequestsException",
    "ProvisionedThroughputExceededException",
    "TransactionInProgressException",
    "RequestLimitExceeded",
    "BandwidthLimitExceeded",
    "LimitExceededException",
    "SlowDown",
    "PriorRequestNotComplete",
    "EC2ThrottledException",
];
const PASSING: &[&str] = &[
    "InternalError",
    "InternalFailure",
    "InternalServerError",
    "InternalServerException",
    "InternalServiceError",
    "InternalServiceException",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "ServiceException",
    "Unavailable",
    "RequestTimeout",
    "RequestTimeoutException",
    "IDPCommunicationError",
    "ServiceInternalErrorException",
    "NetworkFailureException",
];
const SKEWED: &[&str] = &["RequestTimeTooSkewed", "RequestInTheFuture", "RequestExpired", "InvalidSignatureException"];
const CREDENTIALS: &[&str] = &[
    "InvalidClientTokenId",
    "InvalidAccessKeyId",
    "UnrecognizedClientException",
    "SignatureDoesNotMatch",
    "InvalidSignatureException",
    "IncompleteSignature",
    "IncompleteSignatureException",
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidToken",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "TokenRefreshRequired",
    "RequestExpired",
    "InvalidSecurity",
];
const DENIED: &[&str] = &[
    "AccessDenied",
    "AccessDeniedException",
    "UnauthorizedOperation",
    "UnauthorizedException",
    "UnauthorizedAccess",
    "AuthorizationError",
    "AuthorizationErrorException",
    "NotAuthorized",
    "NotAuthorizedException",
    "InsufficientPrivilegesException",
    "AccessDeniedForDependencyException",
    "Forbidden",
    "ForbiddenException",
    "AllAccessDisabled",
];
const UNSUPPORTED: &[&str] = &[
    "UnknownOperationException",
    "UnknownOperation",
    "InvalidAction",
    "UnsupportedOperation",
    "UnsupportedActionException",
    "UnsupportedOperationException",
    "TypeNotFoundException",
    "NotImplemented",
    "NotImplementedException",
    "OptInRequired",
    "SubscriptionRequiredException",
];

/// What an error means, by its code and status. An EC2 code may begin with `Client.` or `Server.`.
pub(crate) fn kind(status: u16, code: &str, message: &str) -> Kind {
    let code = code.strip_prefix("Client.").or_else(|| code.strip_prefix("Server.")).unwrap_or(code);
    let is = |codes: &[&str]| codes.contains(&code);
    let expired = message.contains("Signature expired") || message.contains("Signature not yet current");
    if status == 429 || is(THROTTLED) || message.contains("Rate exceeded") {
        Kind::Throttled
    } else if (is(SKEWED) && code != "InvalidSignatureException") || expired {
        Kind::Skewed
    } else if is(CREDENTIALS) {
        Kind::Credentials
    } else if is(DENIED) || message.contains("is not authorized to perform") {
        Kind::Denied
    } else if is(UNSUPPORTED) {
        Kind::Unsupported
    } else if is(PASSING) || matches!(status, 500 | 502 | 503 | 504) {
        Kind::Passing
    } else if status == 501 || (matches!(status, 404 | 405) && code == status.to_string()) {
        Kind::Unsupported
    } else if status == 403 && code == "403" {
        Kind::Denied
    } else {
        Kind::Other
    }
}

/// The action that a denial names: `… is not authorized to perform: s3:ListAllMyBuckets on resource …`.
pub(crate) fn denied_action(message: &str) -> Option<&str> {
    let (_, after) = message.split_once("not authorized to perform")?;
    let after = after.trim_start_matches([':', ' ', '\'', '"', '[', '`']);
    let end = after.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, ':' | '-' | '_'))).unwrap_or(after.len());
    let action = &after[..end];
    let (service, name) = action.split_once(':')?;
    (!service.is_empty() && !name.is_empty()).then_some(action)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_meanings() {
        for (status, code, message, wanted) in [
            (400, "ThrottlingException", "", Kind::Throttled),
            (503, "SlowDown", "", Kind::Throttled),
            (503, "Client.RequestLimitExceeded", "", Kind::Throttled),
            (400, "ProvisionedThroughputExceededException", "", Kind::Throttled),
            (429, "429", "", Kind::Throttled),
            (400, "Anything", "Rate exceeded", Kind::Throttled),
            (500, "InternalFailure", "", Kind::Passing),
            (502, "502", "", Kind::Passing),
            (503, "ServiceUnavailable", "", Kind::Passing),
            (403, "RequestTimeTooSkewed", "", Kind::Skewed),
            (403, "InvalidSignatureException", "Signature expired: …", Kind::Skewed),
            (403, "InvalidSignatureException", "does not match", Kind::Credentials),
            (403, "InvalidClientTokenId", "", Kind::Credentials),
            (401, "AuthFailure", "", Kind::Credentials),
            (400, "ExpiredToken", "", Kind::Credentials),
            (403, "AccessDenied", "", Kind::Denied),
            (400, "AccessDeniedException", "", Kind::Denied),
            (403, "Client.UnauthorizedOperation", "", Kind::Denied),
            (400, "GeneralServiceException", "User x is not authorized to perform: a:B", Kind::Denied),
            (403, "403", "", Kind::Denied),
            (400, "UnknownOperationException", "", Kind::Unsupported),
            (501, "501", "", Kind::Unsupported),
            (404, "404", "", Kind::Unsupported),
            (404, "NoSuchBucket", "", Kind::Other),
        ] {
            assert_eq!(kind(status, code, message), wanted, "{status} {code} {message}");
        }
    }

    #[test]
    fn denials_name_the_action() {
        for (message, action) in [
            (
                "User: arn:aws:iam::1:user/u is not authorized to perform: sqs:ListQueues on resource: x",
                Some("sqs:ListQueues"),
            ),
            ("User: arn is not authorized to perform iam:ListRoles because", Some("iam:ListRoles")),
            ("You are not authorized to perform this operation.", None),
            ("Access Denied", None),
        ] {
            assert_eq!(denied_action(message), action, "{message}");
        }
    }
}
