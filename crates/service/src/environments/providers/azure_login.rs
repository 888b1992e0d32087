//! `azure-login`: a client secret, or an identity token that Azure takes as it is.
//!
//! This room knows the provider's inputs and outputs. Nothing is asked of Azure.

use super::{Answer, Call, Site, filled, given, is_true, texts};
use crate::environments::issuer::{self, Claims};
use pileus_esc::value::Value;
use std::sync::Arc;

pub(super) fn open(site: &Arc<Site>, call: &Call) -> Answer {
    let inputs = &call.inputs;
    let ids = ["clientId", "tenantId", "subscriptionId"].into_iter();
    let mut fields: Vec<(&'static str, Value)> = ids.filter_map(|name| Some((name, given(inputs, name)?))).collect();
    let secret = filled(inputs, "clientSecret");
    fields.extend(secret.map(|secret| ("clientSecret", Value::secret(secret))));
    if !is_true(inputs, "oidc") {
        if secret.is_none() {
            return Answer::error("azure-login: give a 'clientSecret', or 'oidc: true'");
        }
        return Answer::Now(Ok(Value::object(fields)));
    }
    let claims = match Claims::vendor(&site.who, &call.place, "azure", &texts(inputs, "subjectAttributes")) {
        Ok(claims) => claims,
        Err(error) => return Answer::error(error.message()),
    };
    let site = Arc::clone(site);
    Answer::later(async move {
        let token = issuer::issue(&site.who, &claims, issuer::LONGEST).await.map_err(|e| e.message().to_owned())?;
        fields.push(("oidc", Value::object([("token", Value::secret(&token))])));
        Ok(Value::object(fields))
    })
}
