//! Missing, malformed or inapplicable claims with a valid signature.

use serde_json::{Value, json};

use super::Forged;
use super::forge::Forge;

const DAY: i64 = 86_400;

pub(super) fn times(forge: &Forge<'_>) -> Vec<Forged> {
    let now = forge.claims["iat"].as_i64().unwrap();
    let with = |name: &str, value: Value| forge.claiming(name, value);
    let raw = |name: &str, value: &str| forge.sign_texts(&forge.header.to_string(), &forge.raw_claim(name, value));
    const NO_DATE: &str = "claim_not_numeric_date";
    vec![
        ("R-9 exp past", "expired", with("exp", json!(now - DAY))),
        ("R-9 exp zero", "expired", with("exp", json!(0))),
        ("R-9 exp missing", "claim_missing", forge.without("exp")),
        ("R-9 exp null", NO_DATE, with("exp", Value::Null)),
        ("R-9 exp a string", NO_DATE, with("exp", json!((now + DAY).to_string()))),
        ("R-9 exp a boolean", NO_DATE, with("exp", json!(true))),
        ("R-9 exp a list", NO_DATE, with("exp", json!([now + DAY]))),
        ("R-9 exp an object", NO_DATE, with("exp", json!({}))),
        ("R-9 exp negative", NO_DATE, with("exp", json!(-1))),
        ("R-9 exp a negative fraction", NO_DATE, with("exp", json!(-0.5))),
        ("R-9 exp beyond exactness", NO_DATE, with("exp", json!(1_u64 << 53))),
        ("R-9 exp u64", NO_DATE, with("exp", json!(u64::MAX))),
        ("R-9 exp 1e300", NO_DATE, raw("exp", "1e300")),
        ("R-9 exp 1e400", "number_not_finite", raw("exp", "1e400")),
        ("R-9 exp Infinity", "not_json", raw("exp", "Infinity")),
        ("R-9 exp NaN", "not_json", raw("exp", "NaN")),
        ("R-9 nbf a string", NO_DATE, with("nbf", json!(now.to_string()))),
        ("R-9 nbf null", NO_DATE, with("nbf", Value::Null)),
        ("R-9 nbf negative", NO_DATE, with("nbf", json!(-1))),
        ("R-9 nbf 1e400", "number_not_finite", raw("nbf", "1e400")),
        ("R-9 iat missing", "claim_missing", forge.without("iat")),
        ("R-9 iat a string", NO_DATE, with("iat", json!(now.to_string()))),
        ("R-9 iat null", NO_DATE, with("iat", Value::Null)),
        ("R-9 auth_time a string", NO_DATE, with("auth_time", json!("today"))),
        ("R-10 nbf to come", "not_yet_valid", with("nbf", json!(now + DAY))),
        (
            "R-10 iat to come",
            "issued_in_the_future",
            with("iat", json!(now + DAY)),
        ),
    ]
}

pub(super) fn parties(forge: &Forge<'_>) -> Vec<Forged> {
    let iss = forge.claims["iss"].as_str().unwrap();
    let aud = match &forge.claims["aud"] {
        Value::Array(several) => several[0].as_str().unwrap(),
        one => one.as_str().unwrap(),
    };
    let with = |name: &str, value: Value| forge.claiming(name, value);
    vec![
        (
            "R-11 iss other",
            "wrong_issuer",
            with("iss", json!("https://evil.example.com")),
        ),
        ("R-11 iss empty", "wrong_issuer", with("iss", json!(""))),
        (
            "R-11 iss a prefix",
            "wrong_issuer",
            with("iss", json!(iss[..iss.len() - 1])),
        ),
        (
            "R-11 iss with more behind",
            "wrong_issuer",
            with("iss", json!(format!("{iss}.evil.example.com"))),
        ),
        (
            "R-11 iss with a slash",
            "wrong_issuer",
            with("iss", json!(format!("{iss}/"))),
        ),
        (
            "R-11 iss in capitals",
            "wrong_issuer",
            with("iss", json!(iss.to_uppercase())),
        ),
        ("R-11 iss a list", "claim_wrong_shape", with("iss", json!([iss]))),
        ("R-11 iss null", "claim_wrong_shape", with("iss", Value::Null)),
        ("R-11 iss missing", "claim_missing", forge.without("iss")),
        (
            "R-12 aud other",
            "wrong_audience",
            with("aud", json!("https://other.example.com")),
        ),
        (
            "R-12 aud a part",
            "wrong_audience",
            with("aud", json!(aud[..aud.len() - 1])),
        ),
        (
            "R-12 aud with more behind",
            "wrong_audience",
            with("aud", json!(format!("{aud}/"))),
        ),
        (
            "R-12 aud others",
            "wrong_audience",
            with("aud", json!(["https://a.example.com", "https://b.example.com"])),
        ),
        ("R-12 aud an empty list", "wrong_audience", with("aud", json!([]))),
        ("R-12 aud empty", "wrong_audience", with("aud", json!(""))),
        ("R-12 aud null", "claim_wrong_shape", with("aud", Value::Null)),
        (
            "R-12 aud a list with a number",
            "claim_wrong_shape",
            with("aud", json!([aud, 1])),
        ),
        (
            "R-12 aud an object",
            "claim_wrong_shape",
            with("aud", json!({ "aud": aud })),
        ),
        ("R-12 aud missing", "claim_missing", forge.without("aud")),
    ]
}

