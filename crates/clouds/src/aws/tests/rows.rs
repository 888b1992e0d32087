//! Every row of the catalogue and of the table: it can be read, is consistent, and its example comes out as it says.

use super::*;
use crate::aws::{
    data::{Call, Protocol, Scope, Service, Type, catalogue},
    scan::table,
};
use crate::value::Value;
use std::collections::{BTreeMap, HashSet};

fn place() -> Where {
    Where {
        account: "123456789012".into(),
        region: "us-east-1".into(),
        partition: "aws".into(),
        suffix: "amazonaws.com".into(),
    }
}

fn each(mut check: impl FnMut(&Service, &[Type], &Type) -> Result<(), String>) {
    let mut wrong = Vec::new();
    for file in catalogue().unwrap() {
        for kind in &file.types {
            if let Err(why) = check(&file.service, &file.types, kind) {
                wrong.push(format!("{}: {}: {why}", file.service.name, kind.token));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn examples_come_out_as_they_say() {
    each(|_, _, kind| {
        let example = kind.example.as_ref().ok_or("it has no example")?;
        let place = place();
        let scope = Scope { item: &example.item, parent: example.parent.as_ref(), place: &place };
        let id = kind.id.fill(&scope)?;
        if id != example.id {
            return Err(format!("its id is {id}, and not {}", example.id));
        }
        for (what, template, wanted) in [("name", &kind.name, &example.name), ("arn", &kind.arn, &example.arn)] {
            let Some(wanted) = wanted else { continue };
            let text = template.as_ref().ok_or(format!("it has no {what}"))?.fill(&scope)?;
            if text != *wanted {
                return Err(format!("its {what} is {text}, and not {wanted}"));
            }
        }
        match kind.keep.iter().all(|c| c.holds(&scope)) {
            true => Ok(()),
            false => Err("its example is not kept".into()),
        }
    });
}

#[test]
fn tokens_are_unique_and_well_formed() {
    let mut seen = HashSet::new();
    each(|_, _, kind| {
        let parts: Vec<&str> = kind.token.split(':').collect();
        let formed = matches!(parts.as_slice(), ["aws", module, name] if module.contains('/') && !name.is_empty());
        if !formed && !kind.internal {
            return Err("it is not of the form aws:module/name:Name".into());
        }
        if seen.insert(kind.token.clone()) { Ok(()) } else { Err("it is there twice".into()) }
    });
}

#[test]
fn calls_are_complete() {
    each(|service, types, kind| {
        if let Some(parent) = &kind.parent
            && !types.iter().any(|t| t.token == *parent)
        {
            return Err(format!("{parent} is not in the file"));
        }
        kind.read
            .iter()
            .chain([&kind.list])
            .try_for_each(|call| complete(service, call).map_err(|why| format!("{}: {why}", call.op)))
    });
}

fn complete(service: &Service, call: &Call) -> Result<(), String> {
    let rest = matches!(service.protocol, Protocol::RestJson | Protocol::RestXml);
    let xml = matches!(service.protocol, Protocol::Query | Protocol::Ec2 | Protocol::RestXml);
    if rest != call.uri.is_some() {
        return Err("rest operations have a uri, and no others".into());
    }
    if xml && !service.shapes.knows(&call.op) {
        return Err("its answer has no shapes: run data/shapes.py".into());
    }
    for action in &call.action {
        let formed = action
            .split_once(':')
            .is_some_and(|(s, n)| !s.is_empty() && n.starts_with(|c: char| c.is_ascii_uppercase()));
        if !formed {
            return Err(format!("{action} is not an action"));
        }
    }
    let needs = match service.protocol {
        Protocol::Query | Protocol::Ec2 => service.version.is_none().then_some("version"),
        Protocol::Json10 | Protocol::Json11 => service.target.is_none().then_some("target"),
        _ => None,
    };
    needs.map_or(Ok(()), |what| Err(format!("its service has no {what}")))
}

#[test]
fn the_table_can_be_read() {
    let mut seen = HashSet::new();
    for row in table::all().unwrap() {
        assert!(row.token.starts_with("aws-native:"), "{}", row.token);
        assert!(seen.insert(&row.name), "{} is there twice", row.name);
        assert_eq!(row.hidden().count() > 0, row.hidden().next().is_some());
    }
}

#[test]
fn every_type_has_one_place_and_one_outcome() {
    let fake = AwsConfig { endpoint: Some("http://127.0.0.1:1".into()), ..AwsConfig::default() };
    let aws = Aws::new(fake, Arc::new(Fixed)).unwrap();
    let mut places: BTreeMap<String, u32> = BTreeMap::new();
    for place in [Place::Global, Place::Region("us-east-1".into())] {
        for token in aws.types(&place, Mode::Both) {
            *places.entry(token).or_default() += 1;
        }
    }
    let twice: Vec<_> = places.iter().filter(|(_, n)| **n > 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
    assert!(places.contains_key("aws:s3/bucket:Bucket"));
}

#[test]
fn types_that_cloud_control_knows_too_are_named_as_it_does() {
    let rows = table::all().unwrap();
    let known: HashSet<&str> = rows.iter().map(|r| r.name.as_str()).collect();
    each(|_, _, kind| match &kind.cfn {
        Some(cfn) if !known.is_empty() && !known.contains(cfn.as_str()) => Err(format!("{cfn} is not in the table")),
        _ => Ok(()),
    });
}

#[test]
fn an_empty_item_is_nobody() {
    each(|_, _, kind| {
        let place = place();
        let scope = Scope { item: &Value::Null, parent: None, place: &place };
        match kind.id.fill(&scope) {
            Ok(id) if !kind.internal => Err(format!("nothing has the id {id}")),
            _ => Ok(()),
        }
    });
}
