//! The smallest policy by which types can be scanned.
//!
//! This room knows policies. Which actions a type needs is in the catalogue and the table, and never made from an operation's name.

use super::{
    data::{Type, catalogue},
    scan::table,
};
use crate::CloudError;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The policy for these types; for all of them if there are none. A type that is listed below another brings that one's actions.
pub(crate) fn policy(types: &[String]) -> Result<Value, CloudError> {
    let wanted = |token: &str| types.is_empty() || types.iter().any(|t| t == token);
    let mut actions: BTreeSet<&str> = BTreeSet::from(["ec2:DescribeRegions"]);
    for file in catalogue()? {
        for kind in file.types.iter().filter(|t| !t.internal && wanted(&t.token)) {
            let mut above = Some(kind);
            while let Some(kind) = above {
                actions.extend(of(kind));
                above = kind.parent.as_ref().and_then(|token| file.types.iter().find(|t| t.token == *token));
            }
        }
    }
    for row in table::all()?.iter().filter(|r| r.list == table::Listing::Plain && wanted(&r.token)) {
        actions.extend(["cloudformation:ListResources", "cloudformation:GetResource"]);
        actions.extend(row.actions.iter().map(String::as_str));
    }
    Ok(json!({
        "Version": "2012-10-17",
        "Statement": [{"Sid": "PileusScan", "Effect": "Allow", "Action": actions, "Resource": "*"}],
    }))
}

fn of(kind: &Type) -> impl Iterator<Item = &str> {
    kind.read.iter().chain([&kind.list]).flat_map(|call| call.action.iter().map(String::as_str))
}
