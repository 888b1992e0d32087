//! Answers that are late, broken, refused or go round in circles: the scan ends right, or says what it could not list.

use super::*;

const VPC: &str = "aws:ec2/vpc:Vpc";
const BUCKET: &str = "aws:s3/bucket:Bucket";

fn page(ids: &[&str], next: Option<&str>) -> Reply {
    let items: String =
        ids.iter().map(|id| format!("<item><vpcId>{id}</vpcId><ownerId>123456789012</ownerId></item>")).collect();
    let next = next.map(|n| format!("<nextToken>{n}</nextToken>")).unwrap_or_default();
    Reply::ok(format!("<DescribeVpcsResponse><vpcSet>{items}</vpcSet>{next}</DescribeVpcsResponse>"))
}

/// A list in two pages, whose `n`-th request (from 0, the identity aside) is answered by `fault` where it says something.
async fn two_pages(fault: impl Fn(usize) -> Option<Reply> + Send + Sync + 'static) -> (Fake, Kept, TypeOutcome) {
    let fake = Fake::start(move |seen, n| {
        let normal = || {
            if seen.body.contains("NextToken=t1") {
                page(&["vpc-3"], None)
            } else {
                page(&["vpc-1", "vpc-2"], Some("t1"))
            }
        };
        identity(seen).or_else(|| fault(n - 1)).unwrap_or_else(normal)
    })
    .await;
    let (kept, ended) = scan(&fake, Mode::Native, &[VPC]).await;
    ended.unwrap();
    let outcome = kept.outcome(VPC);
    (fake, kept, outcome)
}

#[tokio::test]
async fn pages_are_read_to_the_end() {
    let (fake, kept, outcome) = two_pages(|_| None).await;
    assert_eq!(outcome, TypeOutcome::Listed(3));
    assert_eq!(kept.ids(), ["vpc-1", "vpc-2", "vpc-3"]);
    let seen = fake.seen.lock().unwrap();
    assert!(seen[1].header("authorization").unwrap().contains("/20260101/us-east-1/ec2/aws4_request"));
    assert_eq!(kept.reports.lock().unwrap()[0].calls, 2);
}

#[tokio::test]
async fn what_passes_is_asked_again() {
    for fault in [
        Reply::error(429, "TooManyRequests", ""),
        Reply::error(503, "RequestLimitExceeded", "slower"),
        Reply::error(500, "InternalError", ""),
        Reply::Answer { status: 502, headers: String::new(), body: "<html>".into() },
        Reply::Cut,
        Reply::Half,
        Reply::ok("<DescribeVpcsResponse><vpcSet><item>"),
        Reply::ok(""),
    ] {
        let said = fault.clone();
        let (_, kept, outcome) = two_pages(move |n| (n == 1 || n == 2).then(|| said.clone())).await;
        assert_eq!(outcome, TypeOutcome::Listed(3), "{fault:?}");
        assert_eq!(kept.ids(), ["vpc-1", "vpc-2", "vpc-3"], "{fault:?}");
    }
}

#[tokio::test]
async fn what_does_not_pass_is_said_and_what_was_found_is_kept() {
    for (fault, code) in [
        (Reply::error(500, "InternalError", "x"), "InternalError"),
        (Reply::Cut, "connection"),
        (Reply::ok("<DescribeVpcsResponse><vpcSet><item>"), "malformed"),
        (Reply::error(400, "InvalidParameterValue", "x"), "InvalidParameterValue"),
    ] {
        let said = fault.clone();
        let (_, kept, outcome) = two_pages(move |n| (n >= 1).then(|| said.clone())).await;
        assert!(matches!(&outcome, TypeOutcome::Failed { code: c, .. } if c == code), "{fault:?} {outcome:?}");
        assert!(!outcome.complete());
        assert_eq!(kept.ids(), ["vpc-1", "vpc-2"]);
    }
}

#[tokio::test]
async fn throttling_has_an_end_and_is_counted() {
    let (_, kept, outcome) = two_pages(|_| Some(Reply::error(400, "Throttling", "Rate exceeded"))).await;
    assert_eq!(outcome, TypeOutcome::Throttled);
    let reports = kept.reports.lock().unwrap();
    assert_eq!((reports[0].calls, reports[0].throttles), (10, 10));
}

#[tokio::test]
async fn denials_name_the_action() {
    let (_, _, outcome) = two_pages(|_| Some(Reply::error(403, "UnauthorizedOperation", "You may not."))).await;
    let action = "ec2:DescribeVpcs".to_owned();
    assert_eq!(outcome, TypeOutcome::Denied { action, message: "You may not.".into() });
}

#[tokio::test]
async fn pages_that_go_in_circles_end() {
    let (_, _, outcome) = two_pages(|_| Some(page(&["vpc-1"], Some("again")))).await;
    assert!(matches!(outcome, TypeOutcome::Failed { code, .. } if code == "page-loop"));
}

#[tokio::test]
async fn clocks_are_corrected() {
    let late = || Reply::error(403, "RequestTimeTooSkewed", "x").with("date: Thu, 01 Jan 2026 01:00:00 GMT");
    let (fake, _, outcome) = two_pages(move |n| (n == 0).then(late)).await;
    assert_eq!(outcome, TypeOutcome::Listed(3));
    let seen = fake.seen.lock().unwrap();
    assert_eq!(seen[1].header("x-amz-date"), Some("20260101T000000Z"));
    assert_eq!(seen[2].header("x-amz-date"), Some("20260101T010000Z"));
}

