//! Times that come back: five-field cron expressions, in UTC.
//!
//! This room knows what an expression means and when it is due next. It must never know what is done then.
//!
//! The rules are those of croner: minute, hour, day of month, month, day of week; `*` and `?`, lists, ranges, steps (`a/n` runs from `a` to the end),
//! English names of months and days, 7 as well as 0 for Sunday. Where both kinds of day are restricted, one of them is enough;
//! a field is unrestricted only if it is `*` or `?` alone.

use crate::{Error, Result, Timestamp, time::SECOND};
use jiff::{
    Timestamp as Jiff,
    civil::{Date, DateTime, Time},
    tz::TimeZone,
};

/// Longest expression, in bytes.
const MAX_LENGTH: usize = 200;
/// Longest time by which a start is put off, in microseconds, so that midnight is not a stampede.
pub const MAX_SPREAD: i64 = 10 * 60 * SECOND;
/// Which part of the time between two starts that may be at most.
const SPREAD_PART: i64 = 10;
/// Years within which an expression that is ever due is due: leap days are at most eight years apart.
const HORIZON: i16 = 9;
const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// A five-field cron expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron {
    text: String,
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    any_day: bool,
    any_weekday: bool,
}

/// What a field may hold.
struct Field {
    name: &'static str,
    first: u32,
    last: u32,
    names: &'static [&'static str],
}

const MINUTE: Field = Field { name: "minute", first: 0, last: 59, names: &[] };
const HOUR: Field = Field { name: "hour", first: 0, last: 23, names: &[] };
const DAY: Field = Field { name: "day of month", first: 1, last: 31, names: &[] };
const MONTH: Field = Field { name: "month", first: 1, last: 12, names: &MONTHS };
const WEEKDAY: Field = Field { name: "day of week", first: 0, last: 7, names: &DAYS };

impl Cron {
    /// Reads an expression.
    ///
    /// # Errors
    /// `Invalid`, with what is wrong: not five fields, a value outside its range, or a date that never comes.
    pub fn parse(text: &str) -> Result<Self> {
        if text.len() > MAX_LENGTH {
            return Err(Error::invalid(format!("invalid cron expression: more than {MAX_LENGTH} characters")));
        }
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields[..] else {
            return Err(Error::invalid(format!(
                "invalid cron expression \"{text}\": five fields are needed (minute, hour, day of month, month, day of week)"
            )));
        };
        let mut weekdays = WEEKDAY.read(weekday)?;
        // Sunday may be written 7.
        weekdays = (weekdays | weekdays >> 7) & 0x7f;
        let cron = Self {
            text: fields.join(" "),
            minutes: MINUTE.read(minute)?,
            hours: HOUR.read(hour)?,
            days: DAY.read(day)?,
            months: MONTH.read(month)?,
            weekdays,
            any_day: is_any(day),
            any_weekday: is_any(weekday),
        };
        // Any start will do: whether a date exists at all does not depend on it within the horizon.
        if cron.next_after(Timestamp::EPOCH).is_none() {
            return Err(Error::invalid(format!("invalid cron expression \"{text}\": that date never comes")));
        }
        Ok(cron)
    }
    /// As it was written, with single spaces.
    pub fn as_str(&self) -> &str {
        &self.text
    }
    /// The first time after this one, on a whole minute. `None` only beyond what the calendar can hold.
    pub fn next_after(&self, at: Timestamp) -> Option<Timestamp> {
        let minute = at.as_micros().div_euclid(60 * SECOND).checked_add(1)?.checked_mul(60 * SECOND)?;
        let start = Jiff::from_microsecond(minute).ok()?.to_zoned(TimeZone::UTC).datetime();
        let mut date = start.date();
        let last = date.year().checked_add(HORIZON)?;
        let mut from = start.time();
        while date.year() <= last {
            if !has(self.months, date.month()) {
                date = first_of_next_month(date)?;
                from = Time::midnight();
                continue;
            }
            if self.day_matches(date)
                && let Some(time) = self.time_from(from)
            {
                return timestamp(date.to_datetime(time));
            }
            date = date.tomorrow().ok()?;
            from = Time::midnight();
        }
        None
    }
    /// Whether it is due once per day at most.
    pub const fn is_at_most_daily(&self) -> bool {
        self.minutes.is_power_of_two() && self.hours.is_power_of_two()
    }
    /// How long it is from the next time after this one to the one after that, in microseconds.
    fn period_after(&self, at: Timestamp) -> Option<i64> {
        let first = self.next_after(at)?;
        Some(self.next_after(first)?.as_micros() - first.as_micros())
    }
    /// By how much what has this id starts after the minute that is named, in microseconds: always the same for the same id.
    pub fn spread(&self, id: &[u8; 16], now: Timestamp) -> i64 {
        let window = (self.period_after(now).unwrap_or(0) / SPREAD_PART).clamp(0, MAX_SPREAD);
        // The last eight bytes of an id are random.
        let random = id[8..].iter().fold(0_i64, |all, byte| all << 7 ^ i64::from(*byte));
        if window == 0 { 0 } else { random.rem_euclid(window) }
    }
    /// The next time after now, and the start, which is so many microseconds later. The time that was started last does not come
    /// again when the clock was put back a little; if it was put back by more than a period, times from then are not to be
    /// trusted.
    pub fn next_start(&self, last: Option<Timestamp>, spread: i64, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
        let first = self.next_after(now)?;
        let at = if last == Some(first) { self.next_after(first)? } else { first };
        Some((at, Timestamp::from_micros(at.as_micros().saturating_add(spread))))
    }

