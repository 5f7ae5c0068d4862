//! Each rejection by its reason, and similar tokens that must be accepted.

use std::cell::Cell;
use std::collections::HashSet;

use countersign_jose::{
    AccessTokenClaims, AccessTokenExpectation, MAX_TOKEN_LENGTH, Malformed, Present, SignError, SigningKey, Subject,
    TokenError, TokenType, decode_without_verifying, verify,
};
use serde_json::{Value, json};

use crate::forged::forged_tokens;
use crate::sample::{AUDIENCE, ISSUER, NOW, claims, judge, token};

#[test]
fn r_1_to_r_15_every_forged_token_is_refused_with_its_reason() {
    let key = SigningKey::generate().unwrap();
    let good = token(&key, &claims(NOW));
    assert_eq!(judge(&key, &good, NOW).unwrap(), claims(NOW));

    let forged = forged_tokens(&key, &json!(claims(NOW)));
    let wrong: Vec<_> = forged
        .iter()
        .map(|(name, expected, token)| {
            (
                name,
                *expected,
                judge(&key, token, NOW).map_or_else(countersign_jose::TokenError::code, |_| "GOOD"),
            )
        })
        .filter(|(_, expected, found)| expected != found)
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn x_26_a_megabyte_of_dots_is_refused_without_parsing() {
    let key = SigningKey::generate().unwrap();
    for length in [16, 100, MAX_TOKEN_LENGTH, MAX_TOKEN_LENGTH + 1, 1 << 20] {
        for part in [".", "e30.", "a."] {
            let token = part.repeat(length.div_ceil(part.len()));
            let expected = match token.len() > MAX_TOKEN_LENGTH {
                true => "token_too_long",
                false => "not_three_parts",
            };
            // A token that is too long is rejected before any part of it is read, including its key.
            let looked_for = Cell::new(false);
            let expect = AccessTokenExpectation {
                issuer: ISSUER,
                audience: &[AUDIENCE.to_owned()],
                present: Present { now: NOW, leeway: 0 },
            };
            let keys = |_: &str| {
                looked_for.set(true);
                None
            };
            let refused = verify::<AccessTokenClaims>(&token, keys, &expect).unwrap_err();
            assert_eq!(refused.code(), expected, "{} of {part}", token.len());
            assert_eq!(
                judge(&key, &token, NOW).unwrap_err().code(),
                expected,
                "{} of {part}",
                token.len()
            );
            assert!(!looked_for.get(), "{} of {part}", token.len());
        }
    }
}

#[test]
fn the_table_of_forgeries_names_each_refusal_and_each_forgery_once() {
    let key = SigningKey::generate().unwrap();
    let forged = forged_tokens(&key, &json!(claims(NOW)));
    let names: HashSet<_> = forged.iter().map(|(name, ..)| name).collect();
    assert_eq!(names.len(), forged.len());
    assert!(forged.len() >= 50, "{}", forged.len());
    for line in 1..=15 {
        let prefix = format!("R-{line} ");
        assert!(forged.iter().any(|(name, ..)| name.starts_with(&prefix)), "{prefix}");
    }
    let codes: HashSet<_> = forged.iter().map(|(_, code, _)| *code).collect();
    assert_eq!(codes.len(), 31, "{codes:?}");
}

#[test]
fn spaces_and_line_breaks_around_a_token_are_refused() {
    let key = SigningKey::generate().unwrap();
    let good = token(&key, &claims(NOW));
    for token in [
        format!(" {good}"),
        format!("{good} "),
        format!("{good}\n"),
        format!("{good}\0"),
        format!("{good}ä"),
    ] {
        assert_eq!(
            judge(&key, &token, NOW).unwrap_err().code(),
            "not_base64url",
            "{token:?}"
        );
    }
}

#[test]
fn times_are_held_to_the_second() {
    let key = SigningKey::generate().unwrap();
    let good = token(&key, &claims(NOW));
    let exp = claims(NOW).exp;
    let at = |now, leeway| {
        let audience = [AUDIENCE.to_owned()];
        let expect = AccessTokenExpectation {
            issuer: ISSUER,
            audience: &audience,
            present: Present { now, leeway },
        };
        verify::<AccessTokenClaims>(&good, |_| Some(key.verifying_key().clone()), &expect)
            .map_err(TokenError::code)
            .map(|_| ())
    };
    assert_eq!(at(exp - 1, 0), Ok(()));
    assert_eq!(at(exp, 0), Err("expired"));
    assert_eq!(at(exp + 59, 60), Ok(()));
    assert_eq!(at(exp + 60, 60), Err("expired"));
    assert_eq!(at(NOW - 1, 0), Err("issued_in_the_future"));
    assert_eq!(at(NOW - 60, 60), Ok(()));
    assert_eq!(at(NOW - 61, 60), Err("issued_in_the_future"));
    assert_eq!(at(i64::MAX, u32::MAX), Err("expired"));
    assert_eq!(at(i64::MIN, u32::MAX), Err("issued_in_the_future"));
}

#[test]
fn what_the_rfcs_allow_is_taken() {
    let key = SigningKey::generate().unwrap();
    let signed = |claims: Value| judge(&key, &key.sign(TokenType::ACCESS_TOKEN, &claims).unwrap(), NOW);
    let with = |name: &str, value: Value| {
        let mut claims = json!(claims(NOW));
        claims[name] = value;
        signed(claims)
    };
    // RFC 7519 §4.1.3: a token may have other audiences too.
    assert_eq!(
        with("aud", json!(["https://other.example.com", AUDIENCE]))
            .unwrap()
            .aud
            .iter()
            .count(),
        2
    );
    // RFC 7519 §2: a date may have a fraction, and may be written with an exponent.
    assert_eq!(with("exp", json!(NOW as f64 + 10.75)).unwrap().exp, NOW + 10);
    assert_eq!(with("exp", json!(1.9e9)).unwrap().exp, 1_900_000_000);
    assert!(with("nbf", json!(NOW)).is_ok());
    // RFC 7519 §4: unknown claims are ignored.
    assert_eq!(
        with("unknown", json!({ "exp": [1, { "exp": null }] })).unwrap(),
        claims(NOW)
    );
    let mut bare = json!(claims(NOW));
    bare.as_object_mut().unwrap().remove("scope");
    bare.as_object_mut().unwrap().remove("status");
    // RFC 9068 §2.2 requires nothing else.
    for name in ["sid", "auth_time", "amr"] {
        bare.as_object_mut().unwrap().remove(name);
    }
    let mut expected = claims(NOW);
    (expected.scope, expected.status) = (None, None);
    (expected.sid, expected.auth_time, expected.amr) = (None, None, None);
    assert_eq!(signed(bare.clone()).unwrap(), expected);
    // RFC 9068 §2.2: a client that acts for itself is its own subject.
    (bare["sub"], bare["client_id"]) = (json!("billing"), json!("billing"));
    assert_eq!(signed(bare).unwrap().sub, Subject::Client("billing".to_owned()));
}

#[test]
fn an_empty_expectation_takes_nothing() {
    let key = SigningKey::generate().unwrap();
    let good = token(&key, &claims(NOW));
    let expect = AccessTokenExpectation {
        issuer: ISSUER,
        audience: &[],
        present: Present { now: NOW, leeway: 0 },
    };
    let refused = verify::<AccessTokenClaims>(&good, |_| Some(key.verifying_key().clone()), &expect).unwrap_err();
    assert_eq!(refused.code(), "wrong_audience");
}

/// The signature is checked before the claims, and the header before the key is looked up.
#[test]
fn a_43_claims_are_not_used_before_the_signature_is_verified() {
    let key = SigningKey::generate().unwrap();
    let stranger = SigningKey::generate().unwrap();
    let bad_claims = stranger.sign(TokenType::ACCESS_TOKEN, &json!({ "iss": 1 })).unwrap();
    let audience = [AUDIENCE.to_owned()];
    let expect = AccessTokenExpectation {
        issuer: ISSUER,
        audience: &audience,
        present: Present { now: NOW, leeway: 0 },
    };
    let refused = verify::<AccessTokenClaims>(&bad_claims, |_| Some(key.verifying_key().clone()), &expect).unwrap_err();
    assert_eq!(refused.code(), "signature_mismatch");

    let asked = Cell::new(0);
    for (name, code, token) in forged_tokens(&key, &json!(claims(NOW))) {
        asked.set(0);
        let find = |kid: &str| {
            asked.set(asked.get() + 1);
            (kid == key.kid()).then(|| key.verifying_key().clone())
        };
        assert!(verify::<AccessTokenClaims>(&token, find, &expect).is_err());
        let by_header = [
            "algorithm_none",
            "wrong_algorithm",
            "embedded_key",
            "wrong_type",
            "token_too_long",
        ];
        assert!(
            asked.get() <= usize::from(!by_header.contains(&code)),
            "{name} asked for a key"
        );
    }
}

#[test]
fn a_token_is_never_longer_than_what_is_read() {
    let key = SigningKey::generate().unwrap();
    let sized = |scope: usize| {
        let mut claims = claims(NOW);
        claims.scope = Some("x".repeat(scope));
        key.sign(TokenType::ACCESS_TOKEN, &claims)
    };
    let longest = (0..MAX_TOKEN_LENGTH).rev().find_map(|scope| sized(scope).ok()).unwrap();
    assert!(MAX_TOKEN_LENGTH - longest.len() < 2);
    assert!(judge(&key, &longest, NOW).is_ok());
    assert_eq!(sized(MAX_TOKEN_LENGTH), Err(SignError::TooLong));
    for claims in [json!([]), json!("claims"), json!(1), Value::Null] {
        assert_eq!(key.sign(TokenType::ACCESS_TOKEN, &claims), Err(SignError::NotAnObject));
    }
}

#[test]
fn a_token_looks_as_the_public_face_says() {
    let key = SigningKey::generate().unwrap();
    let token = token(&key, &claims(NOW));
    let seen = decode_without_verifying(&token).unwrap();
    assert_eq!(
        seen.header,
        json!({ "alg": "ES256", "typ": "at+jwt", "kid": key.kid() })
    );
    assert_eq!(
        seen.claims,
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
            "status": { "status_list": { "idx": 4711, "uri": "https://id.example.com/oauth2/status-lists/1" } },
        })
    );
}

