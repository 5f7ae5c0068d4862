//! Status lists: the draft's examples, properties of all lists, and each rejection by its reason.

use std::io::Write;
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_jose::{
    AccessTokenClaims, MAX_STATUS_LIST_BYTES, MAX_STATUS_LIST_LENGTH, Present, SignError, SigningKey, StatusList,
    StatusListClaims, StatusListExpectation, TokenError, TokenType, decode_without_verifying, verify,
};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::sample::{ISSUER, NOW};

const URI: &str = "https://id.example.com/oauth2/status-lists/1";

static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate().unwrap());

fn claims(status_list: StatusList) -> StatusListClaims {
    StatusListClaims {
        iss: ISSUER.to_owned(),
        sub: URI.to_owned(),
        iat: NOW,
        exp: NOW + 3600,
        ttl: 30,
        version: 7,
        status_list,
    }
}

fn sign(claims: &impl serde::Serialize) -> String {
    KEY.sign(TokenType::STATUS_LIST, claims).unwrap()
}

fn verify_at(token: &str, now: i64) -> Result<StatusListClaims, TokenError> {
    let expect = StatusListExpectation {
        issuer: ISSUER,
        uri: URI,
        present: Present { now, leeway: 30 },
    };
    verify::<StatusListClaims>(
        token,
        |kid| (kid == KEY.kid()).then(|| KEY.verifying_key().clone()),
        &expect,
    )
}

fn refused(token: &str) -> &'static str {
    verify_at(token, NOW).map_or_else(TokenError::code, |_| "GOOD")
}

/// A list whose claims are valid except for its array.
fn with_array(bits: impl Into<Value>, lst: &str) -> String {
    let mut claims = good();
    claims["status_list"] = json!({ "bits": bits.into(), "lst": lst });
    sign(&claims)
}

