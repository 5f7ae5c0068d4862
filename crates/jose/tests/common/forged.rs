//! Forged tokens: one for each way in which a token can be no token of ours. Each must be refused, whoever verifies.
//!
//! Other tests include this file with `#[path]`. It needs `aws-lc-rs`, `base64`, `countersign-jose`, `serde_json`. Every
//! token but the one of a megabyte fits into an HTTP header as it is: no control characters, no space at either end.

mod forge;
mod forged_claims;
mod forged_headers;
mod forged_signatures;
mod forged_texts;

use countersign_jose::SigningKey;
use serde_json::Value;

use self::forge::Forge;

/// Its name, beginning with the line of the threat list that it belongs to; the code with which our own verifier
/// refuses it; the token.
pub(crate) type Forged = (&'static str, &'static str, String);

/// Every forgery of a token that `key` signs and that says `claims`, which must be good: all claims of an access token,
/// `iat` at the present.
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
