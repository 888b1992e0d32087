//! The installation's master key, and the keys that it wraps.
//!
//! Every environment and every session has a key of its own; the master key wraps those keys, the private keys of identity
//! tokens and the root that fingerprints are derived from, and nothing else. A server may hold several master keys; the
//! database says which of them seals, so that a new one can take over while servers run (`docs/adr/0008-master-keys.md`).
//! This room knows how a master key is written and proved; where it is kept is the server's business.

mod change;
mod state;
#[cfg(test)]
mod tests;

pub use change::{Shown, rotate, show};
pub use state::{is_bound, leave, tick, verify};

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use pileus_codec::envelope::{self, KEY_BYTES, Key};
use pileus_model::{Error, Result, Timestamp, entropy::Entropy};
use pileus_store::{Tx, master_keys as store};
use sha2::{Digest, Sha256};
use std::{
    fmt::{self, Write as _},
    sync::{Arc, PoisonError, RwLock},
};

/// What the proof of a master key is bound to.
const PROOF: &[u8] = b"pileus master key";
/// What the root is bound to.
const ROOT: &[u8] = b"root of derived keys";
/// Begins what is sealed with a named key: this, and eight bytes of the key's fingerprint.
const NAMED: u8 = 2;
/// How many bytes that are.
const BEGINNING: usize = 9;

/// What tells a master key from others; says nothing of the key.
type Fingerprint = [u8; 32];

/// Where further master keys come from while a server runs.
pub type Source = Arc<dyn Fn() -> Result<Keys> + Send + Sync>;

/// The keyring: the master keys that this process holds. Clones are the same keyring.
#[derive(Clone, Default)]
pub struct Keys {
    ring: Arc<RwLock<Ring>>,
    source: Option<Source>,
}

#[derive(Default, Clone)]
struct Ring {
    held: Vec<(Fingerprint, Key)>,
    /// The one that seals; the first, as long as the database has not been asked.
    active: Option<Fingerprint>,
    root: Option<Key>,
    /// This process, among those that use the same database.
    node: [u8; 16],
    name: String,
    /// What this process last told the others, and when.
    said: Option<(Vec<String>, Timestamp)>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("held", &self.read(|ring| ring.names())).finish()
    }
}

impl Ring {
    fn find(&self, id: &[u8]) -> Option<&(Fingerprint, Key)> {
        self.held.iter().find(|(known, _)| known.starts_with(id) && !id.is_empty())
    }
    fn active(&self) -> Result<&(Fingerprint, Key)> {
        let active = self.active.and_then(|id| self.find(&id)).or(self.held.first());
        active.ok_or_else(|| Error::unavailable("this installation has no master key"))
    }
    /// The fingerprints in hexadecimal, the one that seals first.
    fn names(&self) -> Vec<String> {
        let active = self.active().ok().map(|(id, _)| *id);
        let others = self.held.iter().map(|(id, _)| *id).filter(|id| Some(*id) != active);
        active.into_iter().chain(others).map(|id| hex(&id)).collect()
    }
}

/// In hexadecimal.
fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn fingerprint(key: &Key) -> Fingerprint {
    Sha256::new().chain_update(PROOF).chain_update(key.expose()).finalize().into()
}

/// How what is sealed with this key begins.
fn beginning(id: &[u8]) -> [u8; BEGINNING] {
    let mut begins = [NAMED; BEGINNING];
    for (to, from) in begins[1..].iter_mut().zip(id) {
        *to = *from;
    }
    begins
}

