//! Any payload with a valid signature: accepted claims satisfy RFC 9068.
#![no_main]

use countersign_fuzz::{ISSUER, NOW, signed, verifying_key};
use countersign_jose::{AccessTokenClaims, AccessTokenExpectation, Present, Subject, verify};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|payload: &[u8]| {
    let audience = [ISSUER.to_owned()];
    let expect = AccessTokenExpectation {
        issuer: ISSUER,
        audience: &audience,
        present: Present { now: NOW, leeway: 60 },
    };
    let Ok(claims) =
        verify::<AccessTokenClaims>(&signed("at+jwt", payload), |_| Some(verifying_key().clone()), &expect)
    else {
        return;
    };
    // Another parser reads the same.
    let read: Value = serde_json::from_slice(payload).expect("what is believed is JSON");
    assert_eq!(read["iss"], claims.iss.as_str());
    assert_eq!(claims.iss, ISSUER);
    let sub = read["sub"].as_str().expect("what is believed has a subject");
    match &claims.sub {
        Subject::Client(client) => {
            assert_eq!((sub, &read["client_id"]), (client.as_str(), &read["sub"]));
            assert!(read.get("sid").is_none() && read.get("auth_time").is_none() && read.get("amr").is_none());
        }
        account => assert_eq!(sub.to_ascii_lowercase(), account.to_string()),
    }
    assert_eq!(
        read["exp"].as_f64(),
        Some(Value::from(claims.exp).as_f64().unwrap_or_default())
    );
    assert!(claims.exp + 60 > NOW && claims.iat <= NOW + 60);
    assert!(claims.aud.iter().any(|aud| aud == ISSUER));
});
