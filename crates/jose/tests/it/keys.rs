//! Reading and writing keys.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use countersign_jose::{Jwk, JwkError, JwkSet, KeyError, SigningKey, SymmetricKey, VerifyingKey};
use serde_json::{Value, json};

use crate::openssl;
use crate::sample::{NOW, claims, judge, token};

const PASSPHRASE: &[u8] = b"correct horse";

fn read(pem: &str) -> Result<SigningKey, KeyError> {
    SigningKey::from_pem(pem.as_bytes(), None)
}

fn refusal(pem: &str) -> Option<KeyError> {
    read(pem).err()
}

fn refusal_with(pem: &str, passphrase: &[u8]) -> Option<KeyError> {
    SigningKey::from_pem(pem.as_bytes(), Some(passphrase)).err()
}

fn der(pem: &str) -> Vec<u8> {
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    STANDARD.decode(body).unwrap()
}

fn pem(label: &str, der: &[u8]) -> String {
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        STANDARD.encode(der)
    )
}

#[test]
fn every_form_gives_the_same_key() {
    let public = VerifyingKey::from_spki_pem(openssl::SPKI.as_bytes()).unwrap();
    let open = [
        openssl::PKCS8,
        openssl::SEC1,
        openssl::SEC1_WITHOUT_PUBLIC,
        openssl::SEC1_COMPRESSED,
    ];
    for pem in open {
        assert_eq!(
            read(pem)
                .unwrap_or_else(|error| panic!("{error}: {pem}"))
                .verifying_key(),
            &public
        );
        // An unnecessary passphrase is ignored.
        assert_eq!(refusal_with(pem, b"none"), None);
    }
    let locked = [
        openssl::ENCRYPTED_AES_256,
        openssl::ENCRYPTED_AES_128_SHA_1,
        openssl::ENCRYPTED_AES_192_SHA_512,
    ];
    for pem in locked {
        let key =
            SigningKey::from_pem(pem.as_bytes(), Some(PASSPHRASE)).unwrap_or_else(|error| panic!("{error}: {pem}"));
        assert_eq!(key.verifying_key(), &public);
    }
}

#[test]
fn what_is_written_is_what_openssl_writes() {
    let key = read(openssl::SEC1).unwrap();
    assert_eq!(*key.to_pkcs8_pem().unwrap(), openssl::PKCS8);
    assert_eq!(key.verifying_key().to_spki_pem(), openssl::SPKI);
}

#[test]
fn a_new_key_comes_back_and_signs() {
    let key = SigningKey::generate().unwrap();
    let again = read(&key.to_pkcs8_pem().unwrap()).unwrap();
    assert_eq!(again.verifying_key(), key.verifying_key());
    assert_eq!(judge(&key, &token(&again, &claims(NOW)), NOW), Ok(claims(NOW)));
    assert_ne!(SigningKey::generate().unwrap().kid(), key.kid());
}

#[test]
fn a_locked_key_asks_for_its_passphrase() {
    assert_eq!(refusal(openssl::ENCRYPTED_AES_256), Some(KeyError::NeedsPassphrase));
    assert_eq!(
        refusal_with(openssl::ENCRYPTED_AES_256, b""),
        Some(KeyError::WrongPassphrase)
    );
    // Guess 618 leaves valid padding.
    for guess in 600..620 {
        let guess = format!("guess {guess}");
        let refused = refusal_with(openssl::ENCRYPTED_AES_128_SHA_1, guess.as_bytes());
        assert_eq!(refused, Some(KeyError::WrongPassphrase), "{guess}");
    }
    for pem in [openssl::ENCRYPTED_SCRYPT, openssl::ENCRYPTED_3DES, openssl::LEGACY] {
        assert_eq!(
            refusal_with(pem, PASSPHRASE),
            Some(KeyError::UnsupportedEncryption),
            "{pem}"
        );
    }
}

