//! Items that are recognised are counted and not taken apart; whatever is another item is.

use super::*;

const VOLUME: &str = "aws:ebs/volume:Volume";
const INGRESS: &str = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule";
const EGRESS: &str = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule";
const FILTER: &str = "aws:cloudwatch/logMetricFilter:LogMetricFilter";
const TYPES: [&str; 4] = [VOLUME, INGRESS, EGRESS, FILTER];

fn volume(id: u8, size: u8) -> String {
    format!("<item><volumeId>vol-{id}</volumeId><size>{size}</size><ownerId>123456789012</ownerId></item>")
}

fn rule(id: &str, egress: bool) -> String {
    format!(
        "<item><securityGroupRuleId>{id}</securityGroupRuleId><groupId>sg-1</groupId><isEgress>{egress}</isEgress></item>"
    )
}

/// Two pages of volumes, rules of two types in one list, and filters; `size` is that of the third volume.
async fn cloud(size: u8) -> Fake {
    Fake::start(move |seen, n| {
        if let Some(reply) = identity(seen) {
            return reply;
        }
        if seen.header("x-amz-target").is_some() {
            return Reply::ok(
                r#"{"metricFilters":[{"filterName":"a","logGroupName":"g"},{"filterName":"b","logGroupName":"g"}]}"#,
            );
        }
        // Something that is another one each time.
        let id = format!("<requestId>{n}</requestId>");
        Reply::ok(if seen.body.contains("DescribeSecurityGroupRules") {
            let rules = [rule("sgr-1", true), rule("sgr-2", false), rule("sgr-3", true)].concat();
            format!("<R>{id}<securityGroupRuleSet>{rules}</securityGroupRuleSet></R>")
        } else if seen.body.contains("NextToken=more") {
            format!("<R>{id}<volumeSet>{}</volumeSet></R>", volume(3, size))
        } else {
            let first = [volume(1, 1), volume(2, 1)].concat();
            format!("<R>{id}<volumeSet>{first}</volumeSet><nextToken>more</nextToken></R>")
        })
    })
    .await
}

async fn scanned(fake: &Fake, known: HashSet<Print>, region: &str, options: &ScanOptions) -> Kept {
    let (kept, place) = (Kept { known, ..Kept::default() }, Place::Region(region.into()));
    aws(fake).scan(&credentials(), &place, Mode::Native, options, &kept).await.unwrap();
    for (kind, count) in [(VOLUME, 3), (INGRESS, 1), (EGRESS, 2), (FILTER, 2)] {
        if options.types.iter().any(|wanted| wanted == kind) {
            assert_eq!(kept.outcome(kind), TypeOutcome::Listed(count), "{kind}");
        }
    }
    kept
}

fn prints(kept: &Kept) -> HashSet<Print> {
    kept.found.lock().unwrap().iter().map(|found| found.print.unwrap()).collect()
}

#[tokio::test]
async fn what_was_seen_is_recognised_and_counted() {
    let (fake, options) = (cloud(1).await, options(&TYPES));
    let first = scanned(&fake, HashSet::new(), "us-east-1", &options).await;
    assert_eq!((first.ids().len(), first.same.lock().unwrap().len(), prints(&first).len()), (8, 0, 8));
    let second = scanned(&fake, prints(&first), "us-east-1", &options).await;
    assert_eq!(second.ids(), [""; 0]);
    // Each of its own type.
    let of = |kept: &Kept| -> HashSet<(String, Print)> {
        kept.found.lock().unwrap().iter().map(|found| (found.type_token.clone(), found.print.unwrap())).collect()
    };
    assert_eq!(second.same.lock().unwrap().iter().cloned().collect::<HashSet<_>>(), of(&first));
    // One that is not known, and only that, is found.
    let mut known = prints(&first);
    let rule = first.found.lock().unwrap().iter().find(|found| found.id == "sgr-2").unwrap().clone();
    known.remove(&rule.print.unwrap());
    let third = scanned(&fake, known, "us-east-1", &options).await;
    assert_eq!(*third.found.lock().unwrap(), [rule]);
}

#[tokio::test]
async fn what_is_another_item_is_found() {
    let (before, after, asked) = (cloud(1).await, cloud(2).await, options(&TYPES));
    let first = scanned(&before, HashSet::new(), "us-east-1", &asked).await;
    let changed = scanned(&after, prints(&first), "us-east-1", &asked).await;
    assert_eq!((changed.ids(), changed.same.lock().unwrap().len()), (vec!["vol-3".to_owned()], 7));
    let elsewhere = scanned(&before, prints(&first), "eu-west-1", &asked).await;
    assert_eq!(elsewhere.ids().len(), 8, "another region's");
    let other_key = ScanOptions { redaction: RedactionKey::new([2; 32]), ..asked };
    let redacted_otherwise = scanned(&before, prints(&first), "us-east-1", &other_key).await;
    assert_eq!(redacted_otherwise.ids().len(), 8, "redacted under another key");
}

/// Where only one of a list's types is wanted, nothing is recognised: the print would say of an item only that it is one of them.
#[tokio::test]
async fn half_a_list_is_read_as_it_is() {
    let fake = cloud(1).await;
    let first = scanned(&fake, HashSet::new(), "us-east-1", &options(&TYPES)).await;
    let second = scanned(&fake, prints(&first), "us-east-1", &options(&[INGRESS])).await;
    assert_eq!((second.ids(), second.same.lock().unwrap().len()), (vec!["sgr-2".to_owned()], 0));
    assert_eq!(second.found.lock().unwrap()[0].print, None);
}
