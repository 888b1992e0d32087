//! What can be configured of an account, by its cloud.
//!
//! This room knows which configurations make sense. It must never know what is done with them.

use pileus_model::{
    Error, Result,
    insights::{MAX_REGIONS, Provider, is_region},
};
use serde_json::{Map, Value, json};

/// Longest configuration, serialised, in bytes.
const MAX_BYTES: usize = 20_000;

/// The configuration as it is kept. AWS always has `regions`, perhaps none, which means all that are enabled. The other clouds
/// have nothing to configure yet; the pulumiservice provider sends all of them an empty list of regions, which is nothing.
///
/// # Errors
/// `Invalid`, beginning with `invalid provider config`.
pub(super) fn normalised(provider: Provider, given: Option<&Value>) -> Result<Value> {
    let empty = Map::new();
    let object = match given {
        None | Some(Value::Null) => &empty,
        Some(Value::Object(object)) => object,
        Some(_) => return wrong("it must be an object"),
    };
    if given.is_some_and(|given| given.to_string().len() > MAX_BYTES) {
        return wrong(format!("it must not be longer than {MAX_BYTES} bytes"));
    }
    let regions = regions(object.get("regions"))?;
    let mut kept = object.clone();
    if provider == Provider::Aws {
        kept.insert("regions".into(), json!(regions));
    } else if regions.is_empty() {
        kept.remove("regions");
    } else {
        return wrong(format!("accounts of {} have no regions", provider.title()));
    }
    Ok(Value::Object(kept))
}

fn wrong<T>(problem: impl std::fmt::Display) -> Result<T> {
    Err(Error::invalid(format!("invalid provider config: {problem}")))
}

fn regions(given: Option<&Value>) -> Result<Vec<String>> {
    let list = match given {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(list)) => list,
        Some(_) => return wrong("\"regions\" must be a list of texts"),
    };
    if list.len() > MAX_REGIONS {
        return wrong(format!("\"regions\" must not name more than {MAX_REGIONS}"));
    }
    let mut regions: Vec<String> = Vec::with_capacity(list.len());
    for region in list {
        let Some(region) = region.as_str() else { return wrong("\"regions\" must be a list of texts") };
        if !is_region(region) {
            return wrong(format!("\"{}\" is not a region of AWS", region.chars().take(60).collect::<String>()));
        }
        if regions.iter().any(|known| known == region) {
            return wrong(format!("\"regions\" names {region} twice"));
        }
        regions.push(region.to_owned());
    }
    Ok(regions)
}

/// The regions that a kept configuration names; none: all that are enabled.
pub(crate) fn configured_regions(config: &str) -> Vec<String> {
    let value: Value = serde_json::from_str(config).unwrap_or_default();
    let regions = value["regions"].as_array().into_iter().flatten();
    regions.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The same configuration without this region, unless no other would be left, since none means all.
pub(super) fn without_region(config: &str, region: &str) -> String {
    let mut value: Value = serde_json::from_str(config).unwrap_or_default();
    if let Some(regions) = value.get_mut("regions").and_then(Value::as_array_mut)
        && regions.iter().any(|known| known != region)
    {
        regions.retain(|known| known != region);
    }
    value.to_string()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn configurations() {
        let aws = |given| normalised(Provider::Aws, Some(&given));
        assert_eq!(normalised(Provider::Aws, None).unwrap(), json!({"regions": []}));
        assert_eq!(aws(json!({"regions": ["us-east-1"]})).unwrap(), json!({"regions": ["us-east-1"]}));
        assert_eq!(normalised(Provider::Gcp, Some(&json!({"regions": []}))).unwrap(), json!({}));
        assert_eq!(normalised(Provider::Oci, None).unwrap(), json!({}));
        for bad in [
            json!([]),
            json!({"regions": "x"}),
            json!({"regions": [1]}),
            json!({"regions": ["evil.com/"]}),
            json!({"regions": ["us-east-1", "us-east-1"]}),
        ] {
            assert!(aws(bad.clone()).unwrap_err().message().starts_with("invalid provider config: "), "{bad}");
        }
        assert!(normalised(Provider::Gcp, Some(&json!({"regions": ["us-east-1"]}))).is_err());
        assert_eq!(without_region(r#"{"regions":["a","b"]}"#, "a"), r#"{"regions":["b"]}"#);
        assert_eq!(without_region(r#"{"regions":["a"]}"#, "a"), r#"{"regions":["a"]}"#);
    }
}
