//! Any JSON as a key or a key set: a valid key can be written and read again.
#![no_main]

use countersign_jose::{Jwk, JwkSet, VerifyingKey};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    let _ = serde_json::from_slice::<JwkSet>(text);
    if let Ok(jwk) = serde_json::from_slice::<Jwk>(text)
        && let Ok(key) = VerifyingKey::from_jwk(&jwk)
    {
        let again = VerifyingKey::from_jwk(&key.to_jwk()).expect("what we write, we read");
        assert!(again == key);
        let pem = VerifyingKey::from_spki_pem(key.to_spki_pem().as_bytes()).expect("what we write, we read");
        assert!(pem == key);
    }
});
