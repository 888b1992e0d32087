//! The key of one environment, as the language asks for it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use pileus_codec::envelope::{self, Key};
use pileus_esc::host::{Decrypter, Encrypter};
use pileus_model::{Error, Result, entropy::Entropy, ids::EnvironmentId};
use pileus_store::environments::EnvironmentRow;
use std::{cell::Cell, sync::Arc};

use crate::App;

/// Seals and opens the secrets of one environment, and of no other.
pub(super) struct EnvironmentKey {
    key: Key,
    owner: Vec<u8>,
    entropy: Arc<dyn Entropy>,
}

impl EnvironmentKey {
    /// The key of this environment.
    ///
    /// # Errors
    /// `Unavailable` without a master key; `Internal` where the database was written with another one.
    pub fn of(app: &App, row: &EnvironmentRow) -> Result<Self> {
        let key = app.keys.unwrap(row.id.as_bytes(), &row.data_key)?;
        Ok(Self { key, owner: owner(row.id), entropy: Arc::clone(&app.entropy) })
    }
}

/// What secrets are bound to.
fn owner(id: EnvironmentId) -> Vec<u8> {
    [b"environment secret ", &id.as_bytes()[..]].concat()
}

impl Decrypter for EnvironmentKey {
    fn decrypt(&self, ciphertext: &[u8]) -> std::result::Result<Vec<u8>, String> {
        envelope::open(&self.key, &self.owner, ciphertext)
            .map_err(|_| "it was not encrypted for this environment, or was changed".to_owned())
    }
}

impl Encrypter for EnvironmentKey {
    fn encrypt(&self, plaintext: &[u8]) -> std::result::Result<Vec<u8>, String> {
        envelope::seal(&self.key, &self.owner, plaintext, &*self.entropy).map_err(|e| e.message().to_owned())
    }
}

/// Moves the secrets of one environment to another one. What the first one cannot open is handed over as it is, and stays
/// what nobody can open.
pub(super) struct Rebinder<'k> {
    from: &'k EnvironmentKey,
    to: &'k EnvironmentKey,
    /// Begins what stands for a ciphertext that does not open; nobody can have written it.
    mark: String,
    opened: Cell<bool>,
}

impl<'k> Rebinder<'k> {
    /// From one environment to another one.
    pub fn new(from: &'k EnvironmentKey, to: &'k EnvironmentKey) -> Self {
        let mut random = [0; 16];
        to.entropy.fill(&mut random);
        let mark = format!("not to be opened {} ", STANDARD.encode(random));
        Self { from, to, mark, opened: Cell::new(false) }
    }
    /// Whether there was a secret.
    pub fn opened(&self) -> bool {
        self.opened.get()
    }
}

impl Decrypter for Rebinder<'_> {
    fn decrypt(&self, ciphertext: &[u8]) -> std::result::Result<Vec<u8>, String> {
        match self.from.decrypt(ciphertext) {
            Ok(clear) => {
                self.opened.set(true);
                Ok(clear)
            }
            Err(_) => Ok(format!("{}{}", self.mark, STANDARD.encode(ciphertext)).into_bytes()),
        }
    }
}

impl Encrypter for Rebinder<'_> {
    fn encrypt(&self, plaintext: &[u8]) -> std::result::Result<Vec<u8>, String> {
        match plaintext.strip_prefix(self.mark.as_bytes()) {
            Some(kept) => STANDARD.decode(kept).map_err(|e| e.to_string()),
            None => self.to.encrypt(plaintext),
        }
    }
}

/// A definition that is stored nowhere has no key.
pub(super) struct NoKey;

impl Decrypter for NoKey {
    fn decrypt(&self, _: &[u8]) -> std::result::Result<Vec<u8>, String> {
        Err("a definition that is not stored has no key".into())
    }
}

/// What went wrong while secrets were replaced in a text.
pub(super) fn edit_failed(error: &pileus_esc::edit::EditError) -> Error {
    Error::invalid(format!("the definition's secrets cannot be replaced: {error}"))
}
