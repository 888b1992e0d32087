//! Reading the log: dialects, filters, pages.

use crate::support::fill_log;
use pileus_testkit::app::TestApp;
use serde_json::{Value, json};

const V1: &str = "/api/orgs/pulumi/auditlogs";
const V2: &str = "/api/orgs/pulumi/auditlogs/v2";

/// All pages of a query, as (timestamp, event, description).
async fn all(t: &TestApp, path: &str, query: &str) -> Vec<Value> {
    let mut events = Vec::new();
    let mut token = String::new();
    for _ in 0..10_000 {
        let page = t.admin.get(&format!("{path}?{query}{token}")).await.expect(200).json();
        events.extend(page["auditLogEvents"].as_array().unwrap().iter().cloned());
        match page["continuationToken"].as_str() {
            Some(next) => {
                assert!(next.bytes().all(|b| b.is_ascii_digit()) && next.parse::<i64>().is_ok(), "{next}");
                token = format!("&continuationToken={next}");
            }
            None => return events,
        }
    }
    panic!("the pages do not end");
}

/// The first nine bits of an IPv4 address.
fn network(ip: Option<std::net::IpAddr>) -> Option<u32> {
    match ip {
        Some(std::net::IpAddr::V4(ip)) => Some(u32::from(ip) >> 23),
        _ => None,
    }
}

/// Something of an event by which it is recognised.
fn keys(events: &[Value]) -> Vec<String> {
    events.iter().map(|e| format!("{} {} {}", e["timestamp"], e["event"], e["description"])).collect()
}

