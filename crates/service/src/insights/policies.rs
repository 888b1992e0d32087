//! The smallest policy of a cloud by which a scan can list.
//!
//! This room knows who may ask for one: everybody in the organisation. It must never know an action of a cloud.

use pileus_clouds::aws::Aws;
use pileus_model::{Error, Result};
use serde_json::{Value, json};

/// Types that are asked for at once.
const MAX_TYPES: usize = 2000;

/// The smallest IAM policy by which these types can be scanned; all that are listed, where none is named. Several may stand in one
/// text, with commas between. Where it is longer than IAM lets a managed policy be, the answer is not a policy but an object with
/// `policies`, which are to be attached together, and a `message` that says so.
///
/// # Errors
/// `Invalid` for too many, and for types that are not known.
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
    let policies = Aws::policies(&types).map_err(|unknown| Error::invalid(unknown.to_string()))?;
    let count = policies.len();
    match <[Value; 1]>::try_from(policies) {
        Ok([one]) => Ok(one),
        Err(policies) => {
            let message = format!(
                "one managed policy has at most 6,144 characters: attach these {count} together (IAM lets a role or user have 10, and \
                 up to 20 on request), or name the types that matter in types"
            );
            Ok(json!({ "policies": policies, "message": message }))
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn one_policy_is_itself_and_many_are_a_list() {
        let one = aws(&["aws:s3/bucket:Bucket, aws:iam/role:Role".into()]).unwrap();
        assert_eq!(one["Version"], "2012-10-17");
        let all = aws(&[]).unwrap();
        assert!(all["policies"].as_array().unwrap().len() > 1 && all["message"].is_string());
        assert!(all.get("Statement").is_none());
        assert!(aws(&["aws:s3/bukket:Bukket".into()]).unwrap_err().to_string().contains("\"aws:s3/bukket:Bukket\""));
    }
}
