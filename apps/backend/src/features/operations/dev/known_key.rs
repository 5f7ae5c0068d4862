//! A public, fixed key pair, so that a recorded token stays valid.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The private key is the SHA-256 of this. It is not secret, and its signatures prove nothing.
const SEED: &[u8] = b"countersign dev: the key that everybody knows, version 1";
const LABEL: &str = "EC PRIVATE KEY";

// RFC 5915: ECPrivateKey { version 1, privateKey OCTET STRING (32 bytes), parameters [0] prime256v1 }
const BEFORE: &[u8] = &[0x30, 0x31, 0x02, 0x01, 0x01, 0x04, 0x20];
const BEHIND: &[u8] = &[0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

/// Returns the key as the file `private.pem` of a keys folder.
pub(crate) fn known_key() -> String {
    let scalar = digest(&SHA256, SEED);
    let der = [BEFORE, scalar.as_ref(), BEHIND].concat();
    format!(
        "-----BEGIN {LABEL}-----\n{}\n-----END {LABEL}-----\n",
        STANDARD.encode(der)
    )
}

#[cfg(test)]
mod tests {
    use countersign_jose::SigningKey;

    use super::*;

    #[test]
    fn everybody_knows_the_same_key() {
        let key = SigningKey::from_pem(known_key().as_bytes(), None).unwrap();
        insta::assert_snapshot!(key.kid(), @"XkLK7YON_AojoJmS3PhhRBtn2h9mlibrlK3pgeTFG_w");
    }
}
