//! Points in time: microseconds since 1970-01-01T00:00:00Z, and the forms in which they are written.

use jiff::{Timestamp as Jiff, tz::TimeZone};

/// A point in time, in microseconds UTC, as the store holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Timestamp(i64);

/// One second in microseconds.
pub const SECOND: i64 = 1_000_000;

impl Timestamp {
    /// The earliest time that is ever recorded (1970-01-01T00:00:00Z).
    pub const EPOCH: Self = Self(0);

    /// From microseconds since the epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }
    /// From whole seconds since the epoch; `None` where microseconds would not fit.
    pub fn from_seconds(seconds: i64) -> Option<Self> {
        seconds.checked_mul(SECOND).map(Self)
    }
    /// Microseconds since the epoch.
    pub const fn as_micros(self) -> i64 {
        self.0
    }
    /// Whole milliseconds since the epoch, rounded down.
    pub const fn as_millis(self) -> i64 {
        self.0.div_euclid(1000)
    }
    /// Whole seconds since the epoch, rounded down.
    pub const fn as_seconds(self) -> i64 {
        self.0.div_euclid(SECOND)
    }
    /// This much later (earlier if negative), saturating.
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(SECOND)))
    }
    /// A time in RFC 3339, with any offset; `None` if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        text.parse::<Jiff>().ok().map(|time| Self(time.as_microsecond()))
    }
    /// RFC 3339 in UTC with seconds: `2021-04-11T23:51:45Z`.
    pub fn rfc3339(self) -> String {
        self.jiff().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }
    /// RFC 3339 in UTC with milliseconds: `2021-04-11T23:51:45.000Z`.
    pub fn rfc3339_millis(self) -> String {
        let at = self.jiff().to_zoned(TimeZone::UTC).datetime();
        if !(0..=9999).contains(&at.year()) {
            return self.jiff().strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string();
        }
        // Lists hold thousands of these, and reading a format costs more than writing the digits.
        let mut text = String::with_capacity(24);
        for (number, width, then) in [
            (at.year(), 4, '-'),
            (at.month().into(), 2, '-'),
            (at.day().into(), 2, 'T'),
            (at.hour().into(), 2, ':'),
            (at.minute().into(), 2, ':'),
            (at.second().into(), 2, '.'),
            (at.millisecond(), 3, 'Z'),
        ] {
            for place in (0..width).rev() {
                let digit = number.unsigned_abs() / 10_u16.pow(place) % 10;
                text.push(char::from_digit(digit.into(), 10).unwrap_or('0'));
            }
            text.push(then);
        }
        text
    }
    /// The year, month (1–12), day (1–31), hour, minute and second in UTC.
    pub fn civil(self) -> (i16, i8, i8, i8, i8, i8) {
        let zoned = self.jiff().to_zoned(TimeZone::UTC);
        (zoned.year(), zoned.month(), zoned.day(), zoned.hour(), zoned.minute(), zoned.second())
    }

    /// Rounded down to whole seconds, so that times before the range's ends cannot occur.
    fn jiff(self) -> Jiff {
        Jiff::from_microsecond(self.0).unwrap_or(Jiff::UNIX_EPOCH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let t = Timestamp::from_micros(1_618_185_105_987_654);
        assert_eq!(t.rfc3339(), "2021-04-11T23:51:45Z");
        assert_eq!(t.rfc3339_millis(), "2021-04-11T23:51:45.987Z");
        assert_eq!(Timestamp::parse("2021-04-12T01:51:45.987654+02:00"), Some(t));
        assert_eq!(Timestamp::parse("yesterday"), None);
        assert_eq!(t.as_millis(), 1_618_185_105_987);
        assert_eq!(t.civil(), (2021, 4, 11, 23, 51, 45));
    }
    #[test]
    fn digits_are_those_of_the_format() {
        let many = (-400..400).map(|n: i64| n * n * n * 3_943_210_987 + n * 1_001);
        let ends = [0, -1, 999, 1_000, 999_999, 951_782_399_999_999, 951_782_400_000_000, 253_402_300_799_999_999];
        let beyond = [253_402_300_800_000_000, -62_167_219_200_000_001, -62_167_219_200_000_000, i64::MAX, i64::MIN];
        for micros in many.chain(ends).chain(beyond) {
            let t = Timestamp::from_micros(micros);
            assert_eq!(t.rfc3339_millis(), t.jiff().strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string(), "{micros}");
        }
    }
}