#[test]
fn a_symmetric_key_is_read_and_written_as_openssl_does() {
    let key = SymmetricKey::from_pem(openssl::SYMMETRIC.as_bytes(), None).unwrap();
    assert_eq!(key.expose()[..4], [0x2f, 0x23, 0x63, 0xdd]);
    assert_eq!(*key.to_pem(None).unwrap(), openssl::SYMMETRIC);
    let protected = key.to_pem(Some(PASSPHRASE)).unwrap();
    assert!(protected.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
    assert_ne!(*protected, *key.to_pem(Some(PASSPHRASE)).unwrap());
    for pem in [openssl::SYMMETRIC_ENCRYPTED, &protected] {
        let read = |passphrase| SymmetricKey::from_pem(pem.as_bytes(), passphrase);
        assert_eq!(read(Some(PASSPHRASE)).unwrap().expose(), key.expose());
        assert_eq!(read(Some(b"wrong")).err(), Some(KeyError::WrongPassphrase));
        assert_eq!(read(None).err(), Some(KeyError::NeedsPassphrase));
    }
    let (one, other) = (SymmetricKey::generate().unwrap(), SymmetricKey::generate().unwrap());
    assert_ne!(one.expose(), other.expose());
}

#[test]
fn a_key_for_another_use_is_no_symmetric_key() {
    let refusal = |pem: &str| SymmetricKey::from_pem(pem.as_bytes(), None).err();
    for pem in [openssl::PKCS8, openssl::P384] {
        assert_eq!(refusal(pem), Some(KeyError::NotSymmetric), "{pem}");
    }
    for pem in [
        "",
        "garbage",
        openssl::SEC1,
        openssl::SPKI,
        &openssl::SYMMETRIC.repeat(2),
    ] {
        assert_eq!(refusal(pem), Some(KeyError::NotPem), "{pem}");
    }
    let whole = der(openssl::SYMMETRIC);
    for length in 0..whole.len() {
        let refused = refusal(&pem("PRIVATE KEY", &whole[..length]));
        assert_eq!(refused, Some(KeyError::Malformed), "{length}");
    }
    // RFC 8410 §7: 32 bytes within two octet strings; here 31.
    let mut short = whole[..whole.len() - 1].to_vec();
    for place in [1, 13, 15] {
        short[place] -= 1;
    }
    assert_eq!(refusal(&pem("PRIVATE KEY", &short)), Some(KeyError::Malformed));
}

#[test]
fn a_74_only_p_256() {
    let others = [
        openssl::P384,
        openssl::P384_SEC1,
        openssl::SECP256K1,
        openssl::SECP256K1_SEC1,
        openssl::ED25519,
    ];
    for pem in others {
        assert_eq!(refusal(pem), Some(KeyError::NotP256), "{pem}");
    }
    assert_eq!(refusal(openssl::EXPLICIT), Some(KeyError::Malformed));
    assert_eq!(
        VerifyingKey::from_spki_pem(openssl::P384_SPKI.as_bytes()),
        Err(KeyError::NotP256)
    );
}

/// PKCS#8 names the curve outside, and may also name it inside.
#[test]
fn a_curve_that_is_named_twice_must_be_the_same() {
    let p_256 = &der(openssl::PKCS8)[6..27];
    let secp256k1 = &der(openssl::SECP256K1_SEC1);
    let (numbers, curve) = (&secp256k1[2..39], &secp256k1[39..48]);
    let inner = [&[0x04, 0x30, 0x30, 0x2e], numbers, curve].concat();
    let outer = [&[0x30, 0x4a, 0x02, 0x01, 0x00], p_256, &inner].concat();
    assert_eq!(refusal(&pem("PRIVATE KEY", &outer)), Some(KeyError::NotP256));
}

/// The scalar is at a fixed offset in OpenSSL's output.
fn with_scalar(scalar: &[u8; 32]) -> String {
    let mut der = der(openssl::PKCS8);
    der[36..68].copy_from_slice(scalar);
    pem("PRIVATE KEY", &der)
}

#[test]
fn a_98_a_key_must_be_valid_and_match_its_public_key() {
    assert_eq!(refusal(&with_scalar(&[1; 32])), Some(KeyError::PublicKeyMismatch));
    let mut compressed = der(openssl::SEC1_COMPRESSED);
    let parity = compressed.len() - 33;
    compressed[parity] ^= 1;
    assert_eq!(
        refusal(&pem("EC PRIVATE KEY", &compressed)),
        Some(KeyError::PublicKeyMismatch)
    );
    // Zero, and all ones, which exceeds the order.
    assert_eq!(refusal(&with_scalar(&[0; 32])), Some(KeyError::Malformed));
    assert_eq!(refusal(&with_scalar(&[0xff; 32])), Some(KeyError::Malformed));

    // RFC 5958 §2: version 2 repeats the public key after the private one.
    let second_version = |public: &[u8]| {
        let v1 = der(openssl::PKCS8);
        let v2 = [
            &[0x30, 0x81, 0xcb, 0x02, 0x01, 0x01][..],
            &v1[6..],
            &[0x81, 0x42, 0x00],
            public,
        ]
        .concat();
        refusal(&pem("PRIVATE KEY", &v2))
    };
    let public = &der(openssl::SPKI)[26..];
    assert_eq!(second_version(public), None);
    assert_eq!(
        second_version(&der(openssl::P384_SPKI)[..65]),
        Some(KeyError::PublicKeyMismatch)
    );

    let mut off_the_curve = der(openssl::SPKI);
    *off_the_curve.last_mut().unwrap() ^= 1;
    let off_the_curve = pem("PUBLIC KEY", &off_the_curve);
    assert_eq!(
        VerifyingKey::from_spki_pem(off_the_curve.as_bytes()),
        Err(KeyError::Malformed)
    );
}

#[test]
fn broken_files_are_named() {
    let two = [openssl::PKCS8, openssl::PKCS8].concat();
    let key_and_public = [openssl::PKCS8, openssl::SPKI].concat();
    let unended = openssl::PKCS8.replace("-----END", "-----");
    let crossed = openssl::PKCS8.replace("END PRIVATE", "END PUBLIC");
    let not_base64 = openssl::PKCS8.replace("MIGH", "M!GH");
    for pem in [
        "",
        "key",
        openssl::SPKI,
        &two,
        &key_and_public,
        &unended,
        &crossed,
        &not_base64,
    ] {
        assert_eq!(refusal(pem), Some(KeyError::NotPem), "{pem}");
    }
    assert_eq!(SigningKey::from_pem(b"\xff", None).err(), Some(KeyError::NotPem));
    assert_eq!(
        VerifyingKey::from_spki_pem(openssl::PKCS8.as_bytes()),
        Err(KeyError::NotPem)
    );

    let whole = der(openssl::PKCS8);
    for end in 0..whole.len() {
        assert!(
            refusal(&pem("PRIVATE KEY", &whole[..end])).is_some(),
            "the first {end} bytes"
        );
    }
    let longer = [&whole[..], &[0]].concat();
    assert_eq!(refusal(&pem("PRIVATE KEY", &longer)), Some(KeyError::Malformed));
}

#[test]
fn text_around_a_key_and_other_line_ends_are_fine() {
    let windows = openssl::PKCS8.replace('\n', "\r\n");
    let commented = format!("Made on a Sunday.\n\n{}\nThat was it.\n", openssl::PKCS8);
    assert!(read(&windows).is_ok());
    assert!(read(&commented).is_ok());
}

#[test]
fn a_jwk_says_all_that_a_verifier_needs() {
    let key = VerifyingKey::from_spki_pem(openssl::SPKI.as_bytes()).unwrap();
    let der = der(openssl::SPKI);
    let [x, y] = [&der[27..59], &der[59..]].map(|coordinate| URL_SAFE_NO_PAD.encode(coordinate));
    let jwk = json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": key.kid(), "use": "sig", "alg": "ES256" });
    assert_eq!(json!(key.to_jwk()), jwk);
    assert_eq!(format!("{key:?}"), format!("VerifyingKey({:?})", key.kid()));
    let read: Jwk = serde_json::from_value(jwk).unwrap();
    assert_eq!(VerifyingKey::from_jwk(&read), Ok(key));
}

#[test]
fn a_jwk_of_another_kind_is_named() {
    let key = VerifyingKey::from_spki_pem(openssl::SPKI.as_bytes()).unwrap();
    let with = |name: &str, value: Value| {
        let mut jwk = json!(key.to_jwk());
        jwk[name] = value;
        VerifyingKey::from_jwk(&serde_json::from_value(jwk).unwrap())
    };
    for (name, value) in [
        ("kty", "RSA"),
        ("crv", "P-384"),
        ("use", "enc"),
        ("alg", "ES384"),
        ("alg", "none"),
    ] {
        assert_eq!(with(name, json!(value)), Err(JwkError::OtherKind), "{name} {value}");
    }
    for operations in [
        json!([]),
        json!(["encrypt"]),
        json!(["sign"]),
        json!(["verify", "verify"]),
    ] {
        assert_eq!(
            with("key_ops", operations.clone()),
            Err(JwkError::OtherKind),
            "{operations}"
        );
    }
    assert_eq!(with("key_ops", json!(["sign", "verify"])), Ok(key.clone()));
    let y = key.to_jwk().y;
    let padded = format!("{y}=");
    let long = URL_SAFE_NO_PAD.encode([&[0], &URL_SAFE_NO_PAD.decode(&y).unwrap()[..]].concat());
    for value in ["", "AAAA", &padded, &long, &key.to_jwk().x] {
        assert_eq!(with("y", json!(value)), Err(JwkError::Malformed), "{value}");
    }
    // Together they have the right length.
    let Jwk { x, y, .. } = key.to_jwk();
    let both = [x, y]
        .map(|coordinate| URL_SAFE_NO_PAD.decode(coordinate).unwrap())
        .concat();
    let mut shifted = key.to_jwk();
    [shifted.x, shifted.y] = [&both[..31], &both[31..]].map(|coordinate| URL_SAFE_NO_PAD.encode(coordinate));
    assert_eq!(VerifyingKey::from_jwk(&shifted), Err(JwkError::Malformed));

    assert_eq!(with("kid", json!("")), Err(JwkError::KidMismatch));
    for name in ["kid", "use", "alg"] {
        assert_eq!(with(name, Value::Null), Ok(key.clone()), "{name}");
    }
}

/// RFC 7517 §4.5: the issuer chooses the name of a key.
#[test]
fn a_published_key_has_the_name_that_its_issuer_gave_it() {
    let key = VerifyingKey::from_spki_pem(openssl::SPKI.as_bytes()).unwrap();
    let mut jwk = key.to_jwk();
    jwk.kid = Some("march".to_owned());
    assert_eq!(VerifyingKey::from_jwk(&jwk), Err(JwkError::KidMismatch));
    let published = VerifyingKey::from_published_jwk(&jwk).unwrap();
    assert_eq!((published.kid(), &published), ("march", &key));
    jwk.kid = None;
    assert_eq!(VerifyingKey::from_published_jwk(&jwk).unwrap().kid(), key.kid());
}

#[test]
fn a_set_steps_over_what_it_cannot_use() {
    let key = VerifyingKey::from_spki_pem(openssl::SPKI.as_bytes()).unwrap();
    let jwk = json!(key.to_jwk());
    let mut private = jwk.clone();
    private["d"] = json!("AAAA");
    let mut for_encryption = jwk.clone();
    for_encryption["use"] = json!("enc");
    let mut for_signing = jwk.clone();
    for_signing["key_ops"] = json!(["sign"]);
    let set = json!({ "keys": [
        { "kty": "RSA", "n": "AQAB", "e": "AQAB" },
        { "kty": "oct", "k": "AAAA" },
        { "kty": "EC", "crv": "P-384", "x": "AAAA", "y": "AAAA" },
        { "kty": 1 },
        null,
        private,
        for_encryption,
        for_signing,
        jwk,
    ], "more": true });
    let read: JwkSet = serde_json::from_value(set).unwrap();
    assert_eq!(read.keys, [key.to_jwk()]);
    assert_eq!(json!(read), json!({ "keys": [jwk] }));
    assert!(serde_json::from_str::<JwkSet>(r#"{"key":[]}"#).is_err());
}
