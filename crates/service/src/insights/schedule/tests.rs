//! When scans begin by themselves, with a clock that is moved.

#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::{App, organizations, testing::House};
use pileus_model::{
    cron::MAX_SPREAD,
    insights::{EnvironmentRef, Provider},
    time::SECOND,
};
use pileus_store::insights::{accounts, scans};

const DAY: i64 = 86_400;

struct Lab {
    house: House,
    org: OrgId,
    account: Account,
}

impl Lab {
    /// An account with this schedule, whose first scan has been started and ended.
    async fn new(schedule: Schedule) -> Self {
        let house = House::new().await;
        let org = house.org("acme").await;
        let account = add(&house, org, "k", &schedule).await;
        let lab = Self { house, org, account };
        if schedule != Schedule::None {
            assert_eq!(lab.tick().await, 1, "the first scan begins at once");
            lab.end().await;
        }
        lab
    }
    fn app(&self) -> &Arc<App> {
        &self.house.app
    }
    async fn tick(&self) -> usize {
        tick(self.app()).await.unwrap().started
    }
    async fn row(&self) -> ScheduleRow {
        let (org, account) = (self.org, self.account.id);
        self.app().store.read(move |tx| store::find(tx, org, account)).await.unwrap().unwrap()
    }
    /// Ends whatever runs.
    async fn end(&self) {
        let (org, account, now) = (self.org, self.account.id, self.app().clock.now());
        self.house
            .write(move |tx| {
                for scan in scans::lock_running(tx, org, account).unwrap() {
                    pileus_store::insights::leases::cancel(tx, org, scan.id, "root", "ended", now).unwrap();
                }
            })
            .await;
    }
    async fn causes(&self) -> Vec<String> {
        let (org, account) = (self.org, self.account.id);
        let scans = self.app().store.read(move |tx| scans::list(tx, org, account, None, 100)).await.unwrap();
        scans.into_iter().rev().map(|scan| scan.cause).collect()
    }
    fn goto(&self, at: Timestamp) {
        self.house.clock.advance((at.as_micros() - self.app().clock.now().as_micros()).div_euclid(SECOND) + 1);
    }
}

async fn add(house: &House, org: OrgId, name: &str, schedule: &Schedule) -> Account {
    let now = house.app.clock.now();
    let id = AccountId::new(&*house.app.clock, &*house.app.entropy);
    let account = Account {
        id,
        root: id,
        name: name.into(),
        place: None,
        provider: Provider::Kubernetes,
        environment: EnvironmentRef { project: "p".into(), name: "e".into(), version: None },
        config: "{}".into(),
        agent_pool: None,
        owner: None,
        owner_login: "root".into(),
        cloud_account: None,
        cloud_partition: None,
        excluded: Vec::new(),
        created_at: now,
        modified_at: now,
    };
    let (row, schedule) = (account.clone(), schedule.clone());
    house
        .write(move |tx| {
            accounts::insert(tx, org, &row).unwrap();
            create(tx, org, row.id, &schedule, &Options::default(), now).unwrap();
        })
        .await;
    account
}

#[tokio::test]
async fn first_then_daily_and_none_twice() {
    let lab = Lab::new(Schedule::Daily).await;
    for _ in 0..3 {
        assert_eq!(lab.tick().await, 0, "not due");
        let row = lab.row().await;
        let midnight = row.due_for.unwrap();
        assert_eq!(midnight.as_seconds() % DAY, 0);
        assert!((0..=MAX_SPREAD).contains(&(row.due_at.unwrap().as_micros() - midnight.as_micros())));
        lab.goto(row.due_at.unwrap());
        let both = futures_util::future::join(tick(lab.app()), tick(lab.app())).await;
        assert_eq!(both.0.unwrap().started + both.1.unwrap().started, 1, "two nodes start it once");
        lab.end().await;
    }
    assert_eq!(lab.causes().await, ["first", "scheduled", "scheduled", "scheduled"]);
    let said = lab.house.said("acme", "cloud-account-scan-started").await;
    assert_eq!(said[0], "Started a scan of account \"k\" as its first");
    assert_eq!(said[1], "Started a scan of account \"k\" by its schedule");
    let events = lab.house.events(lab.house.log_of("acme").await).await;
    assert_eq!(events.last().unwrap().event.actor, pileus_model::audit::Actor::system());
}

