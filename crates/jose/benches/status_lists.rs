//! Compressing, signing and verifying a status list: `cargo bench -p countersign-jose --bench status_lists`.
//! Prints bytes and milliseconds (the fastest of several) for each level of ZLIB, each size, each share of revoked tokens.
#![expect(clippy::print_stdout, reason = "it prints what it measured")]

use std::hint::black_box;
use std::io::Write;
use std::time::Instant;

use countersign_jose::{Present, SigningKey, StatusList, StatusListClaims, StatusListExpectation, TokenType, verify};
use flate2::Compression;
use flate2::write::ZlibEncoder;

const ROUNDS: usize = 15;
const URI: &str = "https://id.example.com/oauth2/status-lists/1";

fn main() {
    for entries in [1 << 17, 1_000_000] {
        for per_mille in [0, 1, 10, 100, 500] {
            let list = list(entries, per_mille);
            println!("{entries} entries, {per_mille} ‰ revoked");
            for level in [1, 2, 3, 4, 5, 6, 7, 8, 9] {
                let (time, bytes) = fastest(|| compressed(level, list.bytes()).len());
                println!("  level {level}: {bytes:7} bytes, {time:8.3} ms");
            }
            whole(list);
        }
    }
}

fn whole(list: StatusList) {
    let key = SigningKey::generate().expect("the system has randomness");
    let claims = StatusListClaims {
        iss: "https://id.example.com".to_owned(),
        sub: URI.to_owned(),
        iat: 1_800_000_000,
        exp: 1_800_003_600,
        ttl: 30,
        version: 1,
        status_list: list,
    };
    let expect = StatusListExpectation {
        issuer: &claims.iss,
        uri: URI,
        present: Present {
            now: claims.iat,
            leeway: 0,
        },
    };
    let (signing, token) = fastest(|| key.sign(TokenType::STATUS_LIST, &claims).expect("it signs"));
    let (verifying, _) = fastest(|| {
        verify::<StatusListClaims>(&token, |_| Some(key.verifying_key().clone()), &expect).expect("it is good")
    });
    println!(
        "  whole:   {:7} bytes, {signing:8.3} ms to sign, {verifying:.3} ms to verify",
        token.len()
    );
}

/// Revoked tokens are spread evenly, as the server assigns indexes.
fn list(entries: usize, per_mille: u64) -> StatusList {
    let mut list = StatusList::with_capacity(entries).expect("it is not that large");
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for idx in 0..entries as u64 {
        // SplitMix64 is random enough for this.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut dice = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        dice = (dice ^ (dice >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        if (dice ^ (dice >> 31)) % 1000 < per_mille {
            assert!(list.set(idx));
        }
    }
    list
}

fn compressed(level: u32, bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(level));
    encoder
        .write_all(bytes)
        .and_then(|()| encoder.finish())
        .expect("memory does not fail")
}

fn fastest<T>(mut work: impl FnMut() -> T) -> (f64, T) {
    let mut best = f64::MAX;
    let mut result = None;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        result = Some(black_box(work()));
        best = best.min(start.elapsed().as_secs_f64() * 1e3);
    }
    (best, result.expect("there is a round"))
}
