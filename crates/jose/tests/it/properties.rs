//! Properties of all tokens.

use std::sync::LazyLock;

use countersign_jose::{
    AccessTokenClaims, AccessTokenExpectation, Present, RequiredClaims, SigningKey, StatusReference, Subject,
    TokenType, verify,
};
use proptest::collection::vec;
use proptest::prelude::*;
use uuid::Uuid;

use crate::sample::{NOW, claims, judge, token};

static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate().unwrap());
static TOKEN: LazyLock<String> = LazyLock::new(|| token(&KEY, &claims(NOW)));

fn any_uuid() -> impl Strategy<Value = Uuid> {
    any::<u128>().prop_map(Uuid::from_u128)
}

prop_compose! {
    fn any_claims()(
        (iss, client_id) in (".*", ".{1,35}"),
        aud in vec(".{0,40}", 1..4),
        (account, jti) in (proptest::option::of(any_uuid()), any_uuid()),
        sid in proptest::option::of(any_uuid()),
        (iat, lives) in (0..1_i64 << 52, 1..1_i64 << 40),
        scope in proptest::option::of("[a-z:]{0,9}( [a-z:]{1,9}){0,3}"),
        auth_time in proptest::option::of(0..1_i64 << 53),
        amr in proptest::option::of(vec("[a-z]{0,5}", 0..3)),
        (email, email_verified, name) in (proptest::option::of(".*"), proptest::option::of(any::<bool>()), proptest::option::of(".*")),
        status in proptest::option::of((0..1_u64 << 53, ".{0,40}").prop_map(|(idx, uri)| StatusReference::new(idx, uri))),
    ) -> AccessTokenClaims {
        let sub = account.map_or_else(|| Subject::Client(client_id.clone()), Subject::Account);
        let required = RequiredClaims { iss, sub, aud: aud.into(), exp: iat + lives, iat, jti, client_id };
        let mut claims = AccessTokenClaims::from(required);
        (claims.scope, claims.status) = (scope, status);
        // No user signed in for a client's token.
        if account.is_some() {
            (claims.sid, claims.auth_time, claims.amr) = (sid, auth_time, amr);
            (claims.email, claims.email_verified, claims.name) = (email, email_verified, name);
        }
        claims
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn what_is_signed_is_what_is_verified(claims in any_claims()) {
        let token = KEY.sign(TokenType::ACCESS_TOKEN, &claims).unwrap();
        let audience: Vec<_> = claims.aud.iter().map(str::to_owned).collect();
        let expect = AccessTokenExpectation { issuer: &claims.iss, audience: &audience, present: Present { now: claims.iat, leeway: 0 }, };
        prop_assert_eq!(verify::<AccessTokenClaims>(&token, |_| Some(KEY.verifying_key().clone()), &expect).unwrap(), claims);
    }

    #[test]
    fn any_other_byte_anywhere_is_refused(at in any::<prop::sample::Index>(), byte in 0_u8..128) {
        let mut bytes = TOKEN.as_bytes().to_vec();
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != byte);
        bytes[at] = byte;
        prop_assert!(judge(&KEY, str::from_utf8(&bytes).unwrap(), NOW).is_err());
    }

    #[test]
    fn no_text_makes_it_panic(text in "[A-Za-z0-9_.=+/-]{0,200}") {
        prop_assert!(judge(&KEY, &text, NOW).is_err());
    }

    #[test]
    fn no_json_makes_it_panic(header in ".{0,60}", claims in ".{0,60}") {
        use base64::Engine;
        use base64::engine::general_purpose::URL_SAFE_NO_PAD;
        let signature = TOKEN.rsplit_once('.').unwrap().1;
        let text = format!("{}.{}.{signature}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        prop_assert!(judge(&KEY, &text, NOW).is_err());
    }
}

/// All single-bit flips, not a sample, because every position and every unused bit matters.
#[test]
fn any_flipped_bit_is_refused() {
    for at in 0..TOKEN.len() {
        for bit in 0..7 {
            let mut bytes = TOKEN.as_bytes().to_vec();
            bytes[at] ^= 1 << bit;
            assert!(
                judge(&KEY, str::from_utf8(&bytes).unwrap(), NOW).is_err(),
                "bit {bit} of byte {at}"
            );
        }
    }
}

#[test]
fn any_shorter_or_longer_text_is_refused() {
    for end in 0..TOKEN.len() {
        assert!(judge(&KEY, &TOKEN[..end], NOW).is_err(), "the first {end} bytes");
        assert!(judge(&KEY, &TOKEN[end + 1..], NOW).is_err(), "from byte {} on", end + 1);
        let without = [&TOKEN[..end], &TOKEN[end + 1..]].concat();
        assert!(judge(&KEY, &without, NOW).is_err(), "without byte {end}");
    }
    assert!(judge(&KEY, &format!("{}A", *TOKEN), NOW).is_err());
    assert!(judge(&KEY, &format!("{0}{0}", *TOKEN), NOW).is_err());
}

/// ECDSA signatures are randomized, so a token is identified by its `jti`, not by its text.
#[test]
fn two_tokens_of_the_same_claims_are_two_texts() {
    let again = token(&KEY, &claims(NOW));
    assert_ne!(again, *TOKEN);
    assert_eq!(again.rsplit_once('.').unwrap().0, TOKEN.rsplit_once('.').unwrap().0);
}
