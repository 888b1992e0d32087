//! The catalogue's ids against the documented forms, and what its rows may never do.
//!
//! This room knows what holds for all rows. It must never know a single type.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::catalogue;
use crate::aws::scan::table::{self, Listing};
use std::collections::{BTreeMap, BTreeSet};

/// The form of an id: of an ARN the service and the kind of the resource, of another its separators and the word that it begins with.
fn form(id: &str) -> String {
    if let Some(arn) = id.strip_prefix("arn:") {
        let mut parts = arn.splitn(5, ':').skip(1);
        let service = parts.next().unwrap_or_default();
        let rest = parts.last().unwrap_or_default();
        // What SNS has begins with its own name, and not with its kind.
        let kind =
            if service == "sns" { separators(rest) } else { rest.split(['/', ':']).next().unwrap_or_default().into() };
        return format!("arn {service} {kind}");
    }
    if id.starts_with("https://") {
        return "url".into();
    }
    let word = lead(id);
    let inner = id.trim_start_matches(word).trim_start_matches('/');
    let inner = inner.split_once("arn:").map_or(inner.to_owned(), |(before, arn)| {
        let end = arn.find([',', '#', '|']).unwrap_or(arn.len());
        format!("{before}{}", &arn[end..])
    });
    format!("{word} {}", separators(&inner))
}

fn separators(text: &str) -> String {
    text.chars().filter(|c| "/:|,#".contains(*c)).collect()
}

/// `vpc-` of `vpc-0a1b2c`: words in small letters before six hexadecimal digits.
fn lead(id: &str) -> &str {
    let ends = id.match_indices('-').map(|(i, _)| i + 1);
    let mut found = ends.filter(|&end| {
        let (word, rest) = id.split_at(end);
        let words =
            word.trim_end_matches('-').split('-').all(|w| !w.is_empty() && w.bytes().all(|b| b.is_ascii_lowercase()));
        words && rest.len() >= 6 && rest.bytes().take(6).all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    });
    found.next_back().map_or("", |end| &id[..end])
}

/// Token, documented ids, why ours has another form.
fn documented() -> BTreeMap<&'static str, (Vec<&'static str>, Option<&'static str>)> {
    let lines = include_str!("../../../data/aws/import-ids.tsv").lines().filter(|l| !l.starts_with('#'));
    let row = |line: &'static str| {
        let mut columns = line.split('\t');
        let token = columns.next().unwrap();
        (token, (columns.next().unwrap_or_default().split(' ').collect(), columns.next()))
    };
    lines.map(row).collect()
}

#[test]
fn ids_have_the_forms_that_imports_take() {
    let (mut wrong, mut documented) = (Vec::new(), documented());
    for kind in catalogue().unwrap().iter().flat_map(|f| &f.types).filter(|t| !t.internal) {
        let Some((forms, why)) = documented.remove(kind.token.as_str()) else {
            wrong.push(format!("{}: no documented ids", kind.token));
            continue;
        };
        let id = &kind.example.as_ref().unwrap().id;
        if forms.iter().any(|f| form(f) == form(id)) == why.is_some() {
            wrong.push(format!("{}: {id} against {forms:?}, {why:?}", kind.token));
        }
    }
    wrong.extend(documented.keys().map(|token| format!("{token}: documented, and no row")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn forms_tell_ids_apart() {
    for (one, other, same) in [
        ("vpc-a01106c2", "vpc-0123456789abcdef0", true),
        ("vpc-a01106c2", "subnet-0123456789abcdef0", false),
        ("12345abcde/example", "aabbccddee/prod", true),
        ("12345abcde/example", "aabbccddee:prod", false),
        ("c:arn:aws:iam::1:role/x", "d:arn:aws:iam::2:role/a/b", true),
        ("arn:aws:ecs:r:1:cluster/x", "arn:aws:ecs:r:1:service/x", false),
    ] {
        assert_eq!(form(one) == form(other), same, "{one} {other}");
    }
}

#[test]
fn nothing_is_changed_and_no_secret_is_asked_for() {
    let revealing =
        ["GetSecretValue", "GetParameter", "Decrypt", "Password", "Credential", "SessionToken", "AuthorizationToken"];
    for file in catalogue().unwrap() {
        for call in file.types.iter().flat_map(|t| t.read.iter().chain([&t.list])) {
            let reads = ["List", "Describe", "Get", "BatchGet"].iter().any(|verb| call.op.starts_with(verb));
            assert!(reads, "{}: {} is no read", file.service.name, call.op);
            let reveals = revealing.iter().any(|word| call.op.contains(word)) && call.op != "ListSourceCredentials";
            assert!(!reveals, "{}: {} reveals secrets", file.service.name, call.op);
            assert_ne!(call.params.get("includeValues").and_then(|v| v.as_str()), Some("true"));
        }
    }
}

#[test]
fn the_catalogue_is_as_wide_as_promised() {
    let files = catalogue().unwrap();
    let types = files.iter().flat_map(|f| &f.types).filter(|t| !t.internal).count();
    assert!(types >= 120, "{types} types");
    let promised = [
        "ec2",
        "iam",
        "s3",
        "rds",
        "lambda",
        "ecs",
        "eks",
        "ecr",
        "elb",
        "elbv2",
        "autoscaling",
        "route53",
        "cloudfront",
        "acm",
        "kms",
        "secretsmanager",
        "ssm",
        "sqs",
        "sns",
        "dynamodb",
        "kinesis",
        "firehose",
        "logs",
        "cloudwatch",
        "events",
        "stepfunctions",
        "apigateway",
        "apigatewayv2",
        "cognito-idp",
        "cognito-identity",
        "elasticache",
        "opensearch",
        "redshift",
        "efs",
        "backup",
        "config",
        "cloudtrail",
        "guardduty",
        "organizations",
        "athena",
        "glue",
        "codebuild",
    ];
    let there: BTreeSet<&str> = files.iter().map(|f| f.service.name.as_str()).collect();
    let missing: Vec<_> = promised.iter().filter(|name| !there.contains(*name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn the_table_is_sorted_and_has_the_types_that_list_without_a_parent() {
    let rows = table::all().unwrap();
    assert!(rows.is_sorted_by(|a, b| a.name < b.name));
    let plain = rows.iter().filter(|r| r.list == Listing::Plain).count();
    assert!(plain >= 1200, "{plain} types");
    let unnamed = rows.iter().find(|r| r.list == Listing::Plain && r.actions.is_empty());
    assert!(unnamed.is_none_or(|r| r.name.starts_with("AWS::")), "{unnamed:?}");
}
