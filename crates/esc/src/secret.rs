//! Secrets in a document: the envelope of a ciphertext, and the two ways between `fn::secret`'s forms.
//!
//! This room knows the envelope and which bytes of a text to replace. It must never know keys: `host` has the traits.

use crate::gotext;

const MAGIC: &[u8; 4] = b"escx";
const VERSION: u32 = 1;

/// Puts the inner bytes of a ciphertext into their envelope: magic, version, bytes, checksum; in base64.
#[must_use]
pub fn envelope(inner: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(inner.len() + 12);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&VERSION.to_be_bytes());
    bytes.extend_from_slice(inner);
    bytes.extend_from_slice(&crc32fast::hash(&bytes).to_be_bytes());
    gotext::encode_base64(&bytes)
}

/// Takes the inner bytes out of their envelope.
///
/// # Errors
/// What is wrong with the envelope.
pub fn open_envelope(text: &str) -> Result<Vec<u8>, String> {
    let bytes = gotext::decode_base64(text)?;
    if bytes.len() < 16 {
        return Err("EOF".into());
    }
    if bytes[..4] != *MAGIC {
        return Err("invalid header".into());
    }
    let (sealed, checksum) = bytes.split_at(bytes.len() - 4);
    if crc32fast::hash(sealed).to_be_bytes() != checksum {
        return Err("invalid checksum".into());
    }
    if sealed[4..8] != VERSION.to_be_bytes() {
        return Err("unsupported version".into());
    }
    Ok(sealed[8..].to_vec())
}
