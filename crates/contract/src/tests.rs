//! What reading arguments promises.

use crate::{
    Args, OPENAPI_JSON, OPERATIONS, RawArgs, RawBody, ops,
    shape::{Field, Shape},
};
use pileus_model::{Error, ErrorKind, Result};
use serde_json::{Value, json};

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

fn audit(query: &[(&str, &str)]) -> Result<ops::ListAuditLogEventsHandlerV2Args> {
    let query = query.iter().map(|(n, v)| pair(n, v)).collect();
    Args::decode(RawArgs { path: vec![pair("orgName", "acme")], query, body: RawBody::None, headers: Vec::new() })
}

fn team(body: Value) -> Result<ops::UpdateTeamArgs> {
    let path = vec![pair("orgName", "acme"), pair("teamName", "ops")];
    Args::decode(RawArgs { path, query: Vec::new(), body: RawBody::Json(body), headers: Vec::new() })
}

fn create_user(body: RawBody) -> Result<ops::CreateUserArgs> {
    Args::decode(RawArgs { body, ..RawArgs::default() })
}

fn refusal<T>(result: Result<T>) -> String {
    match result {
        Ok(_) => "it was accepted".into(),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Invalid);
            error.message().to_owned()
        }
    }
}

#[test]
fn required_fields_are_named() -> Result<()> {
    assert_eq!(refusal(create_user(RawBody::None)), "field \"login\" is required");
    let null = json!({"login": "ann", "name": null, "email": "a@b"});
    assert_eq!(refusal(create_user(RawBody::Json(null))), "field \"name\" is required");
    let args = create_user(RawBody::Json(json!({"login": "ann", "name": "Ann", "email": "a@b", "unknown": [1]})))?;
    assert_eq!(args.body.login, "ann");
    Ok(())
}

#[test]
fn null_is_absent_for_optional_fields() -> Result<()> {
    let args = team(json!({"newDisplayName": null, "member": "ann", "memberAction": "add"}))?;
    assert_eq!((args.body.new_display_name, args.body.member.as_deref()), (None, Some("ann")));
    Ok(())
}

#[test]
fn wrong_types_say_where_and_what() {
    for (body, message) in [
        (json!([]), "the body must be a JSON object"),
        (json!({"member": 1}), "field \"member\" must be a string"),
        (json!({"memberAction": "fire"}), "field \"memberAction\" must be one of add, remove, promote, demote"),
        (json!({"addStackPermission": []}), "field \"addStackPermission\" must be a JSON object"),
        (
            json!({"addStackPermission": {"projectName": "p", "stackName": "s", "permission": 7}}),
            "field \"addStackPermission.permission\" must be one of 0, 101, 102, 103, 104",
        ),
        (
            json!({"addStackPermission": {"projectName": "p", "stackName": "s"}}),
            "field \"addStackPermission.permission\" is required",
        ),
    ] {
        assert_eq!(refusal(team(body)), message);
    }
}

#[test]
fn fields_within_lists_and_maps_are_named() {
    static INNER: [Field; 1] = [Field::required("b", Shape::List(&Shape::TEXT))];
    static OUTER: [Field; 2] =
        [Field::required("a", Shape::Record(&INNER)), Field::optional("m", Shape::Map(&Shape::Boolean))];
    let shape = Shape::Record(&OUTER);
    let check = |body: Value| shape.check(&body).map_err(|e| e.message().to_owned());
    assert_eq!(check(json!({"a": {"b": ["x", "y", 3]}})), Err("field \"a.b[2]\" must be a string".into()));
    assert_eq!(check(json!({"a": {"b": []}, "m": {"k": "yes"}})), Err("field \"m.k\" must be true or false".into()));
    assert_eq!(check(json!({"a": {"b": []}, "m": null})), Ok(()));
}

#[test]
fn integers_are_integers() {
    let create = |expires: &str| -> Result<ops::CreatePersonalTokenArgs> {
        let body = RawBody::from_json(format!("{{\"description\": \"x\", \"expires\": {expires}}}").as_bytes())?;
        Args::decode(RawArgs { body, ..RawArgs::default() })
    };
    for (text, fits) in [
        ("0", true),
        ("9223372036854775807", true),
        ("-9223372036854775808", true),
        ("9223372036854775808", false),
        ("1.0", false),
        ("1e3", false),
        ("\"1\"", false),
        ("true", false),
    ] {
        let result = create(text);
        assert_eq!(result.is_ok(), fits, "{text}");
        if !fits {
            assert!(refusal(result).starts_with("field \"expires\" must be an integer"), "{text}");
        }
    }
}

