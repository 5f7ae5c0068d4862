//! DEFLATE in its ZLIB frame (RFC 1950), in both directions, and never further than to a limit.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::StatusListError;

/// Compresses the whole of `bytes`.
///
/// Level 5: a list is made anew at each revocation, and here the curve bends. With 10^6 entries of which one in a
/// hundred is revoked, it took 1 ms for 15.4 kB, where level 6 took 2.9 ms for 15.2 kB and level 9 took 47 ms for 13.4 kB;
/// level 1 took 0.2 ms for 28 kB (`benches/status_lists.rs` prints them all).
pub(super) fn compress(bytes: &[u8]) -> Vec<u8> {
    let mut compressor = Compress::new(Compression::new(5), true);
    let mut compressed = Vec::with_capacity(bytes.len() / 8 + 64);
    let mut read = 0;
    // It ends: each turn has room to write, and what is written is finite.
    while let Ok(Status::Ok | Status::BufError) =
        compressor.compress_vec(&bytes[read..], &mut compressed, FlushCompress::Finish)
    {
        read = usize::try_from(compressor.total_in()).unwrap_or(bytes.len());
        compressed.reserve(compressed.len().max(64));
    }
    compressed
}

/// Inflates one whole stream, of which there is no more than `limit` bytes and behind which there is nothing.
pub(super) fn inflate(compressed: &[u8], limit: usize) -> Result<Vec<u8>, StatusListError> {
    let mut inflater = Decompress::new(true);
    let mut bytes = Vec::with_capacity(compressed.len().saturating_mul(4).clamp(64, limit + 1));
    let mut read = 0;
    loop {
        // The stream's checksum (Adler-32) is verified where it ends.
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
            // There was room, so what it lacks is input.
            Status::Ok | Status::BufError if bytes.len() < bytes.capacity() => return Err(StatusListError::NotZlib),
            Status::Ok | Status::BufError => bytes.reserve_exact(bytes.len().min(limit + 1 - bytes.len())),
        }
    }
}
