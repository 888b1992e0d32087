//! Paths of clients that do not encode slashes in the names of accounts and resources (the pulumiservice provider).
//!
//! This room knows where such a name begins and which segments can follow it. It must never know what is at the path.

/// What follows the name of an account in a path.
const AFTER_ACCOUNT: [&str; 7] = ["ownership", "policy", "resources", "scan", "scans", "tags", "teams"];
/// What follows the name of a resource.
const AFTER_RESOURCE: [&str; 4] = ["edges", "references", "stack_edges", "versions"];

/// The path with the slashes inside of the account's and the resource's name encoded; `None` where it is no path below accounts or
/// nothing is to be done.
pub(crate) fn folded(path: &str) -> Option<String> {
    let (organization, rest) = path.strip_prefix("/api/preview/insights/")?.split_once("/accounts/")?;
    if organization.is_empty() || organization.contains('/') {
        return None;
    }
    let segments: Vec<&str> = rest.split('/').collect();
    if segments.iter().any(|segment| segment.is_empty()) {
        return None;
    }
    let account = until(&segments, 0, &AFTER_ACCOUNT);
    let mut folded = format!("/api/preview/insights/{organization}/accounts/{}", segments[..account].join("%2F"));
    let mut from = account;
    if segments.get(account) == Some(&"resources") && segments.len() > account + 1 {
        let resource = if segments[account + 1] == "references" {
            account + 2
        } else {
            until(&segments, account + 1, &AFTER_RESOURCE)
        };
        folded.push_str("/resources/");
        folded.push_str(&segments[account + 1..resource].join("%2F"));
        from = resource;
    }
    for segment in &segments[from..] {
        folded.push('/');
        folded.push_str(segment);
    }
    (folded != path).then_some(folded)
}

/// Where the name that begins here ends: before the first of these words after its first segment.
fn until(segments: &[&str], from: usize, words: &[&str]) -> usize {
    let after = segments.iter().enumerate().skip(from + 1);
    after.filter(|(_, segment)| words.contains(segment)).map(|(at, _)| at).next().unwrap_or(segments.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_slashes() {
        let below = |rest: &str| folded(&format!("/api/preview/insights/acme/accounts/{rest}"));
        let becomes = |rest: &str| Some(format!("/api/preview/insights/acme/accounts/{rest}"));
        assert_eq!(below("aws/us-east-1"), becomes("aws%2Fus-east-1"));
        assert_eq!(below("aws/us-east-1/scan"), becomes("aws%2Fus-east-1/scan"));
        assert_eq!(below("aws/global/scans/1/logs"), becomes("aws%2Fglobal/scans/1/logs"));
        assert_eq!(
            below("aws/global/resources/aws:s3/bucket:Bucket::b/versions/2/edges"),
            becomes("aws%2Fglobal/resources/aws:s3%2Fbucket:Bucket::b/versions/2/edges")
        );
        assert_eq!(below("aws/resources/aws:s3/bucket:Bucket::b"), becomes("aws/resources/aws:s3%2Fbucket:Bucket::b"));
        assert_eq!(below("a%2Fb/resources/references"), None);
        for rest in ["aws", "aws/scan", "scan/scan", "a//b", "aws/"] {
            assert_eq!(below(rest), None, "{rest}");
        }
        for path in [
            "/api/preview/insights/acme/accounts",
            "/api/user",
            "/api/preview/insights//accounts/a/b",
            "/api/preview/insights/x/y/accounts/a/b",
        ] {
            assert_eq!(folded(path), None, "{path}");
        }
    }
}