fn good() -> Value {
    json!(claims(StatusList::with_capacity(16).unwrap()))
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The array of a list, given as the draft shows it.
fn array(bits: u8, lst: &str) -> StatusList {
    verify_at(&with_array(bits, lst), NOW).unwrap().status_list
}

/// draft-ietf-oauth-status-list-18 §4.1 and §4.2.
#[test]
fn the_drafts_short_examples() {
    let one = array(1, "eNrbuRgAAhcBXQ");
    assert_eq!(one.bytes(), [0xb9, 0xa3]);
    let states: Vec<_> = (0..17).map_while(|idx| one.status(idx)).collect();
    assert_eq!(states, [1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1]);

    let two = array(2, "eNo76fITAAPfAgc");
    assert_eq!(two.bytes(), [0xc9, 0x44, 0xf9]);
    let states: Vec<_> = (0..13).map_while(|idx| two.status(idx)).collect();
    assert_eq!(states, [1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3]);
}

/// Appendix C.1: 2^20 entries with one bit.
#[test]
fn the_drafts_long_example_of_one_bit() {
    let lst = "eNrt3AENwCAMAEGogklACtKQPg9LugC9k_ACvreiogEAAKkeCQAAAAAAAAAAAAAAAAAAAIBylgQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAXG9IAAAAAAAAAPwsJAAAAAAAAAAAAAAAvhsSAAAAAAAAAAAA7KpLAAAAAAAAAAAAAAAAAAAAAJsLCQAAAAAAAAAAADjelAAAAAAAAAAAKjDMAQAAAACAZC8L2AEb";
    let invalid = [
        0, 1993, 25460, 159_495, 495_669, 554_353, 645_645, 723_232, 854_545, 934_534, 1_000_345,
    ];
    let list = array(1, lst);
    assert_eq!(list.entries(), 1 << 20);
    let found: Vec<_> = (0..1 << 20).filter(|&idx| list.status(idx) == Some(1)).collect();
    assert_eq!(found, invalid);

    let mut ours = StatusList::with_capacity(1 << 20).unwrap();
    assert!(invalid.iter().all(|&idx| ours.set(idx)));
    assert_eq!(ours, list);
}

/// Appendix C.2: 2^20 entries with two bits.
#[test]
fn the_drafts_long_example_of_two_bits() {
    let lst = "eNrt2zENACEQAEEuoaBABP5VIO01fCjIHTMStt9ovGVIAAAAAABAbiEBAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAEB5WwIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAID0ugQAAAAAAAAAAAAAAAAAQG12SgAAAAAAAAAAAAAAAAAAAAAAAAAAAOCSIQEAAAAAAAAAAAAAAAAAAAAAAAD8ExIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAwJEuAQAAAAAAAAAAAAAAAAAAAAAAAMB9SwIAAAAAAAAAAAAAAAAAAACoYUoAAAAAAAAAAAAAAEBqH81gAQw";
    let states = [
        (0, 1),
        (1993, 2),
        (25460, 1),
        (159_495, 3),
        (495_669, 1),
        (554_353, 1),
        (645_645, 2),
        (723_232, 1),
        (854_545, 1),
        (934_534, 2),
        (1_000_345, 3),
    ];
    let list = array(2, lst);
    assert_eq!(list.entries(), 1 << 20);
    let found: Vec<_> = (0..1 << 20)
        .filter_map(|idx| list.status(idx).filter(|&state| state != 0).map(|state| (idx, state)))
        .collect();
    assert_eq!(found, states);
}

#[test]
fn a_list_looks_as_the_public_face_says() {
    let mut list = StatusList::with_capacity(16).unwrap();
    assert!(list.set(0) && list.set(15));
    let token = sign(&claims(list));
    let seen = decode_without_verifying(&token).unwrap();
    assert_eq!(
        seen.header,
        json!({ "alg": "ES256", "typ": "statuslist+jwt", "kid": KEY.kid() })
    );
    let lst = seen.claims["status_list"]["lst"].as_str().unwrap().to_owned();
    assert_eq!(
        seen.claims,
        json!({
            "iss": ISSUER, "sub": URI, "iat": NOW, "exp": NOW + 3600, "ttl": 30, "version": 7,
            "status_list": { "bits": 1, "lst": lst },
        })
    );
    let mut bytes = Vec::new();
    let compressed = URL_SAFE_NO_PAD.decode(lst).unwrap();
    std::io::copy(&mut flate2::read::ZlibDecoder::new(&*compressed), &mut bytes).unwrap();
    assert_eq!(bytes, [1, 128]);
}

#[test]
fn a_place_outside_of_the_list_has_no_state() {
    let mut list = StatusList::with_capacity(9).unwrap();
    assert_eq!((list.entries(), list.bits()), (16, 1));
    assert_eq!(
        (list.status(15), list.status(16), list.status(u64::MAX)),
        (Some(0), None, None)
    );
    assert!(!list.set(16) && !list.set(u64::MAX));
    assert_eq!(list.bytes(), [0, 0]);
    assert_eq!(StatusList::with_capacity(0).unwrap().status(0), None);
}

#[test]
fn a_list_is_no_larger_than_what_is_read() {
    assert!(StatusList::with_capacity(MAX_STATUS_LIST_BYTES * 8 + 1).is_none());
    assert!(StatusList::with_capacity(usize::MAX).is_none());
    assert!(StatusList::from_bytes(1, vec![0; MAX_STATUS_LIST_BYTES + 1]).is_none());
    for bits in [0, 3, 5, 6, 7, 9, 16, 255] {
        assert!(StatusList::from_bytes(bits, vec![0]).is_none(), "{bits}");
    }
    let largest = claims(StatusList::with_capacity(MAX_STATUS_LIST_BYTES * 8).unwrap());
    assert_eq!(verify_at(&sign(&largest), NOW), Ok(largest));
    // Incompressible data exceeds the maximum token length before the maximum list size.
    let mut noise = vec![0; MAX_STATUS_LIST_LENGTH];
    aws_lc_rs::rand::fill(&mut noise).unwrap();
    let noise = claims(StatusList::from_bytes(8, noise).unwrap());
    assert!(matches!(
        KEY.sign(TokenType::STATUS_LIST, &noise),
        Err(SignError::TooLong)
    ));
}

#[test]
fn arrays_that_cannot_be_read_are_refused_by_name() {
    let lst = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let whole = zlib(&[1, 2, 3]);
    assert_eq!(refused(&with_array(1, &lst(&whole))), "GOOD");
    for bits in [
        json!(0),
        json!(3),
        json!(-1),
        json!(16),
        json!(257),
        json!(1.0),
        json!("1"),
        Value::Null,
    ] {
        assert_eq!(
            refused(&with_array(bits.clone(), &lst(&whole))),
            "status_list_wrong_bits",
            "{bits}"
        );
    }
    for end in 0..whole.len() {
        assert_eq!(
            refused(&with_array(1, &lst(&whole[..end]))),
            "status_list_not_zlib",
            "{end} bytes"
        );
    }
    let mut corrupt = whole.clone();
    *corrupt.last_mut().unwrap() ^= 1;
    assert_eq!(refused(&with_array(1, &lst(&corrupt))), "status_list_not_zlib");
    // Raw DEFLATE, gzip, and a stream that needs a dictionary.
    for other in [
        &whole[2..whole.len() - 4],
        &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0],
        &[0x78, 0xf9, 0, 0, 0, 1, 3, 0],
    ] {
        assert_eq!(
            refused(&with_array(1, &lst(other))),
            "status_list_not_zlib",
            "{other:?}"
        );
    }
    for text in ["=", "eNrb+RgA", "eNrbuRgAAhcBXQ==", " "] {
        assert_eq!(refused(&with_array(1, text)), "status_list_not_zlib", "{text}");
    }
    for behind in [&[0][..], &whole] {
        let more = [&whole, behind].concat();
        assert_eq!(refused(&with_array(1, &lst(&more))), "status_list_trailing_bytes");
    }
    assert_eq!(refused(&with_array(1, &lst(&zlib(&[])))), "GOOD");
}