#[test]
fn zero_characters_are_refused_everywhere() {
    for (body, message) in [
        (json!({"member": "a\u{0}b"}), "field \"member\" must not contain U+0000"),
        (json!({"unknown": [{"deep": "\u{0}"}]}), "field \"unknown[0].deep\" must not contain U+0000"),
        (json!({"a\u{0}": 1}), "the body must not have a key that contains U+0000"),
    ] {
        assert_eq!(refusal(team(body)), message);
    }
    assert_eq!(refusal(audit(&[("user", "a\0")])), "query parameter \"user\" must not contain U+0000");
    let path = vec![pair("orgName", "ac\0me")];
    let args: Result<ops::GetOrganizationArgs> = Args::decode(RawArgs { path, ..RawArgs::default() });
    assert_eq!(refusal(args), "path parameter \"orgName\" must not contain U+0000");
}

#[test]
fn query_parameters() -> Result<()> {
    let args = audit(&[
        ("user", "ann, bob"),
        ("user", "eve"),
        ("user", ""),
        ("startTime", "1"),
        ("startTime", "2"),
        ("endTime", ""),
        ("unknown", "x"),
    ])?;
    assert_eq!(args.user, ["ann", "bob", "eve"]);
    assert_eq!((args.start_time, args.end_time), (Some(1), None));
    assert_eq!(
        refusal(audit(&[("startTime", "1.0")])),
        "query parameter \"startTime\" must be an integer that fits 64 bits"
    );
    assert_eq!(
        refusal(audit(&[("pageSize", "0")])),
        "query parameter \"pageSize\" must be an integer between 1 and 1000"
    );
    assert_eq!(refusal(audit(&[("format", "xml")])), "query parameter \"format\" must be one of json");
    let role = |force: &str| -> Result<ops::DeleteRoleArgs> {
        let path = vec![pair("orgName", "acme"), pair("roleID", "r")];
        Args::decode(RawArgs { path, query: vec![pair("force", force)], body: RawBody::None, headers: Vec::new() })
    };
    assert_eq!(role("true")?.force, Some(true));
    assert_eq!(refusal(role("yes")), "query parameter \"force\" must be true or false");
    assert_eq!(refusal(RawArgs::required::<i64>("page", None)), "query parameter \"page\" is required");
    Ok(())
}

#[test]
fn forms_have_only_texts() -> Result<()> {
    let token = |body: RawBody| -> Result<ops::TokenArgs> { Args::decode(RawArgs { body, ..RawArgs::default() }) };
    let form = vec![pair("grant_type", "x"), pair("expiration", "300"), pair("grant_type", "y")];
    let args = token(RawBody::Form(form))?;
    assert_eq!((args.body.grant_type.as_str(), args.body.expiration), ("x", Some(300)));
    assert_eq!(token(RawBody::Json(json!({"grant_type": "x", "expiration": "300"})))?.body.expiration, Some(300));
    let bad = RawBody::Form(vec![pair("grant_type", "x"), pair("expiration", "soon")]);
    assert_eq!(refusal(token(bad)), "field \"expiration\" must be an integer that fits 64 bits");
    Ok(())
}

#[test]
fn bytes_that_are_not_json_say_where() -> Result<()> {
    assert!(refusal(RawBody::from_json(b"{\"a\": }")).starts_with("the body is not valid JSON: "));
    assert!(refusal(RawBody::from_json(b"\"\xff\"")).starts_with("the body is not valid JSON: "));
    assert!(matches!(RawBody::from_json(b" \n")?, RawBody::None));
    Ok(())
}

#[test]
fn the_description_covers_what_is_served() -> Result<()> {
    let document: Value = serde_json::from_str(OPENAPI_JSON).map_err(|e| Error::internal(e.to_string()))?;
    for operation in OPERATIONS {
        let described = &document["paths"][operation.path][operation.method.to_lowercase()];
        match &operation.served {
            Some(served) => {
                assert_eq!(described["operationId"], operation.id);
                assert!(described["responses"].get(served.status.to_string()).is_some(), "{}", operation.id);
            }
            None => assert!(described.is_null(), "{}", operation.id),
        }
    }
    Ok(())
}