    /// Whether it is due on this date at all.
    fn day_matches(&self, date: Date) -> bool {
        let day = has(self.days, date.day());
        let weekday = has(self.weekdays, date.weekday().to_sunday_zero_offset());
        match (self.any_day, self.any_weekday) {
            (false, false) => day || weekday,
            _ => day && weekday,
        }
    }
    /// The first due minute of a day that is not before this one.
    fn time_from(&self, from: Time) -> Option<Time> {
        for hour in from.hour()..24 {
            if !has(self.hours, hour) {
                continue;
            }
            let first = if hour == from.hour() { from.minute() } else { 0 };
            if let Some(minute) = (first..60).find(|minute| has(self.minutes, *minute)) {
                return Time::new(hour, minute, 0, 0).ok();
            }
        }
        None
    }
}

impl std::fmt::Display for Cron {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

fn is_any(field: &str) -> bool {
    matches!(field, "*" | "?")
}

fn has(set: u64, value: i8) -> bool {
    u32::try_from(value).is_ok_and(|value| set >> value & 1 == 1)
}

fn first_of_next_month(date: Date) -> Option<Date> {
    date.last_of_month().tomorrow().ok()
}

fn timestamp(at: DateTime) -> Option<Timestamp> {
    Some(Timestamp::from_micros(at.to_zoned(TimeZone::UTC).ok()?.timestamp().as_microsecond()))
}

impl Field {
    /// The set of a field's values.
    fn read(&self, text: &str) -> Result<u64> {
        let mut set = 0;
        for part in text.split(',') {
            set |= self.part(part)?;
        }
        Ok(set)
    }
    fn part(&self, part: &str) -> Result<u64> {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(self.step(step)?)),
            None => (part, None),
        };
        let (first, last) = if is_any(range) {
            (self.first, self.last)
        } else if let Some((first, last)) = range.split_once('-') {
            (self.value(first, false)?, self.value(last, true)?)
        } else {
            let value = self.value(range, false)?;
            (value, if step.is_some() { self.last } else { value })
        };
        if first > last {
            return Err(self.wrong(part, "a range must go upwards"));
        }
        // A step over all days of the week must not come to Sunday twice.
        let last = if self.last == 7 && step.is_some() && !range.contains('-') { last.min(6.max(first)) } else { last };
        let step = usize::try_from(step.unwrap_or(1)).unwrap_or(1);
        Ok((first..=last).step_by(step).fold(0, |set, value| set | 1 << value))
    }
    fn step(&self, text: &str) -> Result<u32> {
        match digits(text) {
            Some(step) if (1..=self.last).contains(&step) => Ok(step),
            _ => Err(self.wrong(text, &format!("a step must be a number from 1 to {}", self.last))),
        }
    }
    /// A number or a name. Where a range ends on Sunday, that is the seventh day.
    fn value(&self, text: &str, ends: bool) -> Result<u32> {
        let named = self.names.iter().position(|name| name.eq_ignore_ascii_case(text));
        let value = match named.and_then(|index| u32::try_from(index).ok()) {
            Some(0) if ends && self.last == 7 => Some(7),
            Some(index) => Some(index + self.first),
            None => digits(text),
        };
        value
            .filter(|value| (self.first..=self.last).contains(value))
            .ok_or_else(|| self.wrong(text, &format!("values from {} to {} are allowed", self.first, self.last)))
    }
    fn wrong(&self, text: &str, why: &str) -> Error {
        Error::invalid(format!("invalid cron expression: {} \"{text}\": {why}", self.name))
    }
}

/// Digits only: no sign, no blanks.
fn digits(text: &str) -> Option<u32> {
    if text.is_empty() || text.len() > 4 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests;
