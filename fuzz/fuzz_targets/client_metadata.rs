//! Any JSON as the metadata of a client or an API, or as the claims of a user: what is accepted is the same when it is stored and
//! read again.
#![no_main]

use countersign_oauth::{ApiMetadata, ClientMetadata, Policy, StandardClaims};
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value};

fuzz_target!(|text: &[u8]| {
    let Ok(object) = serde_json::from_slice::<Map<String, Value>>(text) else {
        return;
    };
    if let Ok(client) = ClientMetadata::from_object(object.clone()) {
        let policy = Policy { native_schemes: &[] };
        let stored = serde_json::to_string(&client).expect("metadata is JSON");
        let again: ClientMetadata = serde_json::from_str(&stored).expect("what was stored is read again");
        assert_eq!(again, client);
        assert_eq!(again.validate(&policy), client.validate(&policy));
    }
    if let Ok(api) = serde_json::from_value::<ApiMetadata>(Value::Object(object.clone())) {
        let stored = serde_json::to_string(&api).expect("metadata is JSON");
        assert_eq!(
            serde_json::from_str::<ApiMetadata>(&stored).expect("what was stored is read again"),
            api
        );
    }
    if let Ok(claims) = StandardClaims::try_from(object) {
        let stored = serde_json::to_string(&claims).expect("claims are JSON");
        assert_eq!(
            serde_json::from_str::<StandardClaims>(&stored).expect("what was stored is read again"),
            claims
        );
    }
});
