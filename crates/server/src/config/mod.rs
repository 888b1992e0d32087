//! The configuration: defaults, then `pileus.toml`, then `PILEUS_*`, then flags; each value with the place it came from.
//!
//! This room knows names, sources and precedence. It must never know what a setting does.

mod file;
pub mod keys;
mod parse;
mod show;
mod typed;

pub use parse::{Database, LogFormat};
pub use show::{mask, show};
pub use typed::{Config, Limits, Scans};

use crate::{cli::ServeOptions, failure::Failure};
use keys::{KEYS, Key, Kind, OTHER_VARIABLES, TEST_PREFIX};
use std::{ffi::OsString, fmt, path::Path};

/// The file that is read if it is present and no other is named.
pub const DEFAULT_FILE: &str = "pileus.toml";

/// A value as it was written, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A string; empty if there is none.
    Text(String),
    /// A whole number.
    Integer(u64),
    /// Some strings.
    List(Vec<String>),
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Nobody said anything.
    Default,
    /// A line of the file.
    File {
        /// The file as it was named.
        name: String,
        /// The line, from 1.
        line: usize,
    },
    /// An environment variable.
    Variable(&'static str),
    /// A flag.
    Flag(&'static str),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { name, line } => write!(f, "{name}:{line}"),
            Self::Variable(name) => write!(f, "environment {name}"),
            Self::Flag(name) => write!(f, "flag {name}"),
        }
    }
}

/// One setting with its value.
#[derive(Debug, Clone)]
pub struct Setting {
    /// Which.
    pub key: &'static Key,
    /// Its value.
    pub value: Value,
    /// Where it came from.
    pub source: Source,
}

/// Everything that was said about the configuration, before it is merged.
#[derive(Debug, Default)]
pub struct Inputs {
    /// The file's name and text, if there is one.
    pub file: Option<(String, String)>,
    /// The process's environment.
    pub variables: Vec<(OsString, OsString)>,
    /// The flags that were given.
    pub flags: Vec<(&'static Key, String)>,
}

/// The effective value of every setting, in the order of [`KEYS`].
#[derive(Debug)]
pub struct Loaded {
    settings: Vec<Setting>,
    warnings: Vec<String>,
}

impl Loaded {
    /// Reads the file that is named or present and the process's environment, under these flags.
    ///
    /// # Errors
    /// A named file that can't be read, and as [`Loaded::merge`].
    pub fn from_process(options: &ServeOptions) -> Result<Self, Failure> {
        let named = options
            .config
            .clone()
            .or_else(|| std::env::var_os("PILEUS_CONFIG").filter(|path| !path.is_empty()).map(Into::into));
        let path = match &named {
            Some(path) => Some(path.as_path()),
            None => Some(Path::new(DEFAULT_FILE)).filter(|path| path.exists()),
        };
        let file = path.map(read_text).transpose()?;
        Self::merge(Inputs { file, variables: std::env::vars_os().collect(), flags: options.given() })
    }

    /// Merges: defaults, file, environment, flags, each overriding those before it.
    ///
    /// # Errors
    /// The first unknown key or bad value, naming file and line, the variable or the flag.
    pub fn merge(inputs: Inputs) -> Result<Self, Failure> {
        let mut settings: Vec<Setting> = KEYS.iter().map(|key| default(key)).collect();
        let mut warnings = Vec::new();
        let mut said = match &inputs.file {
            Some((name, text)) => file::read(name, text)?,
            None => Vec::new(),
        };
        said.extend(from_environment(&inputs.variables, &mut warnings)?);
        for (key, text) in &inputs.flags {
            let flag = key.flag.unwrap_or(key.name);
            let value = from_text(key, text).map_err(|problem| Failure::usage(format!("{flag}: {problem}")))?;
            said.push(Setting { key, value, source: Source::Flag(flag) });
        }
        for setting in said {
            if let Some(place) = settings.iter_mut().find(|s| std::ptr::eq(s.key, setting.key)) {
                *place = setting;
            }
        }
        Ok(Self { settings, warnings })
    }

    /// The settings, in the order of [`KEYS`].
    pub fn settings(&self) -> &[Setting] {
        &self.settings
    }
    /// What is odd but no error.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
    /// The effective value of a setting.
    fn value(&self, key: &'static Key) -> Option<&Value> {
        self.settings.iter().find(|s| std::ptr::eq(s.key, key)).map(|s| &s.value)
    }
}

/// The text of a file that must be there.
fn read_text(path: &Path) -> Result<(String, String), Failure> {
    let name = path.display().to_string();
    match std::fs::read_to_string(path) {
        Ok(text) => Ok((name, text)),
        Err(error) => Err(Failure::new(format!("{name}: {error}"))),
    }
}

/// The default of a setting.
fn default(key: &'static Key) -> Setting {
    let value = match key.kind {
        Kind::Text => Value::Text(key.default.to_owned()),
        Kind::Integer => Value::Integer(key.default.parse().unwrap_or_default()),
        Kind::List => Value::List(items(key.default).map(str::to_owned).collect()),
    };
    Setting { key, value, source: Source::Default }
}

/// The items of a list as variables and flags write it.
fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

/// The value of a setting as variables and flags write it.
fn from_text(key: &'static Key, text: &str) -> Result<Value, String> {
    match key.kind {
        Kind::Text => {
            (key.check)(text)?;
            Ok(Value::Text(text.to_owned()))
        }
        Kind::Integer => {
            (key.check)(text)?;
            text.parse().map(Value::Integer).map_err(|_| "must be a whole number".to_owned())
        }
        Kind::List => {
            items(text).try_for_each(key.check)?;
            Ok(Value::List(items(text).map(str::to_owned).collect()))
        }
    }
}

/// The settings of the environment. An empty variable says nothing; an unknown one is a warning, since it may belong
/// to another version.
fn from_environment(variables: &[(OsString, OsString)], warnings: &mut Vec<String>) -> Result<Vec<Setting>, Failure> {
    let mut settings = Vec::new();
    let mut unknown = Vec::new();
    for (name, value) in variables {
        let Some(name) = name.to_str().filter(|name| name.starts_with("PILEUS_")) else { continue };
        let Some(key) = KEYS.iter().find(|key| key.env == name) else {
            if !OTHER_VARIABLES.contains(&name) && !name.starts_with(TEST_PREFIX) {
                unknown.push(name);
            }
            continue;
        };
        let text = value.to_str().ok_or_else(|| Failure::new(format!("environment variable {name}: not UTF-8")))?;
        if text.is_empty() {
            continue;
        }
        let value =
            from_text(key, text).map_err(|problem| Failure::new(format!("environment variable {name}: {problem}")))?;
        settings.push(Setting { key, value, source: Source::Variable(key.env) });
    }
    unknown.sort_unstable();
    warnings.extend(unknown.iter().map(|name| format!("unknown environment variable {name} is ignored")));
    Ok(settings)
}

#[cfg(test)]
mod tests;
