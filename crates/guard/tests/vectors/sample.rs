//! The valid token and the valid lists that the table's entries modify.

use serde_json::{Value, json};

pub(crate) const ISSUER: &str = "https://auth.example.com";
pub(crate) const AUDIENCE: &str = "https://api.example.com";
pub(crate) const CLIENT: &str = "billing";
pub(crate) const NOW: i64 = 1_800_000_000;
pub(crate) const LEEWAY: u32 = 30;
/// 2^17 entries of one bit.
pub(crate) const FIRST_LIST: &str = "https://auth.example.com/oauth2/status-lists/1";
/// The draft's example with two bits.
pub(crate) const SECOND_LIST: &str = "https://auth.example.com/oauth2/status-lists/2";

pub(crate) fn claims() -> Value {
    json!({
        "iss": ISSUER,
        "sub": "01980000-0000-7000-8000-000000000001",
        "aud": AUDIENCE,
        "exp": NOW + 1_296_000,
        "iat": NOW,
        "jti": "01980000-0000-7000-8000-000000000002",
        "client_id": "countersign",
        "sid": "01980000-0000-7000-8000-000000000003",
        "scope": "products:read products:write",
        "auth_time": NOW,
        "amr": ["pwd"],
        "status": status(json!(4711), FIRST_LIST),
    })
}

/// The claims of a client that acts for itself (RFC 9068 §2.2): no user signed in.
pub(crate) fn client_claims() -> Value {
    json!({
        "iss": ISSUER,
        "sub": CLIENT,
        "aud": AUDIENCE,
        "exp": NOW + 600,
        "iat": NOW,
        "jti": "01980000-0000-7000-8000-000000000004",
        "client_id": CLIENT,
        "scope": "products:read products:write",
        "status": status(json!(4711), FIRST_LIST),
    })
}

pub(crate) fn status(idx: Value, uri: &str) -> Value {
    json!({ "status_list": { "idx": idx, "uri": uri } })
}

/// The claims of a list with this array.
pub(crate) fn list_claims(uri: &str, array: Value) -> Value {
    list_claims_at(NOW, uri, array)
}

pub(crate) fn list_claims_at(now: i64, uri: &str, array: Value) -> Value {
    json!({
        "iss": ISSUER, "sub": uri, "iat": now, "exp": now + 3600, "ttl": 30, "version": 7, "status_list": array,
    })
}