pub(super) fn missing_claims(forge: &Forge<'_>) -> Vec<Forged> {
    const SHAPE: &str = "claim_wrong_shape";
    vec![
        ("RFC 9068 sub missing", "claim_missing", forge.without("sub")),
        ("RFC 9068 jti missing", "claim_missing", forge.without("jti")),
        (
            "RFC 9068 client_id missing",
            "claim_missing",
            forge.without("client_id"),
        ),
        ("sub no UUID", "unknown_subject", forge.claiming("sub", json!("root"))),
        (
            "sub a URN",
            "unknown_subject",
            forge.claiming("sub", json!("urn:uuid:00000000-0000-0000-0000-000000000000")),
        ),
        ("sub null", SHAPE, forge.claiming("sub", Value::Null)),
        ("sid a number", SHAPE, forge.claiming("sid", json!(1))),
        ("sid null", SHAPE, forge.claiming("sid", Value::Null)),
        (
            "auth_time null",
            "claim_not_numeric_date",
            forge.claiming("auth_time", Value::Null),
        ),
        ("amr null", SHAPE, forge.claiming("amr", Value::Null)),
        ("jti empty", SHAPE, forge.claiming("jti", json!(""))),
        (
            "client_id a list",
            SHAPE,
            forge.claiming("client_id", json!(["countersign"])),
        ),
        ("client_id empty", SHAPE, forge.claiming("client_id", json!(""))),
        (
            "client_id the account",
            SHAPE,
            forge.claiming("client_id", forge.claims["sub"].clone()),
        ),
        (
            "RFC 9068 a client named like an account",
            SHAPE,
            forge.of_client(json!("01980000-0000-7000-8000-00000000000f"), json!({})),
        ),
        (
            "RFC 9068 a client in other letters",
            "unknown_subject",
            forge.of_client(json!("billing"), json!({ "sub": "Billing" })),
        ),
        (
            "RFC 9068 a client with a session",
            "client_signed_in",
            forge.of_client(json!("billing"), json!({ "sid": forge.claims["sid"] })),
        ),
        (
            "RFC 9068 a client that signed in",
            "client_signed_in",
            forge.of_client(json!("billing"), json!({ "auth_time": 1 })),
        ),
        (
            "RFC 9068 a client with a password",
            "client_signed_in",
            forge.of_client(json!("billing"), json!({ "amr": [] })),
        ),
        ("scope a list", SHAPE, forge.claiming("scope", json!(["admin"]))),
        ("amr a string", SHAPE, forge.claiming("amr", json!("pwd"))),
        ("email null", SHAPE, forge.claiming("email", Value::Null)),
        (
            "email a list",
            SHAPE,
            forge.claiming("email", json!(["ada@example.com"])),
        ),
        (
            "email_verified null",
            SHAPE,
            forge.claiming("email_verified", Value::Null),
        ),
        (
            "email_verified a string",
            SHAPE,
            forge.claiming("email_verified", json!("true")),
        ),
        (
            "email_verified a number",
            SHAPE,
            forge.claiming("email_verified", json!(1)),
        ),
        ("name null", SHAPE, forge.claiming("name", Value::Null)),
        ("name an object", SHAPE, forge.claiming("name", json!({}))),
        (
            "RFC 9068 a client with an email address",
            "client_signed_in",
            forge.of_client(json!("billing"), json!({ "email": "ada@example.com" })),
        ),
        (
            "RFC 9068 a client with the name of a person",
            "client_signed_in",
            forge.of_client(json!("billing"), json!({ "name": "Ada" })),
        ),
    ]
}

pub(super) fn states(forge: &Forge<'_>) -> Vec<Forged> {
    const SHAPE: &str = "claim_wrong_shape";
    let list = |list: Value| forge.claiming("status", json!({ "status_list": list }));
    let idx = |idx: Value| list(json!({ "idx": idx, "uri": "https://id.example.com/oauth2/status-lists/1" }));
    vec![
        ("status null", SHAPE, forge.claiming("status", Value::Null)),
        ("status empty", SHAPE, forge.claiming("status", json!({}))),
        (
            "status of another mechanism",
            SHAPE,
            forge.claiming("status", json!({ "identifier_list": { "id": "1" } })),
        ),
        ("status a list", SHAPE, forge.claiming("status", json!([{}]))),
        ("status_list a string", SHAPE, list(json!("https://id.example.com"))),
        ("status without uri", SHAPE, list(json!({ "idx": 1 }))),
        (
            "status without idx",
            SHAPE,
            list(json!({ "uri": "https://id.example.com/oauth2/status-lists/1" })),
        ),
        ("status uri a number", SHAPE, list(json!({ "idx": 1, "uri": 1 }))),
        ("status idx negative", SHAPE, idx(json!(-1))),
        ("status idx a fraction", SHAPE, idx(json!(1.5))),
        ("status idx a string", SHAPE, idx(json!("1"))),
        ("status idx beyond exactness", SHAPE, idx(json!(1_u64 << 53))),
        ("status idx null", SHAPE, idx(Value::Null)),
    ]
}
