//! `aws-login`: static keys, or keys that AWS gives for an identity token of ours.
//!
//! This room knows the provider's inputs and outputs. How STS is asked is the `clouds` crate's.

use super::{Answer, Call, Properties, Site, filled, given, part, quoted, seconds, text, texts};
use crate::environments::issuer::{self, Claims};
use pileus_clouds::{
    CloudError,
    aws::{Credentials, WebIdentity},
};
use pileus_esc::value::Value;
use pileus_model::Secret;
use std::sync::Arc;

/// How long a role is taken on if nobody says (the published default).
const DEFAULT_SECONDS: i64 = 7200;

pub(super) fn open(site: &Arc<Site>, call: &Call) -> Answer {
    match (part(&call.inputs, "static"), part(&call.inputs, "oidc")) {
        (Some(inputs), None) => {
            let id = given(inputs, "accessKeyId").unwrap_or_else(|| Value::string(""));
            let secret = text(inputs, "secretAccessKey").unwrap_or_default();
            Answer::Now(Ok(keys(id, secret, filled(inputs, "sessionToken"))))
        }
        (None, Some(asked)) => exchange(site, call, asked),
        (Some(_), Some(_)) => Answer::error("aws-login: give either 'static' or 'oidc', not both"),
        (None, None) => Answer::error("aws-login: give the keys as 'static', or how to get them as 'oidc'"),
    }
}

/// Keys, as the provider gives them.
fn keys(id: Value, secret: &str, token: Option<&str>) -> Value {
    let mut fields = vec![("accessKeyId", id), ("secretAccessKey", Value::secret(secret))];
    fields.extend(token.map(|token| ("sessionToken", Value::secret(token))));
    Value::object(fields)
}

/// The credentials of an input that has the form of our output.
pub(super) fn credentials(login: &Properties) -> Credentials {
    Credentials {
        access_key_id: text(login, "accessKeyId").unwrap_or_default().trim().to_owned(),
        secret_access_key: Secret::new(text(login, "secretAccessKey").unwrap_or_default().trim().to_owned()),
        session_token: filled(login, "sessionToken").map(|token| Secret::new(token.trim().to_owned())),
    }
}

/// What AWS answered, for a diagnostic.
pub(super) fn refused(error: &CloudError, secrets: &[&str]) -> String {
    quoted(&error.to_string(), secrets)
}

fn exchange(site: &Arc<Site>, call: &Call, asked: &Properties) -> Answer {
    let seconds = match seconds(asked, "duration", DEFAULT_SECONDS) {
        Ok(seconds) => seconds,
        Err(why) => return Answer::Now(Err(why)),
    };
    let claims = match Claims::vendor(&site.who, &call.place, "aws", &texts(asked, "subjectAttributes")) {
        Ok(claims) => claims,
        Err(error) => return Answer::error(error.message()),
    };
    let role = text(asked, "roleArn").unwrap_or_default().to_owned();
    let session = text(asked, "sessionName").unwrap_or_default().to_owned();
    let (site, policies) = (Arc::clone(site), texts(asked, "policyArns"));
    Answer::later(async move {
        let Some(aws) = &site.who.app.reach.aws else { return Err("this process cannot ask AWS".into()) };
        let token = issuer::issue(&site.who, &claims, issuer::LONGEST).await.map_err(|e| e.message().to_owned())?;
        let asked = WebIdentity { role, session, token: Secret::new(token), seconds, policies };
        let got = aws.assume_role_with_web_identity(&asked).await;
        let got = got.map_err(|e| format!("aws-login: AWS STS: {}", refused(&e, &[asked.token.expose()])))?;
        let token = got.session_token.as_ref().map(|token| token.expose().as_str());
        Ok(keys(Value::string(&got.access_key_id), got.secret_access_key.expose(), token))
    })
}
