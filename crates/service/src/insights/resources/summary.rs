//! How much was discovered and scanned, over time.
//!
//! Knows that the number of resources stays what the last succeeded scan of a leaf found until the next one. It must never know
//! how a scan goes.

use crate::Cx;
use pileus_model::{Error, Result, Timestamp, time::SECOND};
use pileus_store::insights::resources::{Tally, tallies};
use std::collections::HashMap;

const HOUR: i64 = 3600 * SECOND;
const DAY: i64 = 24 * HOUR;
/// Longest time to look back, in days.
const MAX_DAYS: i64 = 366;
/// Longest time to look back hour by hour, in days.
const MAX_HOURLY_DAYS: i64 = 2;

/// How long the parts of a summary are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Granularity {
    /// Years.
    Yearly,
    /// Months.
    Monthly,
    /// Weeks, from Sunday.
    Weekly,
    /// Days.
    Daily,
    /// Hours.
    Hourly,
}

/// What a summary covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// From when on; now is its end.
    pub from: Timestamp,
    /// How it is parted.
    pub granularity: Granularity,
}

impl Window {
    /// The window that was asked for: so many days back, or from this second on.
    ///
    /// # Errors
    /// `Invalid`, saying what is allowed.
    pub fn parse(now: Timestamp, granularity: &str, days: Option<i64>, start: Option<i64>) -> Result<Self> {
        let granularity = match granularity {
            "yearly" => Granularity::Yearly,
            "monthly" => Granularity::Monthly,
            "weekly" => Granularity::Weekly,
            "daily" => Granularity::Daily,
            "hourly" => Granularity::Hourly,
            _ => return Err(Error::invalid("granularity must be one of yearly, monthly, weekly, daily, hourly")),
        };
        let most = if granularity == Granularity::Hourly { MAX_HOURLY_DAYS } else { MAX_DAYS };
        let from = match (days, start) {
            (Some(days), None) if (1..=most).contains(&days) => now.plus_seconds(-days * DAY / SECOND),
            (None, Some(start)) => {
                let earliest = now.plus_seconds(-most * DAY / SECOND);
                let from = Timestamp::from_seconds(start).filter(|from| *from < now && *from >= earliest);
                from.ok_or_else(|| {
                    Error::invalid(format!("lookbackStart must be a past second, at most {most} days back"))
                })?
            }
            (Some(_), None) => return Err(Error::invalid(format!("lookbackDays must be in the range [1, {most}]"))),
            _ => return Err(Error::invalid("exactly one of lookbackDays and lookbackStart must be given")),
        };
        Ok(Self { from, granularity })
    }
    /// The part in which an hour lies.
    fn part(self, hour: i64) -> Part {
        let (year, month, day, hours, _, _) = Timestamp::from_micros(hour).civil();
        let (year, month, day) = (i64::from(year), i64::from(month), i64::from(day));
        let blank = Part { year, ..Part::default() };
        match self.granularity {
            Granularity::Yearly => blank,
            Granularity::Monthly => Part { month: Some(month), ..blank },
            Granularity::Weekly => Part { week: Some(week_of(year, hour)), ..blank },
            Granularity::Daily => Part { month: Some(month), day: Some(day), ..blank },
            Granularity::Hourly => Part { month: Some(month), day: Some(day), hour: Some(i64::from(hours)), ..blank },
        }
    }
}

/// The number of the week within its year, Sunday first; the days before the first Sunday are week 0.
fn week_of(year: i64, at: i64) -> i64 {
    let day = at.div_euclid(DAY);
    let first = days_before(year);
    // 1970-01-01 was a Thursday; Sunday is 0.
    let weekday = (day + 4).rem_euclid(7);
    (day - first + 7 - weekday) / 7
}

/// Days from 1970-01-01 to the first of January of this year.
const fn days_before(year: i64) -> i64 {
    let y = year - 1;
    y * 365 + y.div_euclid(4) - y.div_euclid(100) + y.div_euclid(400) - 719_162
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Part {
    year: i64,
    month: Option<i64>,
    day: Option<i64>,
    week: Option<i64>,
    hour: Option<i64>,
}

/// One part of a summary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bucket {
    /// The year.
    pub year: i64,
    /// The month, 1 to 12.
    pub month: Option<i64>,
    /// The day of the month.
    pub day: Option<i64>,
    /// The week of the year, 0 to 53.
    pub week: Option<i64>,
    /// The hour, 0 to 23.
    pub hour: Option<i64>,
    /// How many there were on average (of scans: in all).
    pub count: i64,
    /// For how many hours, all together.
    pub hours: i64,
}

