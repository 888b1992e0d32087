//! The master keys: from the environment, or from files in the data directory, the first of which the first start makes.
//!
//! This room knows where the keys are kept. It must never know what they seal.

use crate::{
    data_dir::{DataDir, read_key},
    failure::Failure,
};
use pileus_model::Error;
use pileus_service::{
    App,
    keys::{self, Keys},
};
use std::{path::Path, sync::Arc};

/// The variable that holds the key.
const VARIABLE: &str = "PILEUS_MASTER_KEY";
/// The variable that holds the key that is to take its place.
const NEW_VARIABLE: &str = "PILEUS_MASTER_KEY_NEW";

/// The installation's master keys: one, or while it is being changed two.
///
/// # Errors
/// One line: a variable or file holds no key; a file can be read by others; the database was written with a key that is not
/// here.
pub async fn load(app: &App, dir: &DataDir) -> Result<Keys, Failure> {
    let current = one(VARIABLE, &dir.master_key())?;
    let new = one(NEW_VARIABLE, &dir.new_master_key())?;
    let keys = match (current, new) {
        (Some(current), new) => {
            if let Some(new) = new {
                current.learn(&new);
            }
            current
        }
        (None, Some(new)) => new,
        (None, None) => generated(app, dir).await?,
    };
    let path = dir.new_master_key();
    Ok(keys.with_source(Arc::new(move || {
        let found = one(NEW_VARIABLE, &path).map_err(|failure| Error::unavailable(failure.to_string()))?;
        Ok(found.unwrap_or_default())
    })))
}

/// The key in this variable, or else in this file.
fn one(variable: &str, path: &Path) -> Result<Option<Keys>, Failure> {
    if let Some(text) = std::env::var_os(variable).filter(|text| !text.is_empty()) {
        return match text.to_str().map(Keys::parse) {
            Some(Ok(keys)) => Ok(Some(keys)),
            Some(Err(error)) => Err(Failure::new(format!("environment variable {variable}: {}", error.message()))),
            None => Err(Failure::new(format!("environment variable {variable}: not UTF-8"))),
        };
    }
    let Some(text) = read_key(path)? else { return Ok(None) };
    let parsed = Keys::parse(&text).map_err(|e| Failure::new(format!("{}: {}", path.display(), e.message())))?;
    Ok(Some(parsed))
}

/// A key of our own making, for a database that was written with none.
async fn generated(app: &App, dir: &DataDir) -> Result<Keys, Failure> {
    let path = dir.master_key();
    if keys::is_bound(app).await? {
        return Err(Failure::new(format!(
            "the database was written with a master key that is not here: set {VARIABLE}, or put its file back at {}",
            path.display()
        )));
    }
    let text = Keys::generate(&*app.entropy);
    dir.write_master_key(&text)?;
    tracing::warn!(
        "a master key was made: {}; keep a copy apart from the database, better still move it to {VARIABLE} and delete the file",
        path.display()
    );
    Keys::parse(&text).map_err(Into::into)
}