both! {
    async fn pages_lose_and_repeat_nothing(t: TestApp) {
        fill_log(&t, 5_000, 1).await;
        let _ = t.page("pageSize=1").await;
        let log = t.events(t.log("pulumi").await).await;
        let wanted: Vec<String> = log.iter().rev()
            .map(|e| format!("{} {} {}", e.at.as_seconds(), json!(e.event.event.id()), json!(e.event.description)))
            .collect();
        for size in [7, 100, 999, 1000] {
            assert_eq!(keys(&all(&t, V2, &format!("pageSize={size}")).await), wanted, "page size {size}");
        }
        // The CLI repeats startTime on every page; it must not disturb the position.
        let newest = log.last().unwrap().at.as_seconds() + 1;
        assert_eq!(all(&t, V1, &format!("pageSize=333&startTime={newest}")).await.len(), wanted.len());
    }

    async fn nothing_written_meanwhile_disturbs_the_pages(t: TestApp) {
        fill_log(&t, 500, 1).await;
        let mut seen = Vec::new();
        let mut token = String::new();
        for n in 0.. {
            let page = t.page(&format!("pageSize=50{token}")).await;
            seen.extend(keys(page["auditLogEvents"].as_array().unwrap()));
            let made = json!({"name": format!("team-{n}"), "displayName": "x", "description": ""});
            let _ = t.admin.post("/api/orgs/pulumi/teams/pulumi", made).await.expect(201);
            let Some(next) = page["continuationToken"].as_str() else { break };
            token = format!("&continuationToken={next}");
        }
        let mut unique = seen.clone();
        unique.sort();
        unique.dedup();
        assert_eq!(unique.len(), seen.len(), "something was repeated");
        assert!(seen.len() >= 500 && !seen.iter().any(|k| k.contains("team-1")), "{}", seen.len());
    }

    async fn an_acknowledged_event_is_in_the_next_answer(t: TestApp) {
        for n in 0..20 {
            let made = json!({"name": format!("t{n}"), "displayName": "x", "description": ""});
            let _ = t.admin.post("/api/orgs/pulumi/teams/pulumi", made).await.expect(201);
            let page = t.page("pageSize=2&eventFilter=team-created").await;
            let newest = page["auditLogEvents"][0]["description"].as_str().unwrap().to_owned();
            assert_eq!(newest, format!("Created team \"t{n}\""));
        }
    }

    async fn the_dialects_read_start_time_in_opposite_ways(t: TestApp) {
        fill_log(&t, 4_000, 3).await;
        let log = t.events(t.log("pulumi").await).await;
        // A second that holds 1,000 events.
        let tie = log.iter().map(|e| e.at.as_seconds()).max_by_key(|s| log.iter().filter(|e| e.at.as_seconds() == *s).count()).unwrap();
        let older = log.iter().filter(|e| e.at.as_seconds() < tie).count();
        let from = log.iter().filter(|e| e.at.as_seconds() >= tie).count();
        assert_eq!(all(&t, V1, &format!("pageSize=1000&startTime={tie}")).await.len(), older);
        let newer = all(&t, V2, &format!("pageSize=1000&startTime={tie}")).await.len();
        assert!(newer >= from && newer <= from + 2, "{newer} {from}");
        assert_eq!(all(&t, V2, &format!("pageSize=1000&endTime={tie}")).await.len(), older);
        // V1 with both: the smaller one wins.
        assert_eq!(all(&t, V1, &format!("pageSize=1000&startTime={}&endTime={tie}", tie + 100)).await.len(), older);
        // A bare timestamp as a token means "older than".
        let page = t.admin.get(&format!("{V1}?pageSize=1000&continuationToken={tie}")).await.expect(200).json();
        assert_eq!(page["auditLogEvents"].as_array().unwrap().len(), older.min(1000));
        assert!(page["auditLogEvents"][0]["timestamp"].as_i64().unwrap() < tie);
        // V1 shows the display name, V2 the identifier.
        let v1 = t.admin.get(&format!("{V1}?eventFilter=stack-exported&pageSize=1")).await.expect(200).json();
        assert_eq!(v1["auditLogEvents"][0]["event"], "Stack Exported");
        let v2 = t.page("eventFilter=Stack%20EXPORTED&pageSize=1").await;
        assert_eq!(v2["auditLogEvents"][0]["event"], "stack-exported");
    }

    async fn filters_find_exactly_what_they_say(t: TestApp) {
        let id = t.log("pulumi").await;
        fill_log(&t, 3_000, 5).await;
        let log = t.events(id).await;
        let some = &log[log.len() / 2].event;
        let ip = some.request.source_ip.unwrap();
        let token = some.actor.token.unwrap();
        let v4 = log.iter().rev().find_map(|e| match e.event.request.source_ip { Some(std::net::IpAddr::V4(ip)) => Some(ip), _ => None }).unwrap();
        let count = |wanted: &dyn Fn(&pileus_model::audit::AuditEvent) -> bool| log.iter().filter(|e| wanted(e)).count();
        let login = some.actor.login.clone();
        let cases: Vec<(String, usize)> = vec![
            (format!("userFilter={login}"), count(&|e| e.event.actor.login == login)),
            (format!("user={}", login.to_uppercase()), count(&|e| e.event.actor.login == login)),
            (format!("target={}", some.target.name), count(&|e| e.event.target.name == some.target.name)),
            (format!("token={token}"), count(&|e| e.event.actor.token == Some(token))),
            (format!("ip={ip}"), count(&|e| e.event.request.source_ip == Some(ip))),
            (format!("ip={v4}/9"), count(&|e| network(e.event.request.source_ip) == network(Some(v4.into())))),
            ("eventType=secret-decrypted".into(), count(&|e| e.event.event.id() == "secret-decrypted")),
            ("eventFilter=secret-decrypted,stack-exported&eventFilter=user-login".into(),
                count(&|e| ["secret-decrypted", "stack-exported", "user-login"].contains(&e.event.event.id()))),
            (format!("userFilter={login}&eventFilter=secret-decrypted"),
                count(&|e| e.event.actor.login == login && e.event.event.id() == "secret-decrypted")),
            (format!("userFilter={login},admin&eventFilter=stack-exported,secret-decrypted"),
                count(&|e| [login.as_str(), "admin"].contains(&e.event.actor.login.as_str())
                    && ["secret-decrypted", "stack-exported"].contains(&e.event.event.id()))),
        ];
        for (query, wanted) in cases {
            let until = log.last().unwrap().at.as_seconds() + 1;
            let found = all(&t, V2, &format!("pageSize=97&endTime={until}&{query}")).await.len();
            assert!(wanted > 0, "{query} finds nothing");
            assert_eq!(found, wanted, "{query}");
        }
    }

    async fn users_who_left_are_found_and_strangers_are_not(t: TestApp) {
        let bob = t.member("bob", "member").await;
        let _ = bob.get("/api/user").await.expect(200);
        let _ = t.admin.delete("/api/orgs/pulumi/members/bob").await.expect(204);
        let _ = t.organization("elsewhere", "carol").await;
        let found = all(&t, V2, "userFilter=bob").await;
        assert!(!found.is_empty());
        for stranger in ["carol", "nobody"] {
            let message = t.admin.get(&format!("{V2}?userFilter={stranger}")).await.error(404);
            assert_eq!(message, "user not found");
        }
    }

    async fn bad_queries_say_which_and_why(t: TestApp) {
        for (path, query, names) in [
            (V2, "startTime=-1", "startTime"),
            (V2, "startTime=abc", "startTime"),
            (V2, "endTime=99999999999999999999", "endTime"),
            (V2, "startTime=200&endTime=100", "startTime"),
            (V2, "pageSize=0", "pageSize"),
            (V2, "pageSize=1001", "pageSize"),
            (V1, "continuationToken=abc", "continuationToken"),
            (V1, "continuationToken=-5", "continuationToken"),
            (V1, "continuationToken=99999999999999999999", "continuationToken"),
            (V1, "eventFilter=no-such-event", "eventFilter"),
            (V2, "ip=10.0.0.0/40", "ip"),
        ] {
            let message = t.admin.get(&format!("{path}?{query}")).await.error(400);
            assert!(message.contains(names), "{query}: {message}");
        }
    }

    async fn equal_readings_are_recorded_once_in_a_quarter_of_an_hour(t: TestApp) {
        let reads = async |t: &TestApp| {
            let log = t.events(t.log("pulumi").await).await;
            log.iter().filter(|e| e.event.event.id() == "audit-log-read").count()
        };
        for query in ["", "pageSize=5", "startTime=0", "endTime=1&pageSize=7"] {
            let _ = t.page(query).await;
        }
        assert_eq!(reads(&t).await, 1);
        let _ = t.page("userFilter=admin").await;
        assert_eq!(reads(&t).await, 2);
        t.clock.advance_seconds(15 * 60 + 1);
        let _ = t.page("").await;
        assert_eq!(reads(&t).await, 3);
    }
}
