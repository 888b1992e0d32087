//! What the operator may say about the first start.

use crate::failure::Failure;
use pileus_model::{names::check_owner, token::TokenValue};

/// The organisation unless the operator names another: the name in the paths of the public documentation's examples.
const ORGANIZATION: &str = "pulumi";
/// Its admin, unless the operator names another.
const USER: &str = "admin";

/// The variables of the first start.
const VARIABLES: [&str; 3] = ["PILEUS_BOOTSTRAP_ORGANIZATION", "PILEUS_BOOTSTRAP_USER", "PILEUS_BOOTSTRAP_TOKEN"];

/// Which of the variables say something; empty ones don't.
pub fn said(variable: impl Fn(&str) -> Option<String>) -> Vec<&'static str> {
    VARIABLES.into_iter().filter(|name| variable(name).is_some_and(|value| !value.is_empty())).collect()
}

/// `PILEUS_BOOTSTRAP_*`, checked.
#[derive(Debug)]
pub struct Wishes {
    /// The organisation.
    pub organization: String,
    /// Its admin.
    pub user: String,
    /// The token, if it is not to be generated.
    pub token: Option<TokenValue>,
}

impl Wishes {
    /// Reads the variables. Empty ones say nothing.
    ///
    /// # Errors
    /// Naming the variable, without its value where that is a token.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        let get = |name: &str| variable(name).filter(|value| !value.is_empty());
        let named = |name: &str, default: &str| {
            let value = get(name).unwrap_or_else(|| default.to_owned());
            check_owner("the name", &value).map_err(|error| bad(name, error.message()))?;
            Ok::<_, Failure>(value)
        };
        let [organization, user, token] = VARIABLES;
        let token =
            get(token).map(|text| TokenValue::chosen(text).map_err(|error| bad(token, error.message()))).transpose()?;
        let wishes = Self { organization: named(organization, ORGANIZATION)?, user: named(user, USER)?, token };
        if wishes.organization.eq_ignore_ascii_case(&wishes.user) {
            return Err(bad(
                user,
                "users and organisations share one namespace: it must differ from the organisation's name",
            ));
        }
        Ok(wishes)
    }
}

/// A variable that is not allowed.
fn bad(name: &str, problem: &str) -> Failure {
    Failure::new(format!("environment variable {name}: {problem}"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Wishes, Failure> {
        Wishes::read(|name| pairs.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn nothing_said_means_the_seeds_names() {
        let wishes = read(&[("PILEUS_BOOTSTRAP_USER", "")]).unwrap();
        assert_eq!((wishes.organization.as_str(), wishes.user.as_str()), ("pulumi", "admin"));
        assert!(wishes.token.is_none());
        assert_eq!(
            said(|name| Some(if name.ends_with("USER") { "x" } else { "" }.to_owned())),
            ["PILEUS_BOOTSTRAP_USER"]
        );
    }

    #[test]
    fn a_bad_variable_is_named_and_a_token_not_repeated() {
        let message = read(&[("PILEUS_BOOTSTRAP_TOKEN", "pul-short")]).unwrap_err().to_string();
        assert!(
            message.starts_with("environment variable PILEUS_BOOTSTRAP_TOKEN: ") && !message.contains("short"),
            "{message}"
        );
        assert!(read(&[("PILEUS_BOOTSTRAP_USER", "a b")]).unwrap_err().to_string().contains("PILEUS_BOOTSTRAP_USER"));
        assert!(read(&[("PILEUS_BOOTSTRAP_USER", "Pulumi")]).is_err());
        let token = format!("pul-{}", "a".repeat(32));
        let wishes = read(&[("PILEUS_BOOTSTRAP_TOKEN", &token)]).unwrap();
        assert_eq!(wishes.token.unwrap().expose(), token);
    }
}
