//! gzip (RFC 1952): a stream written piece by piece as one member, and bounded reading of request bodies.
//!
//! One member only, since some clients stop after the first (`curl --compressed` before 8).

use bytes::Bytes;
use flate2::{Compress, Compression, FlushCompress, Status, bufread::MultiGzDecoder};
use pileus_model::{Error, Result};
use std::{collections::VecDeque, io::Read as _};

/// The size of the chunks that the encoder gives, in bytes; the last one and flushed ones are smaller.
pub const CHUNK: usize = 64 * 1024;

/// Deflate, no name, no time, the fastest algorithm, an unknown system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255];

/// What one step of the encoder asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Write,
    Flush,
    Finish,
}

/// Compresses a stream at level 1 into one member. Takes input in any pieces and gives chunks as they fill up. It holds
/// the compressor's state (some 300 KB) and what [`GzipEncoder::chunk`] was not yet asked for, so a caller who drains it
/// after each write holds no more than one write's output.
#[derive(Debug)]
pub struct GzipEncoder {
    deflate: Compress,
    checksum: crc32fast::Hasher,
    length: u32,
    full: VecDeque<Bytes>,
    open: Vec<u8>,
}

impl Default for GzipEncoder {
    fn default() -> Self {
        Self::new()
    }
}

impl GzipEncoder {
    /// A new stream.
    pub fn new() -> Self {
        let mut open = Vec::with_capacity(CHUNK);
        open.extend_from_slice(&HEADER);
        Self {
            deflate: Compress::new(Compression::fast(), false),
            checksum: crc32fast::Hasher::new(),
            length: 0,
            full: VecDeque::new(),
            open,
        }
    }

    /// Compresses this piece.
    ///
    /// # Errors
    /// `Internal`, if the compressor is broken.
    pub fn write(&mut self, input: &[u8]) -> Result<()> {
        self.checksum.update(input);
        // RFC 1952: the length modulo 2^32.
        self.length = self.length.wrapping_add(input.len() as u32);
        self.step(input, Step::Write)
    }

    /// The next full chunk, if there is one.
    pub fn chunk(&mut self) -> Option<Bytes> {
        self.full.pop_front()
    }

    /// Brings everything written so far out (a sync flush), so that a client can already read it. Costs compression:
    /// for the first bytes of a stream, and when its source pauses.
    ///
    /// # Errors
    /// As [`GzipEncoder::write`].
    pub fn flush(&mut self) -> Result<()> {
        self.step(&[], Step::Flush)?;
        self.seal();
        Ok(())
    }

    /// Ends the member and gives what is left.
    ///
    /// # Errors
    /// As [`GzipEncoder::write`].
    pub fn finish(mut self) -> Result<Vec<Bytes>> {
        self.step(&[], Step::Finish)?;
        let mut trailer = [0; 8];
        trailer[..4].copy_from_slice(&self.checksum.clone().finalize().to_le_bytes());
        trailer[4..].copy_from_slice(&self.length.to_le_bytes());
        self.open.extend_from_slice(&trailer);
        self.seal();
        Ok(self.full.into())
    }

    /// Runs the compressor until it has taken all input and given what the step asks for.
    fn step(&mut self, mut input: &[u8], step: Step) -> Result<()> {
        let flush = match step {
            Step::Write => FlushCompress::None,
            Step::Flush => FlushCompress::Sync,
            Step::Finish => FlushCompress::Finish,
        };
        loop {
            if self.open.len() == self.open.capacity() {
                self.seal();
            }
            let before = self.deflate.total_in();
            let status = self
                .deflate
                .compress_vec(input, &mut self.open, flush)
                .map_err(|error| Error::internal(format!("deflate: {error}")))?;
            let taken = usize::try_from(self.deflate.total_in() - before).unwrap_or(input.len());
            input = &input[taken..];
            let room = self.open.len() < self.open.capacity();
            let done = match step {
                Step::Write => input.is_empty(),
                Step::Flush => room,
                Step::Finish => status == Status::StreamEnd,
            };
            if done {
                return Ok(());
            }
            if room && taken == 0 {
                return Err(Error::internal("deflate makes no progress"));
            }
        }
    }

    /// Makes the open chunk a full one.
    fn seal(&mut self) {
        if !self.open.is_empty() {
            let chunk = std::mem::replace(&mut self.open, Vec::with_capacity(CHUNK));
            self.full.push_back(Bytes::from(chunk));
        }
    }
}

