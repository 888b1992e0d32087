//! Exports: the same events as the pages, in CSV and CEF, whatever people call themselves.

use crate::support::{fill_log, one_gzip_member};
use pileus_testkit::{app::TestApp, client::Answer};
use serde_json::json;

const EXPORT: &str = "/api/orgs/pulumi/auditlogs/export";
const EXPORT_V2: &str = "/api/orgs/pulumi/auditlogs/v2/export";

async fn csv_rows(t: &TestApp, path: &str) -> (String, Vec<csv::StringRecord>) {
    let text = one_gzip_member(&t.admin.get(path).await.expect(200).body);
    let header = text.lines().next().unwrap_or_default().to_owned();
    let rows = csv::ReaderBuilder::new().flexible(false).from_reader(text.as_bytes()).into_records();
    (header, rows.collect::<Result<_, _>>().unwrap())
}

fn is_an_export(answer: &Answer) {
    assert_eq!(answer.header("content-encoding"), "gzip");
    assert!(!answer.header("content-type").contains("json"));
    assert!(answer.header("content-disposition").starts_with("attachment; filename=\"audit-log-pulumi-"));
}

both! {
    async fn every_event_is_exported_once_newest_first(t: TestApp) {
        let id = t.log("pulumi").await;
        fill_log(&t, 9_000, 2).await;
        let before = t.events(id).await.len();
        let (_, rows) = csv_rows(&t, &format!("{EXPORT_V2}?columns=all")).await;
        let sequence = rows.iter().map(|r| r[12].parse::<usize>().unwrap()).collect::<Vec<_>>();
        assert_eq!(sequence.len(), rows.len());
        assert_eq!(sequence, (1..=rows.len()).rev().collect::<Vec<_>>());
        assert!(rows.len() >= before);
    }

    async fn the_columns_are_the_seeds(t: TestApp) {
        let (v1, _) = csv_rows(&t, EXPORT).await;
        assert_eq!(v1, "Timestamp,Name,Login,Event,Description,SourceIP,RequireOrgAdmin,RequireStackAdmin,AuthenticationFailure");
        let (v2, _) = csv_rows(&t, EXPORT_V2).await;
        assert_eq!(v2, "Timestamp,Name,Login,Event,Description,SourceIP,TokenID,TokenName,RequireOrgAdmin,RequireStackAdmin,AuthenticationFailure");
        let (all, _) = csv_rows(&t, &format!("{EXPORT}?columns=all")).await;
        assert!(all.starts_with(&v2), "{all}");
    }

    async fn filters_and_ranges_are_those_of_the_pages(t: TestApp) {
        let id = t.log("pulumi").await;
        fill_log(&t, 4_000, 8).await;
        let log = t.events(id).await;
        let middle = log[log.len() / 2].at.as_seconds();
        let older = log.iter().filter(|e| e.at.as_seconds() < middle).count();
        assert_eq!(csv_rows(&t, &format!("{EXPORT}?startTime={middle}")).await.1.len(), older);
        let (_, rows) = csv_rows(&t, &format!("{EXPORT_V2}?userFilter=user-007&eventFilter=secret-decrypted,stack-exported")).await;
        let wanted = log.iter().filter(|e| e.event.actor.login == "user-007"
            && ["secret-decrypted", "stack-exported"].contains(&e.event.event.id())).count();
        assert_eq!(rows.len(), wanted);
        let message = t.admin.get(&format!("{EXPORT}?format=xml")).await.error(400);
        assert!(message.contains("csv, cef"), "{message}");
        let _ = t.admin.get(&format!("{EXPORT}?userFilter=nobody")).await.error(404);
    }

    async fn hard_texts_survive_both_formats(t: TestApp) {
        let name = "=cmd()|'a\"b,c\\d=e\u{1f600}\u{5d0}";
        let made = json!({"name": "hard", "displayName": "x", "description": ""});
        let _ = t.admin.patch("/api/admin/users/admin", json!({"name": name})).await.expect(200);
        let _ = t.admin.post("/api/orgs/pulumi/teams/pulumi", made).await.expect(201);
        let (_, rows) = csv_rows(&t, &format!("{EXPORT}?eventFilter=team-created")).await;
        assert_eq!(&rows[0][1], name);
        let (_, safe) = csv_rows(&t, &format!("{EXPORT}?eventFilter=team-created&cells=safe")).await;
        assert_eq!(&safe[0][1], format!("'{name}"));
        let answer = t.admin.get(&format!("{EXPORT}?format=cef&eventFilter=team-created")).await.expect(200);
        is_an_export(&answer);
        let line = one_gzip_member(&answer.body);
        assert!(line.contains(" pileus.test CEF:0|Pulumi|Pulumi Service|1.0|Team Created|Created team \"hard\"|0|"), "{line}");
        assert_eq!(line.lines().count(), 1);
    }

    async fn every_export_is_recorded_before_it_leaves(t: TestApp) {
        for _ in 0..3 {
            is_an_export(&t.admin.get(EXPORT).await.expect(200));
        }
        let log = t.events(t.log("pulumi").await).await;
        assert_eq!(log.iter().filter(|e| e.event.event.id() == "audit-log-exported").count(), 3);
    }

    async fn a_slow_client_holds_nothing_and_a_fifth_export_waits_its_turn(t: TestApp) {
        fill_log(&t, 60_000, 4).await;
        let mut running = Vec::new();
        for _ in 0..4 {
            // The head has come, the body is not read: the export hangs in the middle.
            running.push(t.admin.request("GET", &format!("{EXPORT_V2}?columns=all")).send().await.unwrap());
        }
        let refused = t.admin.get(EXPORT_V2).await;
        assert!(!refused.header("retry-after").is_empty());
        assert!(refused.error(429).contains("4 exports"));
        // Writers and readers are not held up.
        let made = json!({"name": "meanwhile", "displayName": "x", "description": ""});
        let _ = t.admin.post("/api/orgs/pulumi/teams/pulumi", made).await.expect(201);
        let _ = t.page("pageSize=100").await;
        for response in running {
            let text = one_gzip_member(&response.bytes().await.unwrap());
            assert!(text.lines().count() > 60_000);
        }
        let _ = t.admin.get(EXPORT_V2).await.expect(200);
    }
}