#[test]
fn looking_into_a_token_takes_any_signature_and_no_nonsense() {
    let unsigned = decode_without_verifying("eyJhbGciOiJub25lIn0.eyJhIjoxfQ.").unwrap();
    assert_eq!(
        (unsigned.header, unsigned.claims),
        (json!({ "alg": "none" }), json!({ "a": 1 }))
    );
    assert_eq!(decode_without_verifying("a.b"), Err(Malformed::NotThreeParts));
    assert_eq!(
        decode_without_verifying(&"a".repeat(MAX_TOKEN_LENGTH + 1)),
        Err(Malformed::TooLong)
    );
    let codes = ["eyJhIjoxLCJhIjoyfQ.e30.", "e30.W10.", "e30.eyI.", "e30=.e30."]
        .map(|token| TokenError::from(decode_without_verifying(token).unwrap_err()).code());
    assert_eq!(
        codes,
        ["duplicate_member", "not_an_object", "not_json", "not_base64url"]
    );
}

#[test]
fn an_error_says_nothing_of_the_token() {
    let key = SigningKey::generate().unwrap();
    for (name, _, token) in forged_tokens(&key, &json!(claims(NOW))) {
        let error = judge(&key, &token, NOW).unwrap_err();
        let said = format!("{error} {error:?} {}", error.code());
        for part in token.split('.').filter(|part| part.len() > 3) {
            assert!(!said.contains(part), "{name}: {said}");
        }
        assert!(
            !said.contains("example.com") && !said.contains(key.kid()),
            "{name}: {said}"
        );
    }
}