#[test]
fn a_bomb_is_not_inflated() {
    let bomb = zlib(&vec![0; MAX_STATUS_LIST_BYTES + 1]);
    assert!(bomb.len() < 20_000, "{}", bomb.len());
    assert_eq!(
        refused(&with_array(1, &URL_SAFE_NO_PAD.encode(bomb))),
        "status_list_too_large"
    );
    let long = with_array(1, &"A".repeat(MAX_STATUS_LIST_LENGTH / 4 * 3 - 1000));
    assert!(long.len() < MAX_STATUS_LIST_LENGTH);
    assert_eq!(refused(&long), "status_list_not_zlib");
    assert_eq!(refused(&"A".repeat(MAX_STATUS_LIST_LENGTH + 1)), "token_too_long");
}

#[test]
fn claims_are_held_to_what_was_asked_for() {
    let with = |name: &str, value: Value| {
        let mut claims = good();
        claims[name] = value;
        refused(&sign(&claims))
    };
    let without = |name: &str| {
        let mut claims = good();
        claims.as_object_mut().unwrap().remove(name);
        refused(&sign(&claims))
    };
    assert_eq!(with("unknown", json!({})), "GOOD");
    assert_eq!(with("iss", json!("https://evil.example.com")), "wrong_issuer");
    assert_eq!(with("sub", json!(format!("{URI}0"))), "status_list_wrong_subject");
    assert_eq!(with("sub", json!("")), "status_list_wrong_subject");
    assert_eq!(with("exp", json!(NOW - 30)), "expired");
    assert_eq!(with("exp", json!(NOW - 29)), "GOOD");
    assert_eq!(with("iat", json!(NOW + 31)), "issued_in_the_future");
    assert_eq!(with("nbf", json!(NOW + 31)), "not_yet_valid");
    assert_eq!(with("ttl", json!("30")), "claim_wrong_shape");
    assert_eq!(with("ttl", json!(-1)), "claim_wrong_shape");
    assert_eq!(with("version", json!(1.5)), "claim_wrong_shape");
    for name in ["iss", "sub", "iat", "exp", "ttl", "version"] {
        assert_eq!(without(name), "claim_missing", "{name}");
    }
    assert_eq!(without("status_list"), "status_list_no_array");
    for array in [
        json!([]),
        json!(null),
        json!({}),
        json!({ "bits": 1 }),
        json!({ "bits": 1, "lst": 1 }),
        json!({ "lst": "eNrbuRgAAhcBXQ" }),
    ] {
        assert_eq!(with("status_list", array.clone()), "status_list_no_array", "{array}");
        // Other faults are reported first, because with them the list is not genuine or not current.
        let mut past = good();
        past["exp"] = json!(NOW - 30);
        past["status_list"] = array;
        assert_eq!(refused(&sign(&past)), "expired");
    }
}

