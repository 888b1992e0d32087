//! Reading the log: what was recorded comes back, each driver finds what it should.

use crate::lab::{Lab, assert_whole, both, event, events};
use pileus_model::{
    Timestamp,
    audit::{ActorKind, AuditEvent, EventType, ExportRow, LogId, NewEvent, Outcome, ip_bytes},
    ids::{RequestId, TokenId, UserId},
    time::SECOND,
};
use pileus_store::{
    Flow, Recorded,
    audit::{self, Driver},
};
use pileus_testkit::{clock::START, entropy::SeededEntropy};
use std::net::IpAddr;

/// Varied events: five actors, types, targets, tokens and addresses, some of them absent.
fn varied(n: u8) -> NewEvent {
    let mut made = event(1, &format!("number {n}"));
    let k = n % 5;
    made.event = EventType::all().nth(usize::from(k) * 7).unwrap();
    made.actor.kind = ActorKind::OrganizationToken;
    made.actor.login = format!("User{k}");
    made.actor.user = (k != 0).then(|| UserId::from_bytes([k; 16]));
    made.actor.token = (k != 1).then(|| TokenId::from_bytes([k; 16]));
    made.actor.token_name = format!("token {k}");
    made.request.id = (k != 2).then(|| RequestId::from_bytes([n; 16]));
    made.request.source_ip = (k != 3).then(|| IpAddr::from([10, 0, 0, k]));
    made.request.user_agent = "pulumi-cli/3".into();
    made.request.cli_command = "pulumi up".into();
    made.target.name = format!("target{k}");
    made.outcome = Outcome::Denied;
    made.count = i64::from(n);
    made
}

async fn fill(lab: &Lab, count: u8) -> Vec<AuditEvent> {
    for n in 0..count {
        lab.clock.advance_micros(if n % 4 == 0 { SECOND } else { 0 });
        lab.store.write(move |_| Ok(Recorded::new((), varied(n)))).await.unwrap();
    }
    lab.events(1).await
}

