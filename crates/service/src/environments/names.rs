//! What environments, their tags and their versions may be called, and how references to them are written.

use pileus_model::{Error, Result};

/// The tag that every environment has.
pub(super) const LATEST: &str = "latest";
/// The project that is meant where none is named.
pub(super) const DEFAULT_PROJECT: &str = "default";
/// How many characters a name may have.
const MAX_NAME: usize = 100;
/// How many characters the value of a tag may have.
const MAX_VALUE: usize = 256;

/// An environment, maybe at a version: `project/name@version`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The project; `default` where none is written.
    pub project: String,
    /// The name.
    pub name: String,
    /// A revision's number or tag; none for the latest.
    pub version: Option<String>,
}

impl Reference {
    /// Reads `name`, `project/name`, each with `@version` (or `:version`, as the CLI also writes it).
    ///
    /// # Errors
    /// `Invalid` for anything else.
    pub fn parse(text: &str) -> Result<Self> {
        let invalid = || {
            Error::invalid("invalid environment reference: write project/environment or project/environment@version")
        };
        let (path, version) = match text.split_once(['@', ':']) {
            Some((path, version)) if !version.is_empty() => (path, Some(version.to_owned())),
            Some(_) => return Err(invalid()),
            None => (text, None),
        };
        let (project, name) = path.split_once('/').unwrap_or((DEFAULT_PROJECT, path));
        if !is_name(project) || !is_name(name) || version.as_deref().is_some_and(|v| !is_name(v)) {
            return Err(invalid());
        }
        Ok(Self { project: project.into(), name: name.into(), version })
    }
    /// Whether its newest revision is meant.
    pub(super) fn is_latest(&self) -> bool {
        self.version.as_deref().is_none_or(|version| version == LATEST)
    }
    /// Project and name.
    pub(super) fn names(&self) -> (&str, &str) {
        (&self.project, &self.name)
    }
    /// `project/name`.
    pub fn environment(&self) -> String {
        format!("{}/{}", self.project, self.name)
    }
}

/// 1 to 100 letters, digits, `-`, `_` and `.`.
fn is_name(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (1..=MAX_NAME).contains(&text.len()) && text.chars().all(allowed)
}

/// Checks the name of a project and of an environment that are to be made.
///
/// # Errors
/// `Invalid`, saying what is allowed.
pub(super) fn check_new(project: &str, name: &str) -> Result<()> {
    for (what, text, reserved) in
        [("project", project, [".", "..", "yaml"]), ("environment", name, ["open", "yaml", "."])]
    {
        if !is_name(text) || reserved.contains(&text) || text == ".." {
            return Err(Error::invalid(format!(
                "{what} name must have 1 to {MAX_NAME} letters, digits, '-', '_' or '.', and not be one of ., .., open, yaml"
            )));
        }
    }
    Ok(())
}

/// Checks the name of a revision tag that is to be made: not `latest`, not `tags`, and not like a number.
///
/// # Errors
/// `Invalid`, saying what is allowed.
pub(super) fn check_revision_tag(name: &str) -> Result<()> {
    if is_name(name) && ![LATEST, "tags", ".", ".."].contains(&name) && !name.starts_with(|c: char| c.is_ascii_digit())
    {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "a revision tag must have 1 to {MAX_NAME} letters, digits, '-', '_' or '.', not begin with a digit, and not be \
         \"{LATEST}\" or \"tags\""
    )))
}

/// Checks a tag of an environment.
///
/// # Errors
/// `Invalid`, saying what is allowed.
pub(super) fn check_tag(name: &str, value: &str) -> Result<()> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
    if !(1..=40).contains(&name.len()) || !name.chars().all(allowed) {
        return Err(Error::invalid("invalid tag name: 1 to 40 letters, digits, '-', '_', '.' or ':'"));
    }
    pileus_model::names::check_text("tag value", value, MAX_VALUE)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn references() {
        let of = |text: &str| Reference::parse(text).map(|r| (r.environment(), r.version.unwrap_or_default()));
        for (text, environment, version) in [
            ("a", "default/a", ""),
            ("p/a", "p/a", ""),
            ("p/a@3", "p/a", "3"),
            ("p/a:prod", "p/a", "prod"),
            ("a@latest", "default/a", "latest"),
        ] {
            assert_eq!(of(text).unwrap(), (environment.to_owned(), version.to_owned()));
        }
        for bad in ["", "/", "a/", "/a", "a@", "a/b/c", "a b", "a@b@c", "ä"] {
            assert!(of(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_to_be_made() {
        for (project, name) in [("default", "opensearch"), ("a.b-c_d", "yamls"), ("x", "..x")] {
            assert!(check_new(project, name).is_ok(), "{project}/{name}");
        }
        for (project, name) in [("yaml", "a"), ("..", "a"), ("a", "open"), ("a", "yaml"), ("", "a"), ("a", "b/c")] {
            assert!(check_new(project, name).is_err(), "{project}/{name}");
        }
        for bad in ["latest", "tags", "1a", "", "a b"] {
            assert!(check_revision_tag(bad).is_err(), "{bad}");
        }
    }
}