/// Adds up hours into parts.
fn gather(window: Window, now: Timestamp, mut of_hour: impl FnMut(i64, i64) -> (i64, i128)) -> Vec<Bucket> {
    let mut parts: Vec<(Part, i64, i128, i64)> = Vec::new();
    let mut from = window.from.as_micros();
    while from < now.as_micros() {
        let to = (from.div_euclid(HOUR) * HOUR + HOUR).min(now.as_micros());
        let part = window.part(from);
        let (count, area) = of_hour(from, to);
        match parts.last_mut().filter(|(last, ..)| *last == part) {
            Some(last) => *last = (part, last.1 + count, last.2 + area, last.3 + to - from),
            None => parts.push((part, count, area, to - from)),
        }
        from = to;
    }
    let bucket = |(part, count, area, length): (Part, i64, i128, i64)| Bucket {
        year: part.year,
        month: part.month,
        day: part.day,
        week: part.week,
        hour: part.hour,
        count: if count > 0 { count } else { rounded(area, length) },
        hours: rounded(area, HOUR),
    };
    parts.into_iter().map(bucket).collect()
}

fn rounded(area: i128, by: i64) -> i64 {
    let by = i128::from(by.max(1));
    i64::try_from((area + by / 2) / by).unwrap_or(i64::MAX)
}

async fn all(cx: &Cx) -> Result<Vec<Tally>> {
    let org = cx.org()?.id;
    cx.app
        .store
        .read(move |tx| {
            let mut found = Vec::new();
            tallies(tx, org, &mut |tally| found.push(tally))?;
            Ok(found)
        })
        .await
}

/// How many discovered resources there were, on average and in resource hours.
///
/// # Errors
/// `Unavailable` where the database can't.
pub async fn resources_summary(cx: &Cx, window: Window) -> Result<Vec<Bucket>> {
    let mut scans = all(cx).await?;
    scans.sort_by_key(|scan| scan.finished_at);
    let (mut counts, mut total, mut next) = (HashMap::new(), 0_i64, 0);
    let mut advance = |total: &mut i64, next: &mut usize| {
        if let Some(scan) = scans.get(*next) {
            *total += scan.resources - counts.insert(scan.account, scan.resources).unwrap_or(0);
            *next += 1;
        }
    };
    let times: Vec<i64> = scans.iter().map(|scan| scan.finished_at.as_micros()).collect();
    Ok(gather(window, cx.now(), |from, to| {
        let (mut at, mut area) = (from, 0_i128);
        while times.get(next).is_some_and(|time| *time < to) {
            let time = times.get(next).copied().unwrap_or(to).max(at);
            area += i128::from(total) * i128::from(time - at);
            at = time;
            advance(&mut total, &mut next);
        }
        (0, area + i128::from(total) * i128::from(to - at))
    }))
}

/// How many scans succeeded, and how long they took in hours.
///
/// # Errors
/// `Unavailable` where the database can't.
pub async fn scans_summary(cx: &Cx, window: Window) -> Result<Vec<Bucket>> {
    let mut scans = all(cx).await?;
    scans.sort_by_key(|scan| scan.finished_at);
    let mut next = scans.partition_point(|scan| scan.finished_at < window.from);
    Ok(gather(window, cx.now(), |_, to| {
        let (mut count, mut area) = (0, 0_i128);
        while let Some(scan) = scans.get(next).filter(|scan| scan.finished_at.as_micros() < to) {
            count += 1;
            area += i128::from(scan.finished_at.as_micros() - scan.started_at.as_micros());
            next += 1;
        }
        (count, area)
    }))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn windows() {
        let now = Timestamp::from_seconds(1_763_800_000).unwrap();
        assert!(Window::parse(now, "daily", Some(30), None).is_ok());
        assert!(Window::parse(now, "daily", None, Some(1_763_700_000)).is_ok());
        for bad in [
            ("daily", None, None),
            ("daily", Some(1), Some(1_763_700_000)),
            ("daily", Some(0), None),
            ("daily", Some(400), None),
            ("hourly", Some(3), None),
            ("daily", None, Some(1_763_800_001)),
            ("never", Some(1), None),
        ] {
            assert!(Window::parse(now, bad.0, bad.1, bad.2).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn weeks_begin_on_sunday() {
        let at = |text: &str| Timestamp::parse(text).unwrap().as_micros();
        // 2026 begins on a Thursday; its first Sunday is the fourth.
        assert_eq!(week_of(2026, at("2026-01-03T23:00:00Z")), 0);
        assert_eq!(week_of(2026, at("2026-01-04T00:00:00Z")), 1);
        assert_eq!(week_of(2026, at("2026-11-22T10:00:00Z")), 47);
        assert_eq!(days_before(1970), 0);
        assert_eq!(days_before(2000), 10_957);
    }

    #[test]
    fn hours_are_added_up() {
        let now = Timestamp::parse("2026-11-22T12:30:00Z").unwrap();
        let window = Window::parse(now, "daily", Some(2), None).unwrap();
        let buckets = gather(window, now, |from, to| (0, 10 * i128::from(to - from)));
        let said: Vec<_> = buckets.iter().map(|b| (b.day.unwrap(), b.count, b.hours)).collect();
        assert_eq!(said, [(20, 10, 115), (21, 10, 240), (22, 10, 125)]);
    }
}
