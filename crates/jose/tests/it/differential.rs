//! The `jsonwebtoken` crate as a second opinion.
//!
//! It does not check `kid`, `typ` or the claims of RFC 9068, so it accepts much that we reject. The reverse must not
//! happen: a token that we accept and it rejects, except for the differences listed here.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_jose::{SigningKey, TokenType};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode, get_current_timestamp};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::forged::forged_tokens;
use crate::sample::{AUDIENCE, ISSUER, claims, judge, token};

const CLAIMS: [&str; 16] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "client_id",
    "sid",
    "scope",
    "auth_time",
    "amr",
    "email",
    "email_verified",
    "name",
    "unknown",
];

/// It uses the system clock, so these tokens have current times.
static NOW: LazyLock<i64> = LazyLock::new(|| i64::try_from(get_current_timestamp()).unwrap());
static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate().unwrap());
static THEIR_KEY: LazyLock<EncodingKey> =
    LazyLock::new(|| EncodingKey::from_ec_pem(KEY.to_pkcs8_pem().unwrap().as_bytes()).unwrap());

fn theirs(token: &str) -> Result<Value, jsonwebtoken::errors::Error> {
    let mut validation = Validation::new(Algorithm::ES256);
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[AUDIENCE]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    validation.validate_nbf = true;
    validation.leeway = 0;
    let key = DecodingKey::from_ec_pem(KEY.verifying_key().to_spki_pem().as_bytes()).unwrap();
    decode::<Value>(token, &key, &validation).map(|data| data.claims)
}

fn our_code(token: &str) -> Option<&'static str> {
    judge(&KEY, token, *NOW).err().map(countersign_jose::TokenError::code)
}

fn their_token(header: &Header, claims: &Value) -> String {
    encode(header, claims, &THEIR_KEY).unwrap()
}

fn their_header() -> Header {
    let mut header = Header::new(Algorithm::ES256);
    header.typ = Some("at+jwt".to_owned());
    header.kid = Some(KEY.kid().to_owned());
    header
}

#[test]
fn what_we_sign_they_take_and_the_reverse() {
    let ours = token(&KEY, &claims(*NOW));
    assert_eq!(theirs(&ours).unwrap(), json!(claims(*NOW)));
    let from_them = their_token(&their_header(), &json!(claims(*NOW)));
    assert_eq!(judge(&KEY, &from_them, *NOW).unwrap(), claims(*NOW));
}

/// Both reject every forgery, or only we do, for one of these reasons, which it does not check.
#[test]
fn of_the_forged_tokens_they_take_only_what_they_do_not_check() {
    const OURS_ALONE: [&str; 16] = [
        "claim_missing",            // it knows no `jti`, `client_id`, …
        "claim_not_numeric_date",   // of `iat`, `auth_time`; and it takes 2^53 and more for `exp`
        "claim_wrong_shape",        // of `sub`, `sid`, `scope`, …; it takes a list for `iss`
        "client_signed_in",         // it knows no clients
        "critical_extension",       // it does not look at `crit`
        "duplicate_member",         // where the second is in a part that it does not read
        "embedded_key",             // it ignores them
        "header_parameter_missing", // `typ`, `kid`
        "issued_in_the_future",
        "nested_too_deeply",
        "token_too_long",
        "unknown_key",     // it was told the key
        "unknown_subject", // it knows no accounts
        "unsupported_encoding",
        "wrong_type",
        "header_parameter_not_text",
    ];
    let forged = forged_tokens(&KEY, &json!(claims(*NOW)));
    let mut taken = BTreeSet::new();
    for (name, _, token) in &forged {
        let ours = our_code(token).unwrap_or_else(|| panic!("we took {name}"));
        if theirs(token).is_ok() {
            assert!(
                OURS_ALONE.contains(&ours),
                "they took {name}, which we refuse as {ours}"
            );
            taken.insert(ours);
        }
    }
    // Every listed reason occurs.
    assert_eq!(taken, BTreeSet::from(OURS_ALONE));
}

