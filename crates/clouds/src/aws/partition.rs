//! Partitions: which regions there are, and under which names their services answer.
//!
//! This room knows the partition table. It must never know a service.

use crate::CloudError;
use serde::Deserialize;
use std::sync::OnceLock;

/// The four regions that are scanned where nothing says which are enabled.
pub(crate) const DOCUMENTED: [&str; 4] = ["us-east-1", "us-east-2", "us-west-2", "eu-west-1"];

/// One partition.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Partition {
    /// `aws`, `aws-us-gov`, …
    pub(crate) name: String,
    /// `amazonaws.com`, …
    pub(crate) suffix: String,
    prefixes: Vec<String>,
    /// The region in which it keeps what belongs to none.
    pub(crate) global: String,
    /// Those that are known.
    pub(crate) regions: Vec<String>,
}

/// The table. A test holds that it can be read.
pub(crate) fn all() -> &'static [Partition] {
    static ALL: OnceLock<Vec<Partition>> = OnceLock::new();
    ALL.get_or_init(|| serde_json::from_str(include_str!("../../data/aws/partitions.json")).unwrap_or_default())
}

/// The partition of a region: that which lists it, else, if it has the form of a region, that with the longest prefix.
pub(crate) fn of(region: &str) -> Result<&'static Partition, CloudError> {
    if let Some(known) = all().iter().find(|p| p.regions.iter().any(|r| r == region)) {
        return Ok(known);
    }
    // What was said instead is not told: environments say it too, and one may have put a secret there.
    let unknown =
        || CloudError::Setting("what is said to be the region is not a region: it must look like \"eu-west-1\"".into());
    if !has_form(region) {
        return Err(unknown());
    }
    let fits = |p: &'static Partition| p.prefixes.iter().map(move |prefix| (prefix, p));
    let fitting = all().iter().flat_map(fits).filter(|(prefix, _)| region.starts_with(prefix.as_str()));
    let longest = fitting.max_by_key(|(prefix, _)| prefix.len()).map(|(_, p)| p);
    longest.or_else(|| all().iter().find(|p| p.name == "aws")).ok_or_else(unknown)
}

/// Whether it looks like a region: two or more letters, then one or more groups of letters, then a number (`eu-west-1`).
fn has_form(region: &str) -> bool {
    let letters = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let parts: Vec<&str> = region.split('-').collect();
    match parts.as_slice() {
        [first, middle @ .., last] => {
            first.len() >= 2
                && letters(first)
                && !middle.is_empty()
                && middle.iter().all(|m| letters(m))
                && digits(last)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn regions_have_partitions() {
        for (region, partition) in [
            ("us-east-1", "aws"),
            ("ap-southeast-9", "aws"),
            ("zz-north-1", "aws"),
            ("us-gov-west-1", "aws-us-gov"),
            ("us-gov-north-7", "aws-us-gov"),
            ("cn-north-1", "aws-cn"),
            ("us-iso-east-1", "aws-iso"),
            ("us-isob-east-1", "aws-iso-b"),
            ("eusc-de-east-1", "aws-eusc"),
        ] {
            assert_eq!(of(region).unwrap().name, partition, "{region}");
        }
    }

    #[test]
    fn what_is_no_region_is_refused() {
        for region in [
            "",
            "us",
            "us-1",
            "us-east",
            "us-east-1a",
            "US-EAST-1",
            "x-east-1",
            "evil.example/",
            "us-east-1.evil",
            "us--1",
        ] {
            assert!(of(region).is_err(), "{region}");
        }
        let said = of("a-password").unwrap_err().to_string();
        assert!(said.contains("must look like") && !said.contains("a-password"), "{said}");
    }

    #[test]
    fn documented_regions_are_known() {
        let aws = all().iter().find(|p| p.name == "aws").unwrap();
        assert!(DOCUMENTED.iter().all(|r| aws.regions.iter().any(|known| known == r)));
    }
}
