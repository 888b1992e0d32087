//! Decimal numbers as texts write them, compared exactly.

use std::cmp::Ordering;

/// A decimal: an integer of any length times a power of ten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decimal {
    negative: bool,
    /// Digits without leading or trailing zeros; none for zero.
    digits: Vec<u8>,
    /// The power of ten of the last digit.
    exponent: i64,
}

/// The largest power of ten that is looked at.
const EXPONENT: i64 = 100_000;

impl Decimal {
    /// Reads a number. None for what is none, or has an exponent beyond all use.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, rest) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let (mantissa, exponent) = match rest.find(['e', 'E']) {
            Some(at) => (&rest[..at], rest[at + 1..].parse::<i64>().ok()?),
            None => (rest, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if (whole.is_empty() && fraction.is_empty()) || exponent.abs() > EXPONENT {
            return None;
        }
        let mut digits = Vec::with_capacity(mantissa.len());
        for byte in whole.bytes().chain(fraction.bytes()) {
            digits.push(byte.checked_sub(b'0').filter(|digit| *digit <= 9)?);
        }
        let mut exponent = exponent - i64::try_from(fraction.len()).ok()?;
        while digits.last() == Some(&0) {
            digits.pop();
            exponent += 1;
        }
        let zeros = digits.iter().take_while(|digit| **digit == 0).count();
        digits.drain(..zeros);
        if digits.is_empty() {
            return Some(Self { negative: false, digits, exponent: 0 });
        }
        Some(Self { negative, digits, exponent })
    }

    /// The power of ten just above the first digit.
    fn magnitude(&self) -> i64 {
        self.exponent + i64::try_from(self.digits.len()).unwrap_or(i64::MAX / 2)
    }

    /// Compares without signs.
    fn cmp_magnitude(&self, other: &Self) -> Ordering {
        match (self.digits.is_empty(), other.digits.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            // Without trailing zeros, digits compare like fractions.
            (false, false) => self.magnitude().cmp(&other.magnitude()).then_with(|| self.digits.cmp(&other.digits)),
        }
    }

    /// Whether it is a whole multiple of another number. Nothing is a multiple of zero.
    #[must_use]
    pub fn is_multiple_of(&self, of: &Self) -> bool {
        if of.digits.is_empty() {
            return false;
        }
        if self.digits.is_empty() {
            return true;
        }
        let Some(divisor) = of.digits.iter().try_fold(0u128, |n, d| n.checked_mul(10)?.checked_add(u128::from(*d)))
        else {
            return self.cmp_magnitude(of) == Ordering::Equal;
        };
        if divisor > u128::from(u64::MAX) {
            return self.cmp_magnitude(of) == Ordering::Equal;
        }
        let shift = self.exponent - of.exponent;
        if shift < 0 {
            // A multiple has no digit below the divisor's last, unless the divisor has factors to spare: scale both.
            let scale = u32::try_from(-shift).ok().and_then(|n| 10u128.checked_pow(n));
            let Some(scaled) = scale.and_then(|s| divisor.checked_mul(s)).filter(|d| *d <= u128::from(u64::MAX)) else {
                return false;
            };
            return remainder(&self.digits, 0, scaled) == 0;
        }
        remainder(&self.digits, shift, divisor) == 0
    }
}

/// `digits × 10^zeros mod divisor`, digit by digit.
fn remainder(digits: &[u8], zeros: i64, divisor: u128) -> u128 {
    let start = digits.iter().fold(0, |rest, digit| (rest * 10 + u128::from(*digit)) % divisor);
    (0..zeros).fold(start, |rest, _| rest * 10 % divisor)
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => self.cmp_magnitude(other),
            (true, true) => other.cmp_magnitude(self),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::Decimal;

    fn number(text: &str) -> Decimal {
        Decimal::parse(text).unwrap()
    }

    #[test]
    fn numbers_compare_exactly() {
        assert_eq!(number("1.50"), number("15e-1"));
        assert_eq!(number("-0.0"), number("0"));
        assert!(number("-2") < number("-1.5") && number("-1.5") < number("1e-9"));
        assert!(number("9007199254740993") > number("9007199254740992"));
        assert!(number("123") > number("45") && number("1e3") > number("999.999"));
        assert!(Decimal::parse("1e999999").is_none() && Decimal::parse("x").is_none() && Decimal::parse("").is_none());
    }

    #[test]
    fn multiples_are_decimal_ones() {
        assert!(number("0.3").is_multiple_of(&number("0.1")));
        assert!(number("1e20").is_multiple_of(&number("7e19")) == (100 % 70 == 0));
        assert!(number("-6").is_multiple_of(&number("3")) && !number("7").is_multiple_of(&number("2")));
        assert!(number("0").is_multiple_of(&number("5")) && !number("5").is_multiple_of(&number("0")));
        assert!(number("0.75").is_multiple_of(&number("0.25")) && !number("1").is_multiple_of(&number("0.3")));
    }
}
