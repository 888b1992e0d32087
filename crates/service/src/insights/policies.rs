//! The smallest policy of a cloud by which a scan can list.
//!
//! This room knows who may ask for one: everybody in the organisation. It must never know an action of a cloud.

use pileus_clouds::aws::Aws;
use pileus_model::{Error, Result};
use serde_json::Value;

/// Types that are asked for at once.
const MAX_TYPES: usize = 2000;

/// The smallest IAM policy by which these types can be scanned; all that are listed, where none is named. Several may stand in one
/// text, with commas between.
///
/// # Errors
/// `Invalid` for too many.
pub fn aws(types: &[String]) -> Result<Value> {
    let types: Vec<String> = types
        .iter()
        .flat_map(|text| text.split(','))
        .map(str::trim)
        .filter(|t| !t.is_empty())
        .map(str::to_owned)
        .collect();
    if types.len() > MAX_TYPES {
        return Err(Error::invalid(format!("types must not name more than {MAX_TYPES}")));
    }
    Ok(Aws::policy(&types))
}
