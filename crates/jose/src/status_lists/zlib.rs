//! DEFLATE in the ZLIB format (RFC 1950), in both directions and up to a size limit.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::StatusListError;

/// Compresses all of `bytes`.
///
/// Level 5, because a list is signed again at each revocation and higher levels cost much more time for little gain.
/// With 10^6 entries, 1% of them revoked, it took 1 ms for 15.4 kB; level 6 took 2.9 ms for 15.2 kB, level 9 took 47 ms
/// for 13.4 kB, and level 1 took 0.2 ms for 28 kB (`benches/status_lists.rs` prints them all).
pub(super) fn compress(bytes: &[u8]) -> Vec<u8> {
    let mut compressor = Compress::new(Compression::new(5), true);
    let mut compressed = Vec::with_capacity(bytes.len() / 8 + 64);
    let mut read = 0;
    // The loop ends because each iteration has room to write, and the output is finite.
    while let Ok(Status::Ok | Status::BufError) =
        compressor.compress_vec(&bytes[read..], &mut compressed, FlushCompress::Finish)
    {
        read = usize::try_from(compressor.total_in()).unwrap_or(bytes.len());
        compressed.reserve(compressed.len().max(64));
    }
    compressed
}

/// Inflates exactly one complete stream of at most `limit` bytes, with nothing after it.
pub(super) fn inflate(compressed: &[u8], limit: usize) -> Result<Vec<u8>, StatusListError> {
    let mut inflater = Decompress::new(true);
    let mut bytes = Vec::with_capacity(compressed.len().saturating_mul(4).clamp(64, limit + 1));
    let mut read = 0;
    loop {
        // The checksum (Adler-32) is verified at the end of the stream.
        let status = inflater
            .decompress_vec(&compressed[read..], &mut bytes, FlushDecompress::Finish)
            .map_err(|_| StatusListError::NotZlib)?;
        read = usize::try_from(inflater.total_in()).map_err(|_| StatusListError::TooLarge)?;
        if bytes.len() > limit {
            return Err(StatusListError::TooLarge);
        }
        match status {
            Status::StreamEnd if read == compressed.len() => return Ok(bytes),
            Status::StreamEnd => return Err(StatusListError::TrailingBytes),
            // There was room for output, so input is missing.
            Status::Ok | Status::BufError if bytes.len() < bytes.capacity() => return Err(StatusListError::NotZlib),
            Status::Ok | Status::BufError => bytes.reserve_exact(bytes.len().min(limit + 1 - bytes.len())),
        }
    }
}
