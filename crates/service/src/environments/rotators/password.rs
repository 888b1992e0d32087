//! The rotator `password`: random passwords. Nothing is made anywhere else, so there is nothing to take away.
//!
//! Inputs, their defaults and their bounds are those of the published schema.

use super::{Made, Rotator, Site};
use futures_util::{FutureExt as _, future::BoxFuture};
use pileus_esc::value::{Properties, Repr, Value};
use pileus_model::entropy::Entropy;
use std::sync::Arc;

/// The schema of the inputs.
const INPUTS: &str = r#"{
  "type": "object",
  "description": "How passwords are made.",
  "properties": {
    "length": {"type": "number", "minimum": 8, "maximum": 100, "default": 16, "description": "How many characters a password has."},
    "lower": {"type": "boolean", "default": true, "description": "Whether there may be lowercase letters."},
    "upper": {"type": "boolean", "default": true, "description": "Whether there may be uppercase letters."},
    "numeric": {"type": "boolean", "default": true, "description": "Whether there may be digits."},
    "special": {"type": "boolean", "default": true, "description": "Whether there may be special characters."},
    "minLower": {"type": "number", "minimum": 0, "maximum": 100, "default": 0, "description": "At least so many lowercase letters."},
    "minUpper": {"type": "number", "minimum": 0, "maximum": 100, "default": 0, "description": "At least so many uppercase letters."},
    "minNumeric": {"type": "number", "minimum": 0, "maximum": 100, "default": 0, "description": "At least so many digits."},
    "minSpecial": {"type": "number", "minimum": 0, "maximum": 100, "default": 0, "description": "At least so many special characters."},
    "overrideSpecial": {"type": "string", "default": "!@#$%&*()-_=+[]{}<>:?", "description": "The special characters."}
  }
}"#;
/// The schema of the state, which is also what is shown.
const STATE: &str = r#"{
  "type": "object",
  "properties": {
    "current": {"type": "string", "secret": true, "description": "The newest password."},
    "previous": {"type": "string", "secret": true, "description": "The one before it."}
  }
}"#;
const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const DIGITS: &str = "0123456789";
const SPECIAL: &str = "!@#$%&*()-_=+[]{}<>:?";
const LENGTH: usize = 16;

/// The rotator.
#[derive(Debug)]
pub(super) struct Password;

impl Rotator for Password {
    fn description(&self) -> &'static str {
        "Makes random passwords, and keeps the newest and the one before it."
    }
    fn schemas(&self) -> [&'static str; 3] {
        [INPUTS, STATE, STATE]
    }
    fn open(&self, _: &Properties, state: Option<&Properties>) -> Result<Value, String> {
        Ok(Value::new(Repr::Object(state.into_iter().flatten().map(|(k, v)| (k.clone(), secret(v))).collect())))
    }
    fn make(
        &self,
        site: Arc<Site>,
        inputs: Properties,
        state: Option<Properties>,
    ) -> BoxFuture<'static, Result<Made, String>> {
        async move { make(&*site.who.app.entropy, &inputs, state.as_ref()) }.boxed()
    }
    fn retire(&self, _: Arc<Site>, _: Properties, _: Value) -> BoxFuture<'static, Result<(), String>> {
        async { Ok(()) }.boxed()
    }
}

fn make(entropy: &dyn Entropy, inputs: &Properties, state: Option<&Properties>) -> Result<Made, String> {
    let new = Value::secret(&password(&Wanted::read(inputs)?, entropy));
    let mut kept = Properties::from([(Arc::from("current"), Arc::new(new.clone()))]);
    if let Some(current) = state.and_then(|state| state.get("current")).filter(|v| !matches!(v.repr, Repr::Null)) {
        kept.insert(Arc::from("previous"), secret(current));
    }
    Ok(Made { state: Value::new(Repr::Object(kept)), new, old: None })
}

fn secret(value: &Arc<Value>) -> Arc<Value> {
    Arc::new(Value::clone(value).into_secret())
}

/// What a password is made of.
struct Wanted {
    length: usize,
    /// The characters of each class that may be used, and how many there must be.
    classes: Vec<(Vec<char>, usize)>,
}

