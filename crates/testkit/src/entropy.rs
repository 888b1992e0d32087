//! Randomness that is the same in every run.

use pileus_model::entropy::Entropy;
use sha2::{Digest, Sha256};
use std::sync::atomic::{AtomicU64, Ordering};

/// SHA-256 over a seed and a counter: bytes that look random and never differ between runs, as long as they are asked
/// for in the same order.
#[derive(Debug)]
pub struct SeededEntropy {
    seed: u64,
    counter: AtomicU64,
}

impl SeededEntropy {
    /// The stream of this seed.
    pub const fn new(seed: u64) -> Self {
        Self { seed, counter: AtomicU64::new(0) }
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        for piece in buffer.chunks_mut(32) {
            let counter = self.counter.fetch_add(1, Ordering::SeqCst);
            let block =
                Sha256::new().chain_update(self.seed.to_be_bytes()).chain_update(counter.to_be_bytes()).finalize();
            piece.copy_from_slice(&block[..piece.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_repeat_and_differ() {
        let take = |seed| {
            let entropy = SeededEntropy::new(seed);
            let (mut a, mut b) = ([0; 40], [0; 3]);
            entropy.fill(&mut a);
            entropy.fill(&mut b);
            (a, b)
        };
        assert_eq!(take(1), take(1));
        assert_ne!(take(1), take(2));
        assert_ne!(take(1).0[..3], take(1).1);
    }
}