/// A substitute value for a claim.
fn any_value() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        Just(ISSUER.to_owned()),
        Just(AUDIENCE.to_owned()),
        Just(claims(*NOW).sub.to_string()),
        Just("at+jwt".to_owned()),
        Just("ES256".to_owned()),
        Just(NOW.to_string()),
        ".{0,9}",
    ];
    let number = prop_oneof![
        (-90_000..90_000_i64).prop_map(|off| json!(*NOW + off)),
        (-90_000.0..90_000.0).prop_map(|off: f64| json!(*NOW as f64 + off)),
        any::<i64>().prop_map(|number| json!(number)),
        any::<u64>().prop_map(|number| json!(number)),
        proptest::num::f64::ANY.prop_map(|number| json!(number)),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        text.prop_map(Value::from),
        number
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[a-z]{1,3}", inner, 0..3).prop_map(|map| json!(map)),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    /// A valid signature, with one or two claims replaced or removed.
    #[test]
    fn we_take_no_claims_that_they_refuse(
        changes in vec((prop::sample::select(&CLAIMS[..]), proptest::option::weighted(0.9, any_value())), 1..3),
    ) {
        let mut claims = json!(claims(*NOW));
        for (name, value) in &changes {
            match value {
                Some(value) => claims[*name] = value.clone(),
                None => drop(claims.as_object_mut().unwrap().remove(*name)),
            }
        }
        let token = KEY.sign(TokenType::ACCESS_TOKEN, &claims).unwrap();
        if our_code(&token).is_none() {
            // Its clock may have advanced, and it rounds fractions that we drop, so two seconds are allowed.
            let exp = claims["exp"].as_f64().unwrap();
            let nbf = claims["nbf"].as_f64().unwrap_or(0.0);
            let near = exp - (*NOW as f64) < 2.0 || (nbf - *NOW as f64).abs() < 2.0;
            prop_assert!(near || theirs(&token).is_ok(), "{claims} {:?}", theirs(&token));
        }
    }

    /// A valid token with one character changed, two exchanged, or some removed.
    #[test]
    fn we_take_no_text_that_they_refuse(
        at in any::<prop::sample::Index>(),
        other in any::<prop::sample::Index>(),
        letter in "[A-Za-z0-9_.=+/-]",
        kind in 0..3,
    ) {
        let good = token(&KEY, &claims(*NOW));
        let (at, other) = (at.index(good.len()), other.index(good.len()));
        let (first, last) = (at.min(other), at.max(other));
        let changed = match kind {
            0 => [&good[..at], &letter, &good[at + 1..]].concat(),
            1 if first < last => {
                [&good[..first], &good[last..=last], &good[first + 1..last], &good[first..=first], &good[last + 1..]].concat()
            }
            _ => [&good[..first], &good[last..]].concat(),
        };
        prop_assert!(our_code(&changed).is_some() || theirs(&changed).is_ok(), "{changed}");
        prop_assert!(changed == good || our_code(&changed).is_some());
    }
}

/// The only known case in which we are more lenient. It does not change the token's meaning.
#[test]
fn what_we_take_and_they_refuse() {
    // It parses every header parameter that it knows; we ignore those that have no effect for us.
    let header = json!({ "alg": "ES256", "typ": "at+jwt", "kid": KEY.kid(), "cty": 1 });
    let token = signed_by_hand(&header, &json!(claims(*NOW)));
    assert_eq!(our_code(&token), None);
    assert!(theirs(&token).is_err());
}

/// Neither library signs such a header by itself.
fn signed_by_hand(header: &Value, claims: &Value) -> String {
    let text = [header, claims]
        .map(|part| URL_SAFE_NO_PAD.encode(part.to_string()))
        .join(".");
    let signature = jsonwebtoken::crypto::sign(text.as_bytes(), &THEIR_KEY, Algorithm::ES256).unwrap();
    format!("{text}.{signature}")
}