#[tokio::test]
async fn a_missed_time_is_made_up_once() {
    let lab = Lab::new(Schedule::HalfDaily).await;
    lab.house.clock.advance(30 * DAY);
    assert_eq!(lab.tick().await, 1);
    lab.end().await;
    assert_eq!(lab.tick().await, 0, "no burst");
    let next = lab.row().await.due_for.unwrap();
    assert!(next > lab.app().clock.now() && next.as_seconds() - lab.app().clock.now().as_seconds() <= DAY / 2);
}

#[tokio::test]
async fn a_time_at_which_it_still_runs_is_left_out() {
    let lab = Lab::new(Schedule::Daily).await;
    lab.goto(lab.row().await.due_at.unwrap());
    assert_eq!(lab.tick().await, 1);
    lab.goto(lab.row().await.due_at.unwrap());
    assert_eq!(tick(lab.app()).await.unwrap(), Ticked { due: 1, started: 0 });
    assert!(lab.row().await.due_at.unwrap() > lab.app().clock.now());
}

#[tokio::test]
async fn leap_days() {
    let lab = Lab::new(parse("0 6 29 2 *").unwrap()).await;
    let due = |row: &ScheduleRow| row.due_for.unwrap().rfc3339();
    assert_eq!(due(&lab.row().await), "2024-02-29T06:00:00Z");
    lab.goto(lab.row().await.due_at.unwrap());
    assert_eq!(lab.tick().await, 1);
    assert_eq!(due(&lab.row().await), "2028-02-29T06:00:00Z");
}

#[tokio::test]
async fn a_clock_that_jumps() {
    let lab = Lab::new(Schedule::Daily).await;
    let right = lab.row().await.due_for.unwrap();
    // It jumped ahead by a year, a scan was started then, and it came back.
    lab.house.clock.advance(366 * DAY);
    assert_eq!(lab.tick().await, 1);
    lab.end().await;
    lab.house.clock.advance(-366 * DAY);
    assert!(lab.row().await.due_for.unwrap() > right.plus_seconds(300 * DAY));
    assert_eq!(correct(lab.app()).await.unwrap(), 1);
    let tomorrow = right.plus_seconds(DAY);
    assert_eq!(lab.row().await.due_for, Some(tomorrow), "no year without scans; that midnight was made up");
    assert_eq!(correct(lab.app()).await.unwrap(), 0);

    // It is put back by a minute right after a start: the same midnight does not come twice.
    lab.goto(lab.row().await.due_at.unwrap());
    assert_eq!(lab.tick().await, 1);
    lab.end().await;
    lab.house.clock.advance(-700);
    let _ = correct(lab.app()).await.unwrap();
    assert_eq!(lab.row().await.due_for, Some(tomorrow.plus_seconds(DAY)));
}

#[tokio::test]
async fn pause_stops_and_resume_waits_for_the_next_time() {
    let lab = Lab::new(Schedule::Daily).await;
    let cx = lab.house.root_cx().await;
    pause(&cx, &lab.account).await.unwrap();
    assert!(settings(&cx, &lab.account).await.unwrap().unwrap().paused);
    lab.house.clock.advance(3 * DAY);
    assert_eq!(lab.tick().await, 0);
    resume(&cx, &lab.account).await.unwrap();
    assert_eq!(lab.tick().await, 0, "what was missed while paused is not made up");
    assert!(lab.row().await.due_at.unwrap() > lab.app().clock.now());
    assert_eq!(
        lab.house.said("acme", "cloud-account-scheduled-scans-paused").await,
        ["Paused the scheduled scans of account \"k\""]
    );
    assert_eq!(
        lab.house.said("acme", "cloud-account-scheduled-scans-resumed").await,
        ["Resumed the scheduled scans of account \"k\""]
    );
}

