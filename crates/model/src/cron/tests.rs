//! What cron expressions mean, against a table and against a slow reading of the same rules.

#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use proptest::prelude::*;

fn at(text: &str) -> Timestamp {
    Timestamp::from_micros(text.parse::<Jiff>().unwrap().as_microsecond())
}

fn next(cron: &str, from: &str) -> String {
    Cron::parse(cron).unwrap().next_after(at(from)).unwrap().rfc3339()
}

#[test]
fn next_times() {
    let table = [
        ("0 0 * * *", "2026-11-22T12:00:00Z", "2026-11-23T00:00:00Z"),
        ("0 0 * * *", "2026-11-23T00:00:00Z", "2026-11-24T00:00:00Z"),
        ("0 0 * * *", "2026-11-22T23:59:59.999999Z", "2026-11-23T00:00:00Z"),
        ("0 */12 * * *", "2026-11-22T12:00:00Z", "2026-11-23T00:00:00Z"),
        ("*/15 * * * *", "2026-11-22T12:00:01Z", "2026-11-22T12:15:00Z"),
        ("5/20 * * * *", "2026-11-22T12:00:00Z", "2026-11-22T12:05:00Z"),
        ("5/20 * * * *", "2026-11-22T12:45:00Z", "2026-11-22T13:05:00Z"),
        ("0 6-8/2 * * *", "2026-11-22T06:00:00Z", "2026-11-22T08:00:00Z"),
        ("0,30 1,3 * * *", "2026-11-22T01:30:00Z", "2026-11-22T03:00:00Z"),
        // Leap days.
        ("0 0 29 2 *", "2026-11-22T00:00:00Z", "2028-02-29T00:00:00Z"),
        ("0 0 29 2 *", "2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"),
        ("0 0 29 FEB *", "2096-03-01T00:00:00Z", "2104-02-29T00:00:00Z"),
        ("0 0 31 * *", "2026-01-31T00:00:00Z", "2026-03-31T00:00:00Z"),
        ("30 23 31 dec *", "2026-12-31T23:30:00Z", "2027-12-31T23:30:00Z"),
        // 2026-11-22 is a Sunday.
        ("0 0 * * 0", "2026-11-16T00:00:00Z", "2026-11-22T00:00:00Z"),
        ("0 0 * * 7", "2026-11-16T00:00:00Z", "2026-11-22T00:00:00Z"),
        ("0 0 * * Sun", "2026-11-16T00:00:00Z", "2026-11-22T00:00:00Z"),
        ("0 0 * * FRI-SUN", "2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z"),
        ("0 0 * * 5-7", "2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z"),
        ("0 0 * * mon-fri", "2026-11-20T00:00:00Z", "2026-11-23T00:00:00Z"),
        ("0 0 ? * 1", "2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z"),
        // Day of month or day of week.
        ("0 0 13 * 5", "2026-11-10T00:00:00Z", "2026-11-13T00:00:00Z"),
        ("0 0 24 * 5", "2026-11-22T00:00:00Z", "2026-11-24T00:00:00Z"),
        ("0 0 24 * 5", "2026-11-24T00:00:00Z", "2026-11-27T00:00:00Z"),
        ("0 0 */2 * 1", "2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z"),
        ("0 0 29 2 1", "2026-02-23T00:00:00Z", "2027-02-01T00:00:00Z"),
    ];
    for (cron, from, expected) in table {
        assert_eq!(next(cron, from), expected, "{cron} after {from}");
    }
}

#[test]
fn once_per_day_at_most() {
    let daily = |text: &str| Cron::parse(text).unwrap().is_at_most_daily();
    assert!(["0 3 * * *", "59 23 1 1 *", "0 0 * * 1-5"].into_iter().all(daily));
    assert!(!["* 3 * * *", "0 */12 * * *", "0,1 3 * * *", "0 3-4 * * *"].into_iter().any(daily));
}