both! {
    async fn what_was_recorded_comes_back(lab: Lab) {
        let found = fill(&lab, 40).await;
        assert_whole(&found);
        for (n, event) in found.iter().enumerate() {
            assert_eq!(event.event, varied(n as u8));
        }
        let ids: std::collections::HashSet<_> = found.iter().map(|e| e.id).collect();
        assert_eq!(ids.len(), 40);
        assert!(lab.events(2).await.is_empty());
    }

    async fn each_driver_finds_its_events(lab: Lab) {
        let all = fill(&lab, 40).await;
        for k in 0..5u8 {
            let actor = format!("user{k}");
            let target = format!("target{k}");
            let event = varied(k).event.id();
            let ip = ip_bytes(IpAddr::from([10, 0, 0, k]));
            let found = lab.store.read(move |tx| {
                let token = TokenId::from_bytes([k; 16]);
                [Driver::Actor(&actor), Driver::Event(event), Driver::Target(&target), Driver::Token(token), Driver::Ip { first: ip, last: ip }]
                    .into_iter()
                    .map(|driver| events(tx, 1, driver))
                    .collect::<pileus_model::Result<Vec<_>>>()
            })
            .await
            .unwrap();
            let own: Vec<_> = all.iter().filter(|e| e.event.actor.login == format!("User{k}")).cloned().collect();
            for (index, found) in found.into_iter().enumerate() {
                let absent = (index == 3 && k == 1) || (index == 4 && k == 3);
                assert_eq!(found, if absent { Vec::new() } else { own.clone() }, "driver {index} of {k}");
            }
        }
        let nobody = lab.store.read(|tx| events(tx, 1, Driver::Actor("User1"))).await.unwrap();
        assert!(nobody.is_empty(), "keys are lower case");
    }

    async fn pages_lose_and_repeat_nothing(lab: Lab) {
        let all = fill(&lab, 40).await;
        let paged = lab.store.read(|tx| {
            let (mut pages, mut below) = (Vec::new(), i64::MAX);
            loop {
                let before = pages.len();
                audit::scan(tx, LogId(1), Driver::Actor("user1"), below, 7, 3, &mut |event| {
                    below = event.seq;
                    pages.push(event.seq);
                    Ok(Flow::Next)
                })?;
                if pages.len() == before {
                    return Ok(pages);
                }
            }
        })
        .await
        .unwrap();
        let expected: Vec<_> = all.iter().rev().filter(|e| e.event.actor.login == "User1" && e.seq >= 7).map(|e| e.seq).collect();
        assert_eq!(paged, expected);
    }

    async fn exported_rows_say_the_same(lab: Lab) {
        let all = fill(&lab, 10).await;
        lab.store.read(move |tx| {
            let lean = |event| {
                let (id, request_id) = ([0; 16], None);
                let (actor_kind, user_agent, cli_command, operation, target_kind, outcome) = ("", "", "", "", "", "");
                let row = ExportRow::from(event);
                ExportRow { id, request_id, actor_kind, user_agent, cli_command, operation, target_kind, outcome, count: 0, ..row }
            };
            let mut rows = all.iter().rev().map(lean);
            audit::scan_lean(tx, LogId(1), Driver::All, i64::MAX, 1, 2000, &mut |row| {
                assert_eq!(Some(*row), rows.next());
                Ok(Flow::Next)
            })?;
            assert!(rows.next().is_none());
            let mut rows = all.iter().rev().map(ExportRow::from);
            audit::scan_export(tx, LogId(1), Driver::All, i64::MAX, 1, 2000, &mut |row| {
                assert_eq!(Some(*row), rows.next());
                Ok(Flow::Next)
            })?;
            assert!(rows.next().is_none());
            Ok(())
        })
        .await
        .unwrap();
    }

    async fn times_lead_to_positions(lab: Lab) {
        let all = fill(&lab, 40).await;
        let (second, last) = (all[4].at, all[39].at);
        let found = lab.store.read(move |tx| {
            let mut at = |t| audit::seq_at(tx, LogId(1), t);
            Ok((at(Timestamp::EPOCH)?, at(second)?, at(Timestamp::from_micros(second.as_micros() + 1))?, at(last.plus_seconds(1))?))
        })
        .await;
        assert_eq!(found, Ok((1, 5, 9, 41)));
        let ends = lab.store.read(|tx| Ok((audit::last(tx, LogId(1))?, audit::last(tx, LogId(2))?, audit::seq_at(tx, LogId(2), START)?))).await;
        assert_eq!(ends, Ok(((40, last), (0, Timestamp::EPOCH), 1)));
        assert!(lab.store.read(|tx| audit::last(tx, LogId(99))).await.is_err());
    }

    async fn actors_are_known_by_their_events(lab: Lab) {
        let _ = fill(&lab, 3).await;
        let known = lab.store.read(|tx| {
            let mut known = |log, key| audit::actor_known(tx, LogId(log), key);
            Ok([known(1, "user1")?, known(1, "user9")?, known(2, "user1")?])
        })
        .await;
        assert_eq!(known, Ok([true, false, false]));
    }

    async fn readings_are_marked_once_in_a_while(lab: Lab) {
        let mut marks = Vec::new();
        for (reader, after) in [("a", 0), ("a", 10), ("b", 10), ("a", 11), ("a", 12), ("a", 21), ("a", 22)] {
            let now = START.plus_seconds(after);
            marks.push(lab.write(move |tx| audit::read_mark(tx, LogId(1), reader, now, 10 * SECOND)).await.unwrap());
        }
        assert_eq!(marks, [true, false, true, true, false, false, true]);
    }

    async fn bulk_is_recorded_like_the_rest(lab: Lab) {
        let start = START.plus_seconds(-1000);
        let made = lab.write(move |tx| {
            let mut list = (0..1200u32).map(|n| (start.plus_seconds(i64::from(n / 2)), varied((n % 200) as u8)));
            audit::append_bulk(tx, LogId(1), &SeededEntropy::new(5), &mut list)
        })
        .await;
        assert_eq!(made, Ok(1200));
        lab.note(1, "after").await.unwrap();
        let found = lab.events(1).await;
        assert_eq!(found.len(), 1201);
        assert_whole(&found);
        assert_eq!((found[601].event.clone(), found[601].at), (varied(1), start.plus_seconds(300)));
        assert_eq!(found[1200].at, START);
    }
}