impl Wanted {
    fn read(inputs: &Properties) -> Result<Self, String> {
        let length = number(inputs, "length", LENGTH)?;
        let special = match inputs.get("overrideSpecial").map(|value| &value.repr) {
            Some(Repr::String(text)) => text.as_ref(),
            _ => SPECIAL,
        };
        let all = [
            ("lower", "minLower", LOWER),
            ("upper", "minUpper", UPPER),
            ("numeric", "minNumeric", DIGITS),
            ("special", "minSpecial", special),
        ];
        let mut classes = Vec::new();
        for (switch, least, characters) in all {
            let least_count = number(inputs, least, 0)?;
            let on = !matches!(inputs.get(switch).map(|value| &value.repr), Some(Repr::Bool(false)));
            match (on && !characters.is_empty(), least_count) {
                (true, _) => classes.push((characters.chars().collect(), least_count)),
                (false, 0) => {}
                (false, _) => {
                    return Err(format!("{least} asks for characters that {switch} or overrideSpecial rule out"));
                }
            }
        }
        if classes.is_empty() {
            return Err("a password needs characters: all kinds of them are ruled out".into());
        }
        let least: usize = classes.iter().map(|(_, least)| least).sum();
        if least > length {
            return Err(format!("the least numbers of characters are {least} together, but length is {length}"));
        }
        Ok(Self { length, classes })
    }
}

/// A whole number; the schema has checked its bounds.
fn number(inputs: &Properties, name: &str, default: usize) -> Result<usize, String> {
    let Some(Repr::Number(text)) = inputs.get(name).map(|value| &value.repr) else { return Ok(default) };
    let whole = text.parse::<f64>().ok().filter(|n| n.fract() == 0.0 && (0.0..=1000.0).contains(n));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole and within 0 and 1000")]
    whole.map(|n| n as usize).ok_or_else(|| format!("{name} must be a whole number"))
}

/// A random password: the least numbers of each class, the rest of any, in a random order.
fn password(wanted: &Wanted, entropy: &dyn Entropy) -> String {
    let any: Vec<char> = wanted.classes.iter().flat_map(|(characters, _)| characters.iter().copied()).collect();
    let mut made: Vec<char> = Vec::with_capacity(wanted.length);
    for (characters, least) in &wanted.classes {
        made.extend((0..*least).filter_map(|_| characters.get(below(characters.len(), entropy))));
    }
    while made.len() < wanted.length {
        made.extend(any.get(below(any.len(), entropy)));
    }
    for i in (1..made.len()).rev() {
        made.swap(i, below(i + 1, entropy));
    }
    made.into_iter().collect()
}

/// A number below this one, each as likely as the others.
fn below(limit: usize, entropy: &dyn Entropy) -> usize {
    let limit = u32::try_from(limit).unwrap_or(u32::MAX).max(1);
    // Numbers from here on would make the first ones likelier.
    let fair = u32::MAX - u32::MAX % limit;
    loop {
        let mut bytes = [0; 4];
        entropy.fill(&mut bytes);
        let number = u32::from_le_bytes(bytes);
        if number < fair {
            return usize::try_from(number % limit).unwrap_or(0);
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use pileus_esc::json::Json;
    use pileus_model::entropy::SystemEntropy;

    fn made(inputs: &str) -> Result<String, String> {
        let value = Value::of_json(&Json::parse(inputs, 8).unwrap());
        Wanted::read(value.properties().unwrap()).map(|wanted| password(&wanted, &SystemEntropy))
    }

    #[test]
    fn passwords_are_as_they_are_wanted() {
        let count = |text: &str, class: &str| text.chars().filter(|c| class.contains(*c)).count();
        for _ in 0..50 {
            assert_eq!(made("{}").unwrap().chars().count(), LENGTH);
            let text = made(
                r#"{"minLower": 2, "minUpper": 3, "minSpecial": 5, "minNumeric": 1, "overrideSpecial": "ä$", "length": 15}"#,
            );
            let text = text.unwrap();
            assert_eq!(text.chars().count(), 15);
            assert!(count(&text, LOWER) >= 2 && count(&text, UPPER) >= 3 && count(&text, "ä$") >= 5, "{text}");
            let digits = made(r#"{"lower": false, "upper": false, "special": false, "length": 8}"#).unwrap();
            assert!(digits.len() == 8 && digits.bytes().all(|b| b.is_ascii_digit()), "{digits}");
        }
        assert_ne!(made("{}"), made("{}"));
    }

    #[test]
    fn what_cannot_be_made_is_said() {
        for (inputs, why) in [
            (r#"{"lower": false, "upper": false, "special": false, "numeric": false}"#, "ruled out"),
            (r#"{"length": 8, "minLower": 5, "minUpper": 4}"#, "9 together"),
            (r#"{"upper": false, "minUpper": 1}"#, "minUpper"),
            (r#"{"overrideSpecial": "", "minSpecial": 1}"#, "minSpecial"),
            (r#"{"length": 8.5}"#, "whole number"),
        ] {
            assert!(made(inputs).unwrap_err().contains(why), "{inputs}");
        }
    }

    #[test]
    fn every_character_is_as_likely_as_the_others() {
        let mut seen = [0_usize; 7];
        for _ in 0..7000 {
            seen[below(7, &SystemEntropy)] += 1;
        }
        assert!(seen.iter().all(|n| (700..1300).contains(n)), "{seen:?}");
    }
}
