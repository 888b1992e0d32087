//! Rotations of environments and the rotators on the wire. No rule and no SQL.

use super::environments_open::failed;
use crate::{JSON, Reply};
use pileus_contract::{ops, wire};
use pileus_model::{Error, Result};
use pileus_service::{
    Cx,
    environments::{self as service, RotationEvent},
};
use serde_json::Value;

/// The paths of a request: the CLI writes `Paths`, the description `paths`; null, and no list at all, mean everything.
fn paths(body: &Value) -> Result<Vec<String>> {
    let invalid = || Error::invalid("paths must be a list of texts, or null for everything");
    let given = match body {
        Value::Null => return Ok(Vec::new()),
        Value::Object(fields) => fields.get("paths").or_else(|| fields.get("Paths")).unwrap_or(&Value::Null),
        _ => return Err(Error::invalid("the body must be an object")),
    };
    match given {
        Value::Null => Ok(Vec::new()),
        Value::Array(list) => list.iter().map(|path| path.as_str().map(str::to_owned).ok_or_else(invalid)).collect(),
        _ => Err(invalid()),
    }
}

fn event(event: RotationEvent) -> wire::SecretRotationEvent {
    let row = event.rotation;
    let rotations = event.secrets.into_iter().map(|secret| wire::SecretRotation {
        id: secret.id.to_string(),
        environment_path: secret.path,
        status: secret.status,
        error_message: secret.error,
    });
    wire::SecretRotationEvent {
        id: row.id.to_string(),
        environment_id: row.env.to_string(),
        created: row.created_at.rfc3339_millis(),
        completed: row.completed_at.map(|at| at.rfc3339_millis()),
        pre_rotation_revision: row.pre_revision,
        post_rotation_revision: row.post_revision,
        user_id: row.by_id,
        status: row.status,
        scheduled_action_id: row.schedule.map(|(schedule, _)| schedule.to_string()),
        error_message: row.error,
        rotations: rotations.collect(),
    }
}

/// `RotateEnvironment`
pub async fn rotate(cx: Cx, args: ops::RotateEnvironmentArgs) -> Result<Reply> {
    let rotated = service::rotate(&cx, &args.project_name, &args.env_name, &paths(&args.body)?).await?;
    if rotated.wrong {
        return Ok(failed("the definition is not valid", &rotated.diagnostics));
    }
    let (id, event) = (rotated.event.rotation.id.to_string(), event(rotated.event));
    let event = serde_json::to_string(&event).map_err(|e| Error::internal(e.to_string()))?;
    let diagnostics = match rotated.diagnostics.as_slice() {
        [] => String::new(),
        some => format!(",\"diagnostics\":[{}]", some.join(",")),
    };
    Ok(Reply::bytes(200, JSON, format!("{{\"id\":\"{id}\",\"secretRotationEvent\":{event}{diagnostics}}}")))
}

/// `ListEnvironmentSecretRotationHistory`
pub async fn history(
    cx: Cx,
    args: ops::ListEnvironmentSecretRotationHistoryArgs,
) -> Result<wire::ListEnvironmentSecretRotationHistoryResponse> {
    let events = service::rotation_history(&cx, &args.project_name, &args.env_name).await?;
    Ok(wire::ListEnvironmentSecretRotationHistoryResponse { events: events.into_iter().map(event).collect() })
}

/// `ListRotators`
pub async fn rotators(cx: Cx, _: ops::ListRotatorsArgs) -> Result<wire::ListRotatorsResponse> {
    Ok(wire::ListRotatorsResponse { rotators: service::rotators(&cx.app).into_iter().map(str::to_owned).collect() })
}

/// `GetRotatorSchema`
pub async fn rotator_schema(cx: Cx, args: ops::GetRotatorSchemaArgs) -> Result<Value> {
    service::rotator_schema(&cx.app, &args.rotator_name)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use serde_json::json;

    #[test]
    fn the_paths_stand_under_either_key() {
        for (body, expected) in [
            (json!({"Paths": ["a", "b[0]"]}), &["a", "b[0]"][..]),
            (json!({"paths": ["a"]}), &["a"]),
            (json!({"Paths": null}), &[]),
            (json!({"Paths": []}), &[]),
            (json!({}), &[]),
            (Value::Null, &[]),
        ] {
            assert_eq!(paths(&body).unwrap(), expected, "{body}");
        }
        for bad in [json!({"paths": "a"}), json!({"paths": [1]}), json!([]), json!("a")] {
            assert!(paths(&bad).is_err(), "{bad}");
        }
    }
}
