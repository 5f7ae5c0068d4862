//! Any text as an access token: it is always rejected, because it is not signed.
#![no_main]

use countersign_fuzz::{ISSUER, NOW, verifying_key};
use countersign_jose::{AccessTokenClaims, AccessTokenExpectation, Present, decode_without_verifying, verify};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|token: &str| {
    let audience = [ISSUER.to_owned()];
    let expect = AccessTokenExpectation {
        issuer: ISSUER,
        audience: &audience,
        present: Present { now: NOW, leeway: 60 },
    };
    assert!(verify::<AccessTokenClaims>(token, |_| Some(verifying_key().clone()), &expect).is_err());
    let _ = decode_without_verifying(token);
});
