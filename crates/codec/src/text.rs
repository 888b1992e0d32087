//! Numbers, ids, addresses and times, appended to a buffer without an allocation.

use pileus_model::Timestamp;
use std::{io::Write as _, net::IpAddr};

/// A number in decimal.
pub fn push_i64(out: &mut Vec<u8>, number: i64) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    let mut rest = number.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = digit(rest % 10);
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if number < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[at..]);
}

/// `true` or `false`.
pub fn push_bool(out: &mut Vec<u8>, value: bool) {
    out.extend_from_slice(if value { b"true" } else { b"false" });
}

/// An id in the usual hyphenated form; nothing if there is none.
pub fn push_id(out: &mut Vec<u8>, id: Option<&[u8; 16]>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let Some(id) = id else { return };
    let mut text = [b'-'; 36];
    let mut at = 0;
    for (i, byte) in id.iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            at += 1;
        }
        text[at] = HEX[usize::from(byte >> 4)];
        text[at + 1] = HEX[usize::from(byte & 15)];
        at += 2;
    }
    out.extend_from_slice(&text);
}

/// An address in its canonical form (RFC 5952 for IPv6).
pub fn push_ip(out: &mut Vec<u8>, ip: IpAddr) {
    match ip {
        IpAddr::V4(v4) => {
            for (i, octet) in v4.octets().into_iter().enumerate() {
                if i > 0 {
                    out.push(b'.');
                }
                push_i64(out, i64::from(octet));
            }
        }
        IpAddr::V6(v6) => {
            // Writing to a Vec cannot fail.
            let _ = write!(out, "{v6}");
        }
    }
}

/// The parts of a second's time, kept for the next row: neighbouring rows often share it.
#[derive(Debug, Clone)]
pub struct SecondText<const N: usize> {
    second: Option<i64>,
    text: [u8; N],
}

impl<const N: usize> SecondText<N> {
    /// Nothing kept yet.
    pub const fn new() -> Self {
        Self { second: None, text: [0; N] }
    }
    /// The text for the second that this time lies in, written by `form` if it is not the kept one.
    pub fn of(&mut self, at: Timestamp, form: fn(Timestamp) -> [u8; N]) -> &[u8; N] {
        let second = at.as_seconds();
        if self.second != Some(second) {
            self.text = form(at);
            self.second = Some(second);
        }
        &self.text
    }
}

/// RFC 3339 in UTC without the `Z`: `2021-04-11T23:51:45`.
pub fn rfc3339(at: Timestamp) -> [u8; 19] {
    let (year, month, day, hour, minute, second) = at.civil();
    let mut text = *b"0000-00-00T00:00:00";
    let year = u64::from(year.unsigned_abs());
    text[0] = digit(year / 1000 % 10);
    text[1] = digit(year / 100 % 10);
    text[2..4].copy_from_slice(&two((year % 100) as i8));
    text[5..7].copy_from_slice(&two(month));
    text[8..10].copy_from_slice(&two(day));
    text[11..13].copy_from_slice(&two(hour));
    text[14..16].copy_from_slice(&two(minute));
    text[17..19].copy_from_slice(&two(second));
    text
}

/// The time of a syslog line in UTC, with a two-digit day: `Feb 04 14:53:01`.
pub fn syslog(at: Timestamp) -> [u8; 15] {
    const MONTHS: &[u8; 36] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
    let (_, month, day, hour, minute, second) = at.civil();
    let mut text = *b"Jan 00 00:00:00";
    let start = 3 * usize::from(month.unsigned_abs().clamp(1, 12) - 1);
    text[..3].copy_from_slice(&MONTHS[start..start + 3]);
    text[4..6].copy_from_slice(&two(day));
    text[7..9].copy_from_slice(&two(hour));
    text[10..12].copy_from_slice(&two(minute));
    text[13..15].copy_from_slice(&two(second));
    text
}

/// The microseconds within the second, six digits.
pub fn micros(at: Timestamp) -> [u8; 6] {
    let mut rest = at.as_micros().rem_euclid(1_000_000).unsigned_abs();
    let mut text = [b'0'; 6];
    for place in text.iter_mut().rev() {
        *place = digit(rest % 10);
        rest /= 10;
    }
    text
}

fn two(number: i8) -> [u8; 2] {
    let number = u64::from(number.unsigned_abs());
    [digit(number / 10 % 10), digit(number % 10)]
}

fn digit(value: u64) -> u8 {
    // Below ten, so nothing is cut off.
    b'0' + (value % 10) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    proptest! {
        #[test]
        fn numbers(number: i64) {
            prop_assert_eq!(text(|out| push_i64(out, number)), number.to_string());
        }
        #[test]
        fn ids(bytes: [u8; 16]) {
            let id = pileus_model::ids::TokenId::from_bytes(bytes);
            prop_assert_eq!(text(|out| push_id(out, Some(&bytes))), id.to_string());
        }
        #[test]
        fn addresses(ip: IpAddr) {
            prop_assert_eq!(text(|out| push_ip(out, ip)), ip.to_string());
        }
        #[test]
        fn times(micros_since in 0..253_402_300_799_999_999_i64) {
            let at = Timestamp::from_micros(micros_since);
            let written = format!("{}Z", String::from_utf8_lossy(&rfc3339(at)));
            prop_assert_eq!(written, at.rfc3339());
            let fraction = format!("{:06}", micros_since % 1_000_000);
            let written = micros(at);
            prop_assert_eq!(String::from_utf8_lossy(&written), fraction);
        }
    }

    #[test]
    fn the_extremes() {
        assert_eq!(text(|out| push_i64(out, i64::MIN)), i64::MIN.to_string());
        assert_eq!(&syslog(Timestamp::from_micros(1_675_522_381_000_000)), b"Feb 04 14:53:01");
        assert_eq!(text(|out| push_id(out, None)), "");
    }

    #[test]
    fn a_kept_second_is_not_confused_with_another() {
        let mut kept = SecondText::new();
        for micros in [0, 999_999, 1_000_000, 0, 86_400_000_000] {
            let at = Timestamp::from_micros(micros);
            assert_eq!(*kept.of(at, rfc3339), rfc3339(at));
        }
    }
}