#[tokio::test]
async fn credentials_that_end_meanwhile_end_the_scan() {
    let fake = Fake::start(|seen, n| match n {
        0 => identity(seen).unwrap_or(Reply::Cut),
        _ => Reply::error(403, "ExpiredToken", "The security token included in the request is expired"),
    })
    .await;
    let (kept, ended) = scan(&fake, Mode::Native, &[VPC]).await;
    assert!(matches!(&ended, Err(CloudError::Credentials { code, .. }) if code == "ExpiredToken"), "{ended:?}");
    assert!(kept.reports.lock().unwrap().is_empty());
}

#[tokio::test]
async fn credentials_that_one_service_refuses_are_its_failure() {
    let (_, _, outcome) = two_pages(|n| (n == 0).then(|| Reply::error(401, "AuthFailure", "no"))).await;
    assert!(matches!(outcome, TypeOutcome::Failed { code, .. } if code == "AuthFailure"));
}

#[tokio::test]
async fn slow_answers_time_out() {
    let fake = Fake::start(|seen, _| identity(seen).unwrap_or(Reply::Silent)).await;
    let kept = Kept::default();
    let options = ScanOptions { read_timeout: Duration::from_millis(50), ..options(&[VPC]) };
    let place = Place::Region("us-east-1".into());
    aws(&fake).scan(&credentials(), &place, Mode::Native, &options, &kept).await.unwrap();
    assert!(matches!(kept.outcome(VPC), TypeOutcome::Failed { code, .. } if code == "timeout"));
}

#[tokio::test]
async fn a_scan_is_canceled_while_it_waits() {
    let kept = Arc::new(Kept::default());
    let stop = Arc::clone(&kept);
    let fake = Fake::start(move |seen, _| {
        identity(seen).unwrap_or_else(|| {
            stop.stop.send_replace(true);
            Reply::Silent
        })
    })
    .await;
    let options = ScanOptions { read_timeout: Duration::from_secs(3600), ..options(&[VPC]) };
    let place = Place::Region("us-east-1".into());
    let ended = aws(&fake).scan(&credentials(), &place, Mode::Native, &options, kept.as_ref()).await;
    assert_eq!(ended, Err(CloudError::Canceled));
}

#[tokio::test]
async fn a_region_that_is_not_enabled_is_skipped() {
    let fake = Fake::start(|seen, _| match seen.header("authorization") {
        Some(signed) if signed.contains("/us-east-1/sts/") => identity(seen).unwrap_or(Reply::Cut),
        _ => Reply::error(403, "InvalidClientTokenId", "The security token included in the request is invalid"),
    })
    .await;
    let (kept, place) = (Kept::default(), Place::Region("ap-east-1".into()));
    aws(&fake).scan(&credentials(), &place, Mode::Native, &options(&[VPC]), &kept).await.unwrap();
    assert!(matches!(kept.outcome(VPC), TypeOutcome::Skipped { .. }));
}

fn bucket(seen: &Seen) -> Reply {
    if seen.line.starts_with("GET /?") {
        return Reply::ok(
            "<ListAllMyBucketsResult><Buckets><Bucket><Name>here</Name></Bucket><Bucket><Name>there</Name></Bucket></Buckets></ListAllMyBucketsResult>",
        );
    }
    match seen.line.as_str() {
        l if l.contains("/there?location") => Reply::ok("<LocationConstraint>EU</LocationConstraint>"),
        l if l.contains("?location") => Reply::ok("<LocationConstraint/>"),
        l if l.contains("?policy ") => Reply::ok("{\"Statement\":[]}"),
        l if l.contains("?tagging") => Reply::error(404, "NoSuchTagSet", ""),
        _ => Reply::error(404, "NoSuchBucketPolicy", ""),
    }
}

#[tokio::test]
async fn reads_complete_what_is_kept_and_nothing_else() {
    let fake = Fake::start(|seen, _| identity(seen).unwrap_or_else(|| bucket(seen))).await;
    let (kept, ended) = scan(&fake, Mode::Native, &[BUCKET]).await;
    ended.unwrap();
    assert_eq!(kept.ids(), ["here"]);
    let found = kept.found.lock().unwrap();
    assert_eq!(found[0].properties["BucketRegion"], "us-east-1");
    assert_eq!(found[0].properties["Policy"], "{\"Statement\":[]}");
    assert_eq!(found[0].properties.get("TagSet"), None);
    assert_eq!(fake.seen.lock().unwrap().iter().filter(|s| s.line.contains("/there?")).count(), 1);
}

#[tokio::test]
async fn a_denied_read_leaves_the_rest_and_says_so() {
    let fake = Fake::start(|seen, _| {
        identity(seen).unwrap_or_else(|| match seen.line.contains("?tagging") {
            true => Reply::error(403, "AccessDenied", "Access Denied"),
            false => bucket(seen),
        })
    })
    .await;
    let (kept, ended) = scan(&fake, Mode::Native, &[BUCKET]).await;
    ended.unwrap();
    let found = kept.found.lock().unwrap();
    assert_eq!((found[0].id.as_str(), found[0].unread.contains(&"TagSet".to_owned())), ("here", true));
    let outcome = kept.outcome(BUCKET);
    assert!(matches!(&outcome, TypeOutcome::Denied { action, .. } if action == "s3:GetBucketTagging"), "{outcome:?}");
}
