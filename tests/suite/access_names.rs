//! One name of an account, however it is written into a path, on every operation: what is found, what is authorised and what is
//! recorded is the same account.

use crate::insights_accounts::environment;
use pileus_contract::{OPERATIONS, ObjectRule, Operation};
use pileus_testkit::client::Client;
use serde_json::json;

const BASE: &str = "/api/preview/insights/pulumi/accounts";

/// Names as people give them: the documentation's, signs that encodings have opinions on, and the words that operations end with.
const NAMES: [&str; 10] = [
    "FizzBuzz AWS Staging",
    "100%",
    "5% of it+more",
    "Küche (云) & Co",
    "a?b#c;d=e",
    "a..b:c@d~e!$'*,",
    "scan",
    "resources",
    "tags",
    "policy",
];

/// Every byte that need not stand there encoded.
fn encoded(text: &str, slash: &str) -> String {
    let keep = |b: u8| b.is_ascii_alphanumeric() || b"-_.~".contains(&b);
    text.bytes()
        .map(|b| match b {
            b'/' => slash.to_owned(),
            b if keep(b) => char::from(b).to_string(),
            b => format!("%{b:02X}"),
        })
        .collect()
}

/// As Go's `url.URL` writes a path that was given to it as it is.
fn as_it_is(text: &str) -> String {
    let keep = |b: u8| b.is_ascii_alphanumeric() || b"-_.~/+:@&=$!'(),;*".contains(&b);
    text.bytes().map(|b| if keep(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// The ways in which clients write a name: the CLI's, the documented one, the provider's.
fn ways(name: &str) -> [String; 3] {
    let once = encoded(name, "%2F");
    [encoded(&once, "%2F"), once, as_it_is(name)]
}

/// The operations on one account, but for its end.
fn operations() -> impl Iterator<Item = &'static Operation> {
    OPERATIONS.iter().filter(|operation| {
        let of_account = operation.served.as_ref().is_some_and(|s| matches!(s.object, ObjectRule::Account(_)));
        of_account && operation.method != "DELETE"
    })
}

/// What an empty request comes to: the status and what was said.
async fn outcome(by: &Client, operation: &Operation, account: &str) -> (u16, String) {
    let mut path = operation.path.replace("{orgName}", "pulumi").replace("{accountName}", account);
    path = path.replace("{resourceTypeAndId}", "aws:s3%252Fbucket:Bucket::nosuch");
    while let (Some(open), Some(close)) = (path.find('{'), path.find('}')) {
        path.replace_range(open..=close, "nosuch");
    }
    let answer = by.send(operation.method, &path, None).await;
    let said = if answer.status < 400 || answer.body.is_empty() {
        String::new()
    } else {
        answer.json()["message"].to_string()
    };
    (answer.status, said)
}

both! {
    async fn every_way_leads_to_the_same_account(t: TestApp) {
        environment(&t.admin, "aws", "111111111111", "right").await;
        let bob = t.member("bob", "member").await;
        let team = json!({"name": "ops", "displayName": "", "description": ""});
        let _ = t.admin.post("/api/orgs/pulumi/teams/pulumi", team).await.expect(201);
        let _ = t.admin.patch("/api/orgs/pulumi/teams/ops", json!({"memberAction": "add", "member": "bob"})).await.expect(204);
        let body = json!({"provider": "aws", "environment": "insights/aws", "scanSchedule": "none", "providerConfig": {"regions": ["us-east-1"]}});
        for (n, name) in NAMES.into_iter().enumerate() {
            let by_any_way = &ways(name)[n % 3];
            let _ = t.admin.post(&format!("{BASE}/{by_any_way}"), body.clone()).await.expect(204);
            // Only this one is the team's: whoever gets through was authorised on it.
            let _ = t.admin.patch(&format!("{BASE}/{by_any_way}/teams/ops"), json!({"permissions": 3})).await.expect(204);
            for full in [name.to_owned(), format!("{name}/us-east-1")] {
                let all = ways(&full);
                for way in &all {
                    let shown = bob.get(&format!("{BASE}/{way}")).await.expect(200).json();
                    assert_eq!(shown["name"], full, "{way}");
                }
                for operation in operations() {
                    let first = outcome(&bob, operation, &all[0]).await;
                    assert!(first.0 != 403 || full.contains('/'), "{} on {full}: {first:?}", operation.id);
                    assert!(!["account not found", "no operation"].iter().any(|said| first.1.contains(said)), "{}: {first:?}", operation.id);
                    // These two change what the next one finds.
                    if ["ScanAccount", "CancelScan"].contains(&operation.id) {
                        continue;
                    }
                    for way in &all[1..] {
                        let other = outcome(&bob, operation, way).await;
                        assert_eq!(other, first, "{} on {way}", operation.id);
                    }
                }
            }
        }
        let listed = bob.get(BASE).await.expect(200).json();
        let mut expected: Vec<&str> = NAMES.to_vec();
        expected.sort_unstable();
        let names: Vec<_> = listed["accounts"].as_array().unwrap().iter().map(|a| a["name"].as_str().unwrap()).collect();
        assert_eq!(names, expected);
        let log = t.log("pulumi").await;
        let created = t.events(log).await.into_iter().filter(|e| e.event.event.id() == "cloud-account-created");
        let mut created: Vec<_> = created.map(|e| e.event.target.name).collect();
        created.sort_unstable();
        assert_eq!(created, expected);
    }

    async fn names_that_some_way_would_change_are_refused(t: TestApp) {
        environment(&t.admin, "aws", "111111111111", "right").await;
        let body = json!({"provider": "aws", "environment": "insights/aws", "scanSchedule": "none"});
        for name in ["a%20b", "a%2Fb", "%41", "a/b", "a\nb", " a", "a ", "..", &"x".repeat(101)] {
            // Encoded twice it arrives as it is. Two dots never arrive: clients take them for the folder above.
            let twice = encoded(&encoded(name, "%2F"), "%2F");
            if name != ".." {
                let message = t.admin.post(&format!("{BASE}/{twice}"), body.clone()).await.error(400);
                assert!(message.starts_with("invalid account name"), "{name}: {message}");
            }
            let many = json!({"accounts": [{"name": name, "provider": "aws", "environment": "insights/aws"}]});
            let made = t.admin.post(BASE, many).await.expect(200).json();
            assert!(made["failures"][0]["error"].as_str().unwrap().starts_with("invalid account name"), "{made}");
            assert_eq!(made["failures"][0]["name"], name);
        }
    }

    async fn resources_are_found_by_every_way_too(t: TestApp) {
        environment(&t.admin, "aws", "111111111111", "right").await;
        let body = json!({"provider": "aws", "environment": "insights/aws", "scanSchedule": "none", "providerConfig": {"regions": ["us-east-1"]}});
        let _ = t.admin.post(&format!("{BASE}/{}", ways(NAMES[1])[1]), body).await.expect(204);
        let child = format!("{}/us-east-1", NAMES[1]);
        let kind = "aws:cloudwatch/logGroup:LogGroup";
        let ids = ["/aws/lambda/one", "100%", "a+b c", "Küche", "x::y", "arn:aws:s3:::b/*?a=1#f", "versions", "a/edges/b"];
        let resources: Vec<_> = ids.iter().map(|id| json!({"type": kind, "id": id, "inputs": {}, "state": {"id": id}})).collect();
        let at = format!("{BASE}/{}/resources", ways(&child)[0]);
        let _ = t.admin.post(&at, json!({"resources": resources})).await.expect(204);
        let _ = t.admin.post(&at, json!({"resources": []})).await.expect(204);
        for id in ids {
            for account in [&child, NAMES[1]] {
                // Unencoded, a path's own words mean themselves.
                let encoded_only = id.contains("/edges/");
                for (n, way) in ways(&format!("{kind}::{id}")).into_iter().enumerate().take(if encoded_only { 2 } else { 3 }) {
                    let at = format!("{BASE}/{}/resources/{way}", ways(account)[n]);
                    let shown = t.admin.get(&at).await.expect(200).json();
                    assert_eq!((&shown["id"], &shown["account"]), (&json!(id), &json!(child)), "{at}");
                    for rest in ["/versions", "/versions/1", "/edges", "/versions/1/edges", "/references", "/stack_edges"] {
                        let said = t.admin.get(&format!("{at}{rest}")).await.expect(200).text();
                        assert!(!rest.ends_with("/1") || said.contains(&json!(id).to_string()), "{said}");
                    }
                }
            }
        }
        let many: Vec<_> = ids.iter().map(|id| json!({"account": child, "type": kind, "id": id})).collect();
        let found = t.admin.post(&format!("{at}/references"), json!({"resourceIdentifiers": many})).await.expect(200).json();
        assert_eq!(found.as_array().unwrap().len(), ids.len());
    }
}
