//! Any payload as a status list with a valid signature, and any bytes as its compressed bits.
#![no_main]

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_fuzz::{ISSUER, NOW, signed, verifying_key};
use countersign_jose::{MAX_STATUS_LIST_BYTES, Present, StatusListClaims, StatusListExpectation, verify};
use libfuzzer_sys::fuzz_target;
use serde_json::json;

fuzz_target!(|bytes: &[u8]| {
    let uri = format!("{ISSUER}/oauth2/status-lists/1");
    let expect = StatusListExpectation {
        issuer: ISSUER,
        uri: &uri,
        present: Present { now: NOW, leeway: 60 },
    };
    let bits = bytes.first().copied().unwrap_or(1);
    let whole = json!({
        "iss": ISSUER, "sub": uri, "iat": NOW, "exp": NOW + 3600, "ttl": 60,
        "status_list": { "bits": bits, "lst": URL_SAFE_NO_PAD.encode(bytes.get(1..).unwrap_or_default()) },
    });
    for payload in [bytes, whole.to_string().as_bytes()] {
        let token = signed("statuslist+jwt", payload);
        if let Ok(claims) = verify::<StatusListClaims>(&token, |_| Some(verifying_key().clone()), &expect) {
            let list = &claims.status_list;
            assert!(list.bytes().len() <= MAX_STATUS_LIST_BYTES);
            let entries = u64::try_from(list.entries()).expect("a list is not that long");
            assert!(list.status(entries).is_none());
            assert!(entries == 0 || list.status(entries - 1).is_some());
        }
    }
});