/// `typ` distinguishes the types (RFC 8725 §3.11), and a key of another issuer is not accepted.
#[test]
fn a_list_is_no_access_token_and_the_reverse() {
    let list = sign(&good());
    let audience = [ISSUER.to_owned()];
    let expect = countersign_jose::AccessTokenExpectation {
        issuer: ISSUER,
        audience: &audience,
        present: Present { now: NOW, leeway: 0 },
    };
    let taken = verify::<AccessTokenClaims>(&list, |_| Some(KEY.verifying_key().clone()), &expect);
    assert_eq!(taken.unwrap_err().code(), "wrong_type");
    assert_eq!(
        refused(&KEY.sign(TokenType::ACCESS_TOKEN, &good()).unwrap()),
        "wrong_type"
    );

    let stranger = SigningKey::generate().unwrap();
    assert_eq!(
        refused(&stranger.sign(TokenType::STATUS_LIST, &good()).unwrap()),
        "unknown_key"
    );
    let (text, _) = list.rsplit_once('.').unwrap();
    let other = sign(&good());
    let (_, signature) = other.rsplit_once('.').unwrap();
    assert_eq!(refused(&format!("{text}.{signature}")), "GOOD");
    let third = sign(&claims(StatusList::with_capacity(32).unwrap()));
    let (_, signature) = third.rsplit_once('.').unwrap();
    assert_eq!(refused(&format!("{text}.{signature}")), "signature_mismatch");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn what_is_signed_is_what_is_verified(
        bits in prop::sample::select(&[1_u8, 2, 4, 8][..]),
        bytes in prop_oneof![vec(any::<u8>(), 0..3000), vec(prop::sample::select(&[0_u8, 0, 0, 1][..]), 0..20_000)],
        version in 0..1_u64 << 53,
    ) {
        let list = StatusList::from_bytes(bits, bytes.clone()).unwrap();
        let claims = StatusListClaims { version, ..claims(list) };
        let verified = verify_at(&sign(&claims), NOW).unwrap();
        prop_assert_eq!(&verified, &claims);
        prop_assert_eq!(verified.status_list.bytes(), &bytes[..]);
    }

    /// The statuses, read one by one, are the array.
    #[test]
    fn states_make_up_the_array(bits in prop::sample::select(&[1_u8, 2, 4, 8][..]), bytes in vec(any::<u8>(), 0..100)) {
        let list = StatusList::from_bytes(bits, bytes.clone()).unwrap();
        let mut again = vec![0_u8; bytes.len()];
        for idx in 0..list.entries() {
            let bit = idx * usize::from(bits);
            again[bit / 8] |= list.status(idx as u64).unwrap() << (bit % 8);
        }
        prop_assert_eq!(again, bytes);
        prop_assert_eq!(list.status(list.entries() as u64), None);
    }

    /// Setting an entry changes only that entry.
    #[test]
    fn a_place_that_is_set_is_the_only_one(
        bits in prop::sample::select(&[1_u8, 2, 4, 8][..]),
        bytes in vec(any::<u8>(), 1..50),
        at in any::<prop::sample::Index>(),
    ) {
        let before = StatusList::from_bytes(bits, bytes).unwrap();
        let at = at.index(before.entries()) as u64;
        let mut list = before.clone();
        prop_assert!(list.set(at));
        for idx in 0..list.entries() as u64 {
            let expected = if idx == at { Some(1) } else { before.status(idx) };
            prop_assert_eq!(list.status(idx), expected);
        }
    }

    #[test]
    fn no_array_makes_it_panic(bits in 0..10, lst in prop_oneof!["[A-Za-z0-9_-]{0,80}", vec(any::<u8>(), 0..80).prop_map(|bytes| {
        URL_SAFE_NO_PAD.encode([&[0x78, 0x9c][..], &bytes].concat())
    })]) {
        drop(verify_at(&with_array(bits, &lst), NOW));
    }
}