#[test]
fn refused() {
    for bad in [
        "",
        "*",
        "* * * *",
        "* * * * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * 32 * *",
        "* * * 0 *",
        "* * * 13 *",
        "* * * * 8",
        "*/0 * * * *",
        "*/60 * * * *",
        "5-3 * * * *",
        "1,, * * * *",
        "a * * * *",
        "-1 * * * *",
        "+1 * * * *",
        "1- * * * *",
        "1/ * * * *",
        "/5 * * * *",
        "* * * janu *",
        "0 0 30 2 *",
        "0 0 31 2,4,6,9,11 *",
        "@daily",
        "0 0 L * *",
        "* * * * 1#2",
        "1-2-3 * * * *",
    ] {
        assert!(Cron::parse(bad).is_err(), "{bad}");
    }
    assert!(Cron::parse(&format!("{} * * * *", "1,".repeat(200))).is_err());
}

#[test]
fn periods_and_text() {
    let daily = Cron::parse("  0  0 *\t* * ").unwrap();
    assert_eq!(daily.as_str(), "0 0 * * *");
    assert_eq!(daily.to_string(), "0 0 * * *");
    assert_eq!(daily.period_after(at("2026-11-22T12:00:00Z")), Some(86_400 * SECOND));
    assert_eq!(daily.next_after(Timestamp::from_micros(i64::MAX)), None);
    assert!(daily.next_after(Timestamp::from_micros(-1)).is_some());
}

/// A field of these values (an open end means `end`) as text, and the values that it stands for, worked out apart from the parser.
fn field(first: u32, last: u32, end: u32) -> impl Strategy<Value = (String, Option<Vec<u32>>)> {
    let number = first..=last;
    prop_oneof![
        3 => Just(("*".to_owned(), None)),
        2 => number.clone().prop_map(|v| (v.to_string(), Some(vec![v]))),
        1 => (number.clone(), number.clone()).prop_map(|(a, b)| {
            let (a, b) = (a.min(b), a.max(b));
            (format!("{a}-{b}"), Some((a..=b).collect()))
        }),
        1 => (number.clone(), 1..=last).prop_map(move |(a, n)| {
            (format!("{a}/{n}"), Some((a..=end).filter(|v| (v - a) % n == 0).collect()))
        }),
        1 => (1..=last).prop_map(move |n| (format!("*/{n}"), Some((first..=end).filter(|v| (v - first).is_multiple_of(n)).collect()))),
        1 => (number.clone(), number).prop_map(|(a, b)| (format!("{a},{b}"), Some(vec![a, b]))),
    ]
}

proptest! {
    #[test]
    fn agrees_with_a_slow_reading(
        minute in field(0, 59, 59), hour in field(0, 23, 23), day in field(1, 28, 31),
        month in field(1, 12, 12), weekday in field(0, 6, 6),
        start in 0_i64..4_102_444_800,
    ) {
        let text = format!("{} {} {} {} {}", minute.0, hour.0, day.0, month.0, weekday.0);
        let cron = Cron::parse(&text).unwrap();
        let from = Timestamp::from_seconds(start).unwrap();
        let found = cron.next_after(from).unwrap();
        let allowed = |set: &Option<Vec<u32>>, value: u32| set.as_ref().is_none_or(|set| set.contains(&value));
        let due = |at: Timestamp| {
            let (_, mo, d, h, mi, s) = at.civil();
            // 1970-01-01 was a Thursday.
            let week = u32::try_from((at.as_seconds().div_euclid(86_400) + 4).rem_euclid(7)).unwrap();
            let (d, week) = (allowed(&day.1, d as u32), allowed(&weekday.1, week));
            let days = if day.1.is_some() && weekday.1.is_some() { d || week } else { d && week };
            s == 0 && allowed(&minute.1, mi as u32) && allowed(&hour.1, h as u32) && allowed(&month.1, mo as u32) && days
        };
        prop_assert!(found > from && due(found), "{text}: {}", found.rfc3339());
        // Nothing is left out: the minutes in between, as far as they are worth the time.
        let mut at = Timestamp::from_seconds((start.div_euclid(60) + 1) * 60).unwrap();
        for _ in 0..3000 {
            if at >= found { break; }
            prop_assert!(!due(at), "{text}: {} was left out", at.rfc3339());
            at = at.plus_seconds(60);
        }
    }
    #[test]
    fn never_panics(text in "[-0-9a-zA-Z*/,? ]{0,30}") {
        let _ = Cron::parse(&text);
    }
}