/// Decompresses a body of at most `max` bytes. Further members are part of it (RFC 1952 §2.2).
///
/// # Errors
/// `TooLarge` when it would become larger, `Invalid` when it is not gzip, is cut short, is damaged or has something else
/// behind its end.
pub fn inflate(bytes: &[u8], max: usize) -> Result<Vec<u8>> {
    let limit = u64::try_from(max).unwrap_or(u64::MAX).saturating_add(1);
    let mut out = Vec::new();
    MultiGzDecoder::new(bytes).take(limit).read_to_end(&mut out).map_err(|error| {
        Error::invalid("the body is not valid gzip, although Content-Encoding says so").with_detail(error.to_string())
    })?;
    if out.len() > max {
        return Err(Error::too_large(format!("the body is too large after decompression: at most {max} bytes")));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{bufread::GzDecoder, read::GzEncoder};
    use pileus_model::ErrorKind;
    use proptest::prelude::*;

    fn all(mut encoder: GzipEncoder, chunks: &mut Vec<Bytes>) -> Result<()> {
        chunks.extend(std::iter::from_fn(|| encoder.chunk()));
        chunks.extend(encoder.finish()?);
        Ok(())
    }

    /// Reads exactly one member and says what is behind it.
    fn one_member(bytes: &[u8]) -> std::io::Result<(Vec<u8>, usize)> {
        let mut decoder = GzDecoder::new(bytes);
        let mut out = Vec::new();
        decoder.read_to_end(&mut out)?;
        Ok((out, decoder.into_inner().len()))
    }

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        // Reading from a slice cannot fail.
        let _ = GzEncoder::new(plain, Compression::fast()).read_to_end(&mut out);
        out
    }

    fn noise(len: usize) -> Vec<u8> {
        let mut state = 1u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        };
        (0..len).map(|_| next()).collect()
    }

    #[test]
    fn chunks_have_their_size_and_nothing_is_held_back() -> Result<()> {
        let plain = noise(1_000_000);
        let mut encoder = GzipEncoder::new();
        let mut chunks = Vec::new();
        let mut sent = 0;
        for piece in plain.chunks(10_000) {
            encoder.write(piece)?;
            while let Some(chunk) = encoder.chunk() {
                assert_eq!(chunk.len(), CHUNK);
                sent += chunk.len();
                chunks.push(chunk);
            }
        }
        assert!(sent > 700_000, "noise does not shrink, so most of it must be out: {sent}");
        all(encoder, &mut chunks)?;
        assert_eq!(one_member(&chunks.concat()).map_err(|e| Error::internal(e.to_string()))?, (plain, 0));
        Ok(())
    }

    #[test]
    fn a_flush_makes_what_was_written_readable() -> Result<()> {
        let mut encoder = GzipEncoder::new();
        encoder.write(b"Timestamp,Name\n")?;
        assert!(encoder.chunk().is_none());
        encoder.flush()?;
        let first = encoder.chunk().ok_or_else(|| Error::internal("no chunk"))?;
        let mut decoder = GzDecoder::new(&*first);
        let mut read = [0; 15];
        decoder.read_exact(&mut read).map_err(|e| Error::internal(e.to_string()))?;
        assert_eq!(&read, b"Timestamp,Name\n");
        Ok(())
    }

    #[test]
    fn an_empty_stream_is_a_member() -> Result<()> {
        let bytes = GzipEncoder::new().finish()?.concat();
        assert_eq!(bytes[..4], [0x1f, 0x8b, 8, 0]);
        assert_eq!(inflate(&bytes, 0)?, b"");
        Ok(())
    }

    #[test]
    fn bodies_are_bounded_and_whole() -> Result<()> {
        let kind = |bytes: &[u8], max| inflate(bytes, max).err().map(|e| e.kind());
        let bomb = gzip(&vec![0; 10_000_000]);
        assert!(bomb.len() < 100_000);
        assert_eq!(kind(&bomb, 1_000_000), Some(ErrorKind::TooLarge));
        assert_eq!(kind(&bomb, 9_999_999), Some(ErrorKind::TooLarge));
        assert_eq!(kind(&bomb, 10_000_000), None);

        let good = gzip(b"{\"name\":\"x\"}");
        assert_eq!(inflate(&[good.clone(), good.clone()].concat(), 100)?, b"{\"name\":\"x\"}{\"name\":\"x\"}");
        for bad in [
            b"".to_vec(),
            b"{}".to_vec(),
            good[..good.len() - 1].to_vec(),
            good[..12].to_vec(),
            [&good[..], b"x"].concat(),
            [&good[..], &[0; 16]].concat(),
            good.iter().enumerate().map(|(i, b)| if i == good.len() - 6 { b ^ 1 } else { *b }).collect(),
        ] {
            assert_eq!(kind(&bad, 100), Some(ErrorKind::Invalid), "{bad:?}");
        }
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn any_pieces_come_back(pieces in proptest::collection::vec((
            prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..200),
                (0usize..150_000).prop_map(noise),
                (0usize..150_000).prop_map(|len| b"2021-04-11T23:51:45Z,".iter().copied().cycle().take(len).collect()),
            ],
            any::<bool>(),
        ), 0..6)) {
            let mut encoder = GzipEncoder::new();
            let mut chunks = Vec::new();
            for (piece, flush) in &pieces {
                prop_assert!(encoder.write(piece).is_ok());
                if *flush {
                    prop_assert!(encoder.flush().is_ok());
                }
                chunks.extend(std::iter::from_fn(|| encoder.chunk()));
            }
            prop_assert!(all(encoder, &mut chunks).is_ok());
            prop_assert!(chunks.iter().all(|c| !c.is_empty() && c.len() <= CHUNK + 8));
            let plain: Vec<u8> = pieces.into_iter().flat_map(|(piece, _)| piece).collect();
            let read = one_member(&chunks.concat());
            prop_assert!(read.is_ok());
            if let Ok((read, behind)) = read {
                prop_assert_eq!(behind, 0);
                prop_assert!(read == plain);
            }
        }

        #[test]
        fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = inflate(&bytes, 1000);
        }
    }
}
