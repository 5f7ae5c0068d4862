//! Any file as a private, a public or a symmetric key.
#![no_main]

use countersign_jose::{SigningKey, SymmetricKey, VerifyingKey};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|file: &[u8]| {
    if let Ok(key) = VerifyingKey::from_spki_pem(file) {
        assert!(VerifyingKey::from_spki_pem(key.to_spki_pem().as_bytes()).is_ok_and(|again| again == key));
    }
    // The file of an encrypted key determines the work, so the longest run of digits is kept short.
    for passphrase in [None, Some(&b"a passphrase"[..])] {
        if let Ok(key) = SigningKey::from_pem(file, passphrase) {
            assert_eq!(key.kid(), key.verifying_key().kid());
        }
        if let Ok(key) = SymmetricKey::from_pem(file, passphrase) {
            let again = key
                .to_pem(None)
                .and_then(|pem| SymmetricKey::from_pem(pem.as_bytes(), None));
            assert!(again.is_ok_and(|again| again.expose() == key.expose()));
        }
    }
});
