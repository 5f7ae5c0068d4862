//! Forged tokens: one for each way in which a token can be invalid. Every verifier must reject each of them.
//!
//! Other tests include this file with `#[path]`. It needs `aws-lc-rs`, `base64`, `countersign-jose`, `serde_json`. All
//! tokens except the one of a megabyte are valid HTTP header values: no control characters, no space at either end.

mod forge;
mod forged_claims;
mod forged_headers;
mod forged_signatures;
mod forged_texts;

use countersign_jose::SigningKey;
use serde_json::Value;

use self::forge::Forge;

/// Its name, which begins with the line of the threat list that it covers; the error code of our own verifier; the
/// token.
pub(crate) type Forged = (&'static str, &'static str, String);

/// Every forgery of a token that `key` signs with `claims`, which must be valid: all claims of an access token, with
/// the current time as `iat`.
pub(crate) fn forged_tokens(key: &SigningKey, claims: &Value) -> Vec<Forged> {
    let forge = Forge::new(key, claims);
    let tables = [
        forged_headers::algorithms(&forge),
        forged_headers::confusions(&forge),
        forged_signatures::signatures(&forge),
        forged_headers::embedded_keys(&forge),
        forged_headers::header_requests(&forge),
        forged_headers::key_names(&forge),
        forged_texts::shapes(&forge),
        forged_headers::encryption(&forge),
        forged_claims::times(&forge),
        forged_claims::parties(&forge),
        forged_headers::kinds(&forge),
        forged_signatures::foreign_keys(&forge),
        forged_texts::sizes(&forge),
        forged_texts::json(&forge),
        forged_claims::missing_claims(&forge),
        forged_claims::states(&forge),
    ];
    tables.into_iter().flatten().collect()
}
