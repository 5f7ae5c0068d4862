//! Any text as an access token: it is never believed, because nobody signed it.
#![no_main]

use countersign_fuzz::{ISSUER, NOW, verifying_key};
use countersign_jose::{Expectation, decode_without_verifying, verify_access_token};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|token: &str| {
    let audience = [ISSUER.to_owned()];
    let expect = Expectation {
        issuer: ISSUER,
        audience: &audience,
        now: NOW,
        leeway: 60,
    };
    assert!(verify_access_token(token, |_| Some(verifying_key()), &expect).is_err());
    let _ = decode_without_verifying(token);
});
