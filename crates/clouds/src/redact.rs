//! What must not be kept, and what stands in its place.

use zeroize::Zeroizing;

/// The key of the fingerprints. `Debug` does not show it.
#[derive(Clone)]
pub struct RedactionKey(Zeroizing<[u8; 32]>);

impl RedactionKey {
    /// This key.
    pub fn new(key: [u8; 32]) -> Self {
        Self(Zeroizing::new(key))
    }
}

impl std::fmt::Debug for RedactionKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[secret]")
    }
}
