//! The smallest policies by which types can be scanned.
//!
//! This room knows policies, and how long one may be. Which actions a type needs is in the catalogue and the table, and never made from an operation's name.

use super::{
    data::{Type, catalogue},
    scan::table,
};
use crate::CloudError;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The longest managed policy, in characters that are no white space (IAM's quota, which cannot be raised).
const LONGEST: usize = 6144;

/// The policies for these types; for all of them if there are none. One is enough unless it would be too long. A type that is listed
/// below another brings that one's actions.
///
/// # Errors
/// [`CloudError::Setting`] that names the types that are not known.
pub(crate) fn policies(types: &[String]) -> Result<Vec<Value>, CloudError> {
    known(types)?;
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
    Ok(split(actions.into_iter()))
}

/// In the order of the actions, each policy as long as it may be.
fn split<'a>(actions: impl Iterator<Item = &'a str>) -> Vec<Value> {
    let empty = document(&[]).to_string().len();
    let (mut all, mut some, mut length) = (Vec::new(), Vec::new(), empty);
    for action in actions {
        // Quotes and a comma.
        let more = action.len() + 3;
        if length + more > LONGEST {
            all.push(document(&some));
            (some, length) = (Vec::new(), empty);
        }
        some.push(action);
        length += more;
    }
    all.push(document(&some));
    all
}

fn document(actions: &[&str]) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{"Sid": "PileusScan", "Effect": "Allow", "Action": actions, "Resource": "*"}],
    })
}

/// Whether all of these are types that a scan reports on.
fn known(types: &[String]) -> Result<(), CloudError> {
    let mut there: BTreeSet<&str> = table::all()?.iter().map(|row| row.token.as_str()).collect();
    there.extend(catalogue()?.iter().flat_map(|f| &f.types).filter(|t| !t.internal).map(|t| t.token.as_str()));
    let unknown: Vec<String> =
        types.iter().filter(|t| !there.contains(t.as_str())).map(|t| format!("\"{t}\"")).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    Err(CloudError::Setting(format!("types names what is no known type of AWS: {}", unknown.join(", "))))
}

fn of(kind: &Type) -> impl Iterator<Item = &str> {
    kind.read.iter().chain([&kind.list]).flat_map(|call| call.action.iter().map(String::as_str))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn actions(policies: &[Value]) -> Vec<String> {
        let lists = policies.iter().flat_map(|p| p["Statement"][0]["Action"].as_array().unwrap().clone());
        lists.map(|a| a.as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn policies_are_of_what_is_scanned() {
        let policies = policies(&["aws:s3/bucket:Bucket".to_owned()]).unwrap();
        let actions = actions(&policies);
        assert_eq!(policies.len(), 1);
        assert!(["s3:ListAllMyBuckets", "ec2:DescribeRegions"].iter().all(|a| actions.contains(&(*a).to_owned())));
        assert!(!actions.iter().any(|a| a.starts_with("iam:")), "{actions:?}");
    }

    #[test]
    fn no_policy_is_too_long_and_none_is_empty() {
        let policies = policies(&[]).unwrap();
        let lengths: Vec<usize> = policies.iter().map(|p| p.to_string().len()).collect();
        assert!(policies.len() > 1 && lengths.iter().all(|n| *n <= LONGEST), "{lengths:?}");
        assert!(lengths.iter().rev().skip(1).all(|n| *n > LONGEST - 100), "{lengths:?}");
        let all = actions(&policies);
        assert!(all.is_sorted() && all.len() > 2000, "{}", all.len());
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
    }

    #[test]
    fn types_that_are_none_are_named() {
        let types = ["aws:s3/bucket:Bucket", "aws:s3/bukket:Bukket", "x"].map(str::to_owned);
        let wrong = policies(&types).unwrap_err().to_string();
        assert_eq!(wrong, "types names what is no known type of AWS: \"aws:s3/bukket:Bukket\", \"x\"");
    }
}
