//! Shared by several targets: a published key, so that a target gets past the signature check.

use std::sync::LazyLock;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_jose::{Jwk, VerifyingKey};
use serde_json::json;

/// The `iss` and `aud` that the targets expect.
pub const ISSUER: &str = "https://auth.example.com";
/// The time at which they verify.
pub const NOW: i64 = 1_800_000_000;

static KEY: LazyLock<(EcdsaKeyPair, VerifyingKey)> = LazyLock::new(|| {
    // The private key of RFC 7515 A.3.
    let (x, y, d) = (
        "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI",
    );
    let bits = |text: &str| URL_SAFE_NO_PAD.decode(text).expect("RFC 7515 holds base64url");
    let public = [vec![4], bits(x), bits(y)].concat();
    let pair = EcdsaKeyPair::from_private_key_and_public_key(&ECDSA_P256_SHA256_FIXED_SIGNING, &bits(d), &public)
        .expect("RFC 7515 holds a key");
    debug_assert_eq!(pair.public_key().as_ref(), public);
    let jwk: Jwk = serde_json::from_value(json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y })).expect("a JWK");
    (pair, VerifyingKey::from_jwk(&jwk).expect("a key"))
});

/// The key that verifies what [`signed`] signs.
pub fn verifying_key() -> &'static VerifyingKey {
    &KEY.1
}

/// A token of this type with exactly these bytes as its payload.
#[expect(
    clippy::disallowed_methods,
    reason = "a fuzzer has no Platform whose SecureRandom it could ask"
)]
pub fn signed(typ: &str, payload: &[u8]) -> String {
    let header = json!({ "alg": "ES256", "typ": typ, "kid": verifying_key().kid() }).to_string();
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let signature = KEY
        .0
        .sign(&SystemRandom::new(), message.as_bytes())
        .expect("signing works");
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
}
