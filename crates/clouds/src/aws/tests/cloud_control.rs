//! Cloud Control: asked once whether it answers, then type by type.

use super::*;
use crate::aws::scan::table;

/// Types of the table that are listed without input in a region and are not native.
fn plain() -> Vec<&'static table::Row> {
    let place = Place::Region("us-east-1".into());
    let rows = table::of(&place, Mode::Both).unwrap().filter(|r| r.list == table::Listing::Plain && r.read);
    rows.take(2).collect()
}

async fn both(handler: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> (Fake, Kept, Result<(), CloudError>) {
    let fake = Fake::start(move |seen, _| identity(seen).unwrap_or_else(|| handler(seen))).await;
    let tokens: Vec<&str> = plain().iter().map(|r| r.token.as_str()).collect();
    let (kept, ended) = scan(&fake, Mode::Both, &tokens).await;
    (fake, kept, ended)
}

#[tokio::test]
async fn lists_pages_and_reads() {
    let [row, _] = plain()[..] else { return };
    let name = row.name.clone();
    let (_, kept, ended) = both(move |seen| {
        let get = seen.header("x-amz-target") == Some("CloudApiService.GetResource");
        match (get, seen.body.contains(&name)) {
            (true, _) if seen.body.contains("gone") => Reply::refused("ResourceNotFoundException", "x"),
            (true, _) => Reply::ok("{\"ResourceDescription\":{\"Identifier\":\"a|b\",\"Properties\":\"{\\\"Name\\\":\\\"n\\\",\\\"Password\\\":\\\"hunter2\\\"}\"}}"),
            (false, true) if seen.body.contains("NextToken") => Reply::ok("{\"ResourceDescriptions\":[{\"Identifier\":\"gone\",\"Properties\":\"{}\"}]}"),
            (false, true) => Reply::ok("{\"ResourceDescriptions\":[{\"Identifier\":\"a|b\",\"Properties\":\"{\\\"Id\\\":1}\"}],\"NextToken\":\"t\"}"),
            (false, false) => Reply::refused("UnsupportedActionException", "LIST"),
        }
    })
    .await;
    ended.unwrap();
    assert_eq!(kept.outcome(&row.token), TypeOutcome::Listed(1));
    assert_eq!(kept.outcome(&plain()[1].token), TypeOutcome::Unsupported);
    let found = kept.found.lock().unwrap();
    assert_eq!((found[0].id.as_str(), found[0].name.as_deref()), ("a|b", Some("n")));
    assert_eq!(found[0].properties["Id"], 1);
    assert!(!found[0].properties.to_string().contains("hunter2"));
}

#[tokio::test]
async fn where_it_does_not_answer_nothing_more_is_asked() {
    if plain().len() < 2 {
        return;
    }
    for (reply, calls) in [
        (Reply::Answer { status: 404, headers: String::new(), body: "<html>".into() }, 2),
        (Reply::refused("UnknownOperationException", ""), 2),
        (Reply::ok("{}"), 2),
    ] {
        let said = reply.clone();
        let (fake, kept, ended) = both(move |_| said.clone()).await;
        ended.unwrap();
        assert!(kept.reports.lock().unwrap().iter().all(|r| r.outcome == TypeOutcome::Unsupported), "{reply:?}");
        assert_eq!((kept.reports.lock().unwrap().len(), fake.count()), (2, calls), "{reply:?}");
    }
}

#[tokio::test]
async fn where_it_is_denied_every_type_is() {
    if plain().len() < 2 {
        return;
    }
    let message = "User: u is not authorized to perform: cloudformation:ListResources on resource: *";
    let (fake, kept, ended) = both(move |_| Reply::refused("AccessDeniedException", message)).await;
    ended.unwrap();
    let denied = |r: &TypeReport| matches!(&r.outcome, TypeOutcome::Denied { action, .. } if action == "cloudformation:ListResources");
    assert!(kept.reports.lock().unwrap().iter().all(denied));
    assert_eq!(fake.count(), 2);
}

#[tokio::test]
async fn a_handler_that_is_denied_names_its_own_action() {
    if plain().len() < 2 {
        return;
    }
    let message = "User: u is not authorized to perform: logs:DescribeLogGroups on resource: *";
    let (_, kept, ended) = both(move |_| Reply::refused("GeneralServiceException", message)).await;
    ended.unwrap();
    let denied =
        |r: &TypeReport| matches!(&r.outcome, TypeOutcome::Denied { action, .. } if action == "logs:DescribeLogGroups");
    assert!(kept.reports.lock().unwrap().iter().all(denied));
}