#[tokio::test]
async fn settings_are_kept_and_checked() {
    let lab = Lab::new(Schedule::None).await;
    let cx = lab.house.root_cx().await;
    let options = Options { read_timeout: Some("30s".into()), list_concurrency: Some(4), ..Options::default() };
    let wanted = Settings { paused: false, cron: Some("0 6 * * *".into()), options };
    set_settings(&cx, &lab.account, wanted.clone()).await.unwrap();
    assert_eq!(settings(&cx, &lab.account).await.unwrap(), Some(wanted.clone()));
    let due = lab.row().await;
    assert_eq!((due.schedule.as_str(), due.due_for.unwrap().as_seconds() % DAY), ("cron", 6 * 3600));
    // Without an expression it stays; with an empty one there is none.
    set_settings(&cx, &lab.account, Settings { cron: None, ..wanted.clone() }).await.unwrap();
    assert_eq!(lab.row().await.due_at, due.due_at);
    for cron in ["0 6 * *", "61 * * * *", "0 0 30 2 *"] {
        let bad = Settings { cron: Some(cron.into()), ..wanted.clone() };
        assert!(set_settings(&cx, &lab.account, bad).await.unwrap_err().message().starts_with("invalid scan schedule"));
    }
    set_settings(&cx, &lab.account, Settings { cron: Some(String::new()), ..wanted }).await.unwrap();
    assert_eq!(lab.row().await.due_at, None);
}

#[tokio::test]
async fn midnight_is_no_stampede() {
    let house = House::new().await;
    let org = house.org("acme").await;
    for n in 0..60 {
        let _ = add(&house, org, &format!("k{n}"), &Schedule::Daily).await;
    }
    assert_eq!(tick(&house.app).await.unwrap().started, 60);
    let first = AccountId::from_bytes([0; 16]);
    let rows = house.app.store.read(move |tx| store::all(tx, first, 100)).await.unwrap();
    let mut minutes: Vec<i64> = rows.iter().map(|row| row.spread / (60 * SECOND)).collect();
    minutes.sort_unstable();
    minutes.dedup();
    assert!(minutes.len() >= 6, "{minutes:?}");
    assert!(rows.iter().all(|row| (0..MAX_SPREAD).contains(&row.spread)));
}

#[tokio::test]
async fn many_that_are_due_at_once_are_started_once_each() {
    let house = House::new().await;
    let other = organizations::NewOrganization { name: "other".into(), display_name: None, admin: None };
    organizations::create(&house.cx(&house.root, None).await, other).await.unwrap();
    let mut accounts = Vec::new();
    for (name, count) in [("acme", 70), ("other", 3)] {
        let org = house.org(name).await;
        for n in 0..count {
            accounts.push((org, add(&house, org, &format!("k{n}"), &Schedule::Daily).await.id));
        }
    }
    let (one, two) = futures_util::future::join(tick(&house.app), tick(&house.app)).await;
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!((one.due + two.due, one.started + two.started), (73, 73), "two nodes start each once");
    for (org, account) in accounts {
        let scans = house.app.store.read(move |tx| scans::list(tx, org, account, None, 10)).await.unwrap();
        assert_eq!(scans.iter().map(|scan| scan.cause.as_str()).collect::<Vec<_>>(), ["first"]);
    }
    assert_eq!(tick(&house.app).await.unwrap(), Ticked::default());
    assert_eq!(house.said("acme", "cloud-account-scan-started").await.len(), 70);
    assert_eq!(house.said("other", "cloud-account-scan-started").await.len(), 3);
}

#[test]
fn names_of_schedules() {
    for (cron, kind) in [("0 0 * * *", "daily"), (" 0  0,12 * * * ", "12h"), ("0 1 * * *", "cron")] {
        assert_eq!(parse(cron).unwrap().kind(), kind);
    }
    assert!(parse("").is_err());
}