impl Keys {
    /// Without a master key, nothing can be sealed or opened.
    pub fn none() -> Self {
        Self::default()
    }
    /// With this master key.
    pub fn new(master: Key) -> Self {
        let ring = Ring { held: vec![(fingerprint(&master), master)], ..Ring::default() };
        Self { ring: Arc::new(RwLock::new(ring)), source: None }
    }
    /// With the master key that is written so: 32 bytes as 64 hexadecimal digits or in base64.
    ///
    /// # Errors
    /// `Invalid`, saying what is allowed, and nothing of the text.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        let digits = |at: usize| text.get(2 * at..2 * at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
        let bytes = if text.len() == 2 * KEY_BYTES && text.bytes().all(|b| b.is_ascii_hexdigit()) {
            (0..KEY_BYTES).map(digits).collect::<Option<Vec<u8>>>()
        } else {
            STANDARD.decode(text).ok()
        };
        let key: Option<[u8; KEY_BYTES]> = bytes.and_then(|bytes| bytes.try_into().ok());
        key.map(|key| Self::new(Key::new(key)))
            .ok_or_else(|| Error::invalid("a master key is 32 bytes, written as 64 hexadecimal digits or in base64"))
    }
    /// A fresh master key, as it is written.
    pub fn generate(entropy: &dyn Entropy) -> String {
        hex(Key::random(entropy).expose())
    }
    /// The same keyring, which asks there for further keys when it is told to look.
    #[must_use]
    pub fn with_source(mut self, source: Source) -> Self {
        self.source = Some(source);
        self
    }
    /// Takes the keys of another keyring in. They open from now on; which one seals is not changed.
    pub fn learn(&self, other: &Self) {
        let more = other.read(|ring| ring.held.clone());
        self.write(|ring| {
            for key in more {
                if ring.find(&key.0).is_none() {
                    ring.held.push(key);
                }
            }
        });
    }
    /// Looks for further keys where they come from.
    fn reload(&self) -> Result<()> {
        if let Some(source) = &self.source {
            self.learn(&source()?);
        }
        Ok(())
    }
    fn read<T>(&self, look: impl FnOnce(&Ring) -> T) -> T {
        look(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }
    fn write<T>(&self, change: impl FnOnce(&mut Ring) -> T) -> T {
        change(&mut self.ring.write().unwrap_or_else(PoisonError::into_inner))
    }
    fn active(&self) -> Result<(Fingerprint, Key)> {
        self.read(|ring| ring.active().cloned())
    }
    /// A fresh key for this owner, in clear and wrapped.
    ///
    /// # Errors
    /// `Unavailable` without a master key.
    pub fn fresh(&self, owner: &[u8], entropy: &dyn Entropy) -> Result<(Key, Vec<u8>)> {
        let key = Key::random(entropy);
        let wrapped = self.seal(owner, key.expose(), entropy)?;
        Ok((key, wrapped))
    }
    /// The key of this owner that was wrapped.
    ///
    /// # Errors
    /// `Internal` if it does not open: the database and the master key do not belong together.
    pub fn unwrap(&self, owner: &[u8], wrapped: &[u8]) -> Result<Key> {
        let bytes: Result<[u8; KEY_BYTES], _> = self.open(owner, wrapped)?.try_into();
        bytes.map(Key::new).map_err(|_| Error::internal("a wrapped key has another length"))
    }
    /// Seals something that has no key of its own with the master key.
    ///
    /// # Errors
    /// `Unavailable` without a master key.
    pub fn seal(&self, owner: &[u8], clear: &[u8], entropy: &dyn Entropy) -> Result<Vec<u8>> {
        seal_with(&self.active()?, owner, clear, entropy)
    }
    /// Opens what [`Keys::seal`] sealed, with whichever key it was.
    ///
    /// # Errors
    /// `Internal` if it does not open; `Unavailable` without a master key.
    pub fn open(&self, owner: &[u8], sealed: &[u8]) -> Result<Vec<u8>> {
        let wrong = || Error::internal("something sealed with the master key does not open with any that is here");
        self.active()?;
        self.read(|ring| match sealed.split_at_checked(BEGINNING) {
            Some(([NAMED, id @ ..], inner)) => {
                let (_, key) = ring.find(id).ok_or_else(wrong)?;
                envelope::open(key, owner, inner).map_err(|_| wrong())
            }
            // As it was before keys had names.
            _ => ring.held.iter().find_map(|(_, key)| envelope::open(key, owner, sealed).ok()).ok_or_else(wrong),
        })
    }
    /// What was sealed for this owner, with the key that seals now. What is kept for long is sealed within the transaction
    /// that keeps it, so that nothing is sealed with a key that another server has just replaced.
    ///
    /// # Errors
    /// As [`Keys::open`]; `Unavailable` where the key that seals now is not here.
    pub fn current(&self, tx: &mut dyn Tx, owner: &[u8], sealed: &[u8], entropy: &dyn Entropy) -> Result<Vec<u8>> {
        match store::hold(tx)? {
            Some(state) => {
                self.resealed(&state.active, owner, sealed, entropy).map(|new| new.unwrap_or(sealed.to_vec()))
            }
            None => Ok(sealed.to_vec()),
        }
    }
    /// The same, sealed with the key of this fingerprint; none if it is already.
    fn resealed(&self, id: &[u8], owner: &[u8], sealed: &[u8], entropy: &dyn Entropy) -> Result<Option<Vec<u8>>> {
        if sealed.starts_with(&beginning(id)) {
            return Ok(None);
        }
        let key = self.read(|ring| ring.find(id).cloned());
        let key = key.ok_or_else(|| {
            Error::unavailable(
                "the master key is being changed, and the new one is not here: set PILEUS_MASTER_KEY_NEW",
            )
        })?;
        let clear = pileus_model::Secret::new(self.open(owner, sealed)?);
        seal_with(&key, owner, clear.expose(), entropy).map(Some)
    }
    /// A further key for this purpose: always the same for the same installation, and of no use for another purpose.
    ///
    /// # Errors
    /// `Unavailable` without a master key.
    pub fn derive(&self, purpose: &[u8]) -> Result<[u8; 32]> {
        let (_, master) = self.active()?;
        let root = self.read(|ring| ring.root.clone()).unwrap_or(master);
        let key = hmac::Key::new(hmac::HMAC_SHA256, root.expose());
        let tag = hmac::sign(&key, &[b"pileus derived key\0", purpose].concat());
        tag.as_ref().try_into().map_err(|_| Error::internal("a derived key has another length"))
    }
}

fn seal_with((id, key): &(Fingerprint, Key), owner: &[u8], clear: &[u8], entropy: &dyn Entropy) -> Result<Vec<u8>> {
    let mut sealed = beginning(id).to_vec();
    sealed.extend(envelope::seal(key, owner, clear, entropy)?);
    Ok(sealed)
}
