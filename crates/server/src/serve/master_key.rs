//! The master key: from the environment, or from a file in the data directory that the first start makes.
//!
//! This room knows where the key is kept. It must never know what it seals.

use crate::{data_dir::DataDir, failure::Failure};
use pileus_service::{
    App,
    keys::{self, Keys},
};

/// The variable that holds the key.
const VARIABLE: &str = "PILEUS_MASTER_KEY";

/// The installation's master key.
///
/// # Errors
/// One line: the variable or the file holds no key; the file can be read by others; the database was written with a key that
/// is not here.
pub async fn load(app: &App, dir: &DataDir) -> Result<Keys, Failure> {
    if let Some(text) = std::env::var_os(VARIABLE).filter(|text| !text.is_empty()) {
        let parsed = text.to_str().map(Keys::parse);
        return match parsed {
            Some(Ok(keys)) => Ok(keys),
            Some(Err(error)) => Err(Failure::new(format!("environment variable {VARIABLE}: {}", error.message()))),
            None => Err(Failure::new(format!("environment variable {VARIABLE}: not UTF-8"))),
        };
    }
    let path = dir.master_key();
    if let Some(text) = dir.read_master_key()? {
        return Keys::parse(&text).map_err(|e| Failure::new(format!("{}: {}", path.display(), e.message())));
    }
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
