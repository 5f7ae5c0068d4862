//! RSA keys, the tokens that they sign, and that they verify nothing else.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use countersign_jose::{
    AccessTokenClaims, AccessTokenExpectation, ClientClaims, IdTokenClaims, IdTokenHint, IdTokenHintExpectation, Jwk,
    JwkSet, KeyError, LogoutTokenClaims, Present, RsaSigningKey, RsaVerifyingKey, SigningKey, TokenError, TokenType,
    UserInfoClaims, VerifyingKey, verify, verify_id_token_rs256,
};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::sample::{AUDIENCE, ISSUER, NOW, claims, token};
use crate::{openssl, openssl_rsa};

const PASSPHRASE: &[u8] = b"correct horse";

fn read(pem: &str) -> Result<RsaSigningKey, KeyError> {
    RsaSigningKey::from_pem(pem.as_bytes(), None)
}

fn key() -> RsaSigningKey {
    read(openssl_rsa::PKCS8).unwrap()
}

fn id_token() -> IdTokenClaims {
    IdTokenClaims {
        iss: ISSUER.to_owned(),
        sub: Uuid::from_u128(1),
        aud: "grafana".to_owned(),
        exp: NOW + 3600,
        iat: NOW,
        auth_time: NOW - 60,
        nonce: Some("n-0S6_WzA2Mj".to_owned()),
        acr: Some("aal1".to_owned()),
        amr: vec!["pwd".to_owned()],
        sid: Uuid::from_u128(2),
        at_hash: None,
        user: json!({ "name": "Ada", "sub": "mallory" })
            .as_object()
            .unwrap()
            .clone()
            .into(),
    }
}

fn expect() -> IdTokenHintExpectation<'static> {
    IdTokenHintExpectation {
        issuer: ISSUER,
        present: Present { now: NOW, leeway: 0 },
    }
}

fn hint(key: &RsaSigningKey, token: &str) -> Result<IdTokenHint, TokenError> {
    let public = key.verifying_key();
    verify_id_token_rs256(token, |kid| (kid == public.kid()).then(|| public.clone()), &expect())
}

fn part(token: &str, number: usize) -> Value {
    let part = token.split('.').nth(number).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[test]
fn every_form_of_an_rsa_key_gives_the_same_key() {
    let public = RsaVerifyingKey::from_spki_pem(openssl_rsa::SPKI.as_bytes()).unwrap();
    for pem in [openssl_rsa::PKCS8, openssl_rsa::PKCS1] {
        assert_eq!(read(pem).unwrap().verifying_key(), &public, "{pem}");
    }
    let locked = openssl_rsa::ENCRYPTED.as_bytes();
    let opened = RsaSigningKey::from_pem(locked, Some(PASSPHRASE)).unwrap();
    assert_eq!(opened.verifying_key(), &public);
    assert_eq!(
        RsaSigningKey::from_pem(locked, None).err(),
        Some(KeyError::NeedsPassphrase)
    );
    assert_eq!(
        RsaSigningKey::from_pem(locked, Some(b"wrong")).err(),
        Some(KeyError::WrongPassphrase)
    );
}

#[test]
fn an_rsa_key_is_written_as_openssl_writes_it() {
    assert_eq!(*key().to_pkcs8_pem().unwrap(), openssl_rsa::PKCS8);
    assert_eq!(key().verifying_key().to_spki_pem(), openssl_rsa::SPKI);
}

#[test]
fn a_new_rsa_key_has_3072_bits_and_comes_back() {
    let made = RsaSigningKey::generate().unwrap();
    let again = read(&made.to_pkcs8_pem().unwrap()).unwrap();
    assert_eq!(again.verifying_key(), made.verifying_key());
    let jwk = made.verifying_key().to_jwk();
    assert_eq!(URL_SAFE_NO_PAD.decode(&jwk.n).unwrap().len(), 384);
    assert_eq!(
        (jwk.kty, jwk.e.as_str(), jwk.use_, jwk.alg),
        ("RSA", "AQAB", "sig", "RS256")
    );
    assert!(hint(&made, &again.sign(&id_token()).unwrap()).is_ok());
}

#[test]
fn the_kid_of_an_rsa_key_is_its_thumbprint() {
    let jwk = key().verifying_key().to_jwk();
    // RFC 7638 §3.2, by another implementation.
    let jwk: jsonwebtoken::jwk::Jwk = serde_json::from_value(json!(jwk)).unwrap();
    assert_eq!(
        jwk.thumbprint(jsonwebtoken::jwk::ThumbprintHash::SHA256).unwrap(),
        key().kid()
    );
}

#[test]
fn other_keys_are_no_rsa_keys_and_an_rsa_key_is_no_other() {
    for (pem, expected) in [
        (openssl_rsa::SHORT, KeyError::UnsupportedRsa),
        (openssl_rsa::EXPONENT_3, KeyError::UnsupportedRsa),
        (openssl_rsa::PSS, KeyError::NotRsa),
        (openssl::PKCS8, KeyError::NotRsa),
        (openssl::SEC1, KeyError::NotRsa),
        (openssl::SYMMETRIC, KeyError::NotRsa),
        (openssl_rsa::SPKI, KeyError::NotPem),
        ("", KeyError::NotPem),
    ] {
        assert_eq!(read(pem).err(), Some(expected), "{pem}");
    }
    for (pem, expected) in [
        (openssl_rsa::SHORT_SPKI, KeyError::UnsupportedRsa),
        (openssl::SPKI, KeyError::NotRsa),
        (openssl_rsa::PKCS8, KeyError::NotPem),
    ] {
        assert_eq!(
            RsaVerifyingKey::from_spki_pem(pem.as_bytes()).err(),
            Some(expected),
            "{pem}"
        );
    }
    for pem in [openssl_rsa::PKCS8, openssl_rsa::PKCS1, openssl_rsa::SHORT] {
        assert!(SigningKey::from_pem(pem.as_bytes(), None).is_err(), "{pem}");
    }
    assert_eq!(
        VerifyingKey::from_spki_pem(openssl_rsa::SPKI.as_bytes()).err(),
        Some(KeyError::NotP256)
    );
    let jwk = json!(key().verifying_key().to_jwk());
    assert!(serde_json::from_value::<Jwk>(jwk.clone()).is_err());
    let set: JwkSet = serde_json::from_value(json!({ "keys": [jwk] })).unwrap();
    assert!(set.keys.is_empty());
}

#[test]
fn a_damaged_rsa_key_is_refused() {
    let body: String = openssl_rsa::PKCS8
        .lines()
        .filter(|line| !line.starts_with('-'))
        .collect();
    let der = STANDARD.decode(body).unwrap();
    // One byte of each number, and of the structure.
    for at in [0, 3, 30, 50, 250, 500, 700, 900, 1000, 1200, 1400, 1600, der.len() - 1] {
        let mut damaged = der.clone();
        damaged[at] ^= 0x10;
        let pem = format!(
            "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
            STANDARD.encode(&damaged)
        );
        assert!(read(&pem).is_err(), "byte {at}");
    }
}

#[test]
fn o_38_an_id_token_has_the_claims_that_it_was_given_and_no_other() {
    let signed = key().sign(&id_token()).unwrap();
    assert_eq!(
        part(&signed, 0),
        json!({ "alg": "RS256", "typ": "JWT", "kid": key().kid() })
    );
    assert_eq!(
        part(&signed, 1),
        json!({
            "iss": ISSUER, "sub": Uuid::from_u128(1), "aud": "grafana", "exp": NOW + 3600, "iat": NOW,
            "auth_time": NOW - 60, "nonce": "n-0S6_WzA2Mj", "acr": "aal1", "amr": ["pwd"], "sid": Uuid::from_u128(2),
            "name": "Ada",
        })
    );
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_audience(&["grafana"]);
    validation.validate_exp = false;
    let theirs = DecodingKey::from_rsa_pem(openssl_rsa::SPKI.as_bytes()).unwrap();
    assert_eq!(
        decode::<Value>(&signed, &theirs, &validation).unwrap().claims["name"],
        "Ada"
    );
}

#[test]
fn a_logout_token_has_the_event_and_no_nonce() {
    let claims = LogoutTokenClaims {
        iss: ISSUER.to_owned(),
        sub: Uuid::from_u128(1),
        aud: "grafana".to_owned(),
        exp: NOW + 120,
        iat: NOW,
        jti: Uuid::from_u128(3),
        sid: Uuid::from_u128(2),
    };
    let signed = key().sign(&claims).unwrap();
    assert_eq!(part(&signed, 0)["typ"], "logout+jwt");
    assert_eq!(
        part(&signed, 1),
        json!({
            "iss": ISSUER, "sub": Uuid::from_u128(1), "aud": "grafana", "exp": NOW + 120, "iat": NOW,
            "jti": Uuid::from_u128(3), "sid": Uuid::from_u128(2),
            "events": { "http://schemas.openid.net/event/backchannel-logout": {} },
        })
    );
}

#[test]
fn an_id_token_of_either_algorithm_comes_back_as_a_hint_at_any_age() {
    let (rsa, ec) = (key(), SigningKey::generate().unwrap());
    let mut old = id_token();
    (old.iat, old.exp, old.auth_time) = (NOW - 10_000_000, NOW - 9_996_400, NOW - 10_000_000);
    for claims in [id_token(), old] {
        let found = hint(&rsa, &rsa.sign(&claims).unwrap()).unwrap();
        assert_eq!(
            (found.sub, found.sid, found.client_id.as_str(), found.iat),
            (Uuid::from_u128(1), Uuid::from_u128(2), "grafana", claims.iat)
        );
        let signed = ec.sign(TokenType::ID_TOKEN, &claims).unwrap();
        let same = verify::<IdTokenHint>(&signed, |_| Some(ec.verifying_key().clone()), &expect()).unwrap();
        assert_eq!(same, found);
    }
}

#[test]
fn o_36_nothing_else_is_taken_for_an_id_token() {
    let (rsa, ec) = (key(), SigningKey::generate().unwrap());
    let code = |token: &str| hint(&rsa, token).map_or_else(TokenError::code, |_| "GOOD");
    let by = |key: &RsaSigningKey, change: &dyn Fn(&mut IdTokenClaims)| {
        let mut claims = id_token();
        change(&mut claims);
        key.sign(&claims).unwrap()
    };
    assert_eq!(code(&by(&rsa, &|_| ())), "GOOD");
    assert_eq!(code(&by(&rsa, &|claims| claims.iss.push('/'))), "wrong_issuer");
    assert_eq!(code(&by(&rsa, &|claims| claims.iat = NOW + 1)), "issued_in_the_future");
    assert_eq!(code(&by(&RsaSigningKey::generate().unwrap(), &|_| ())), "unknown_key");
    // The other tokens of ours that are for a client.
    let user_info = UserInfoClaims::new(
        ISSUER,
        Uuid::from_u128(1),
        "grafana",
        json!({ "sid": Uuid::from_u128(2), "exp": NOW, "iat": NOW, "auth_time": NOW })
            .as_object()
            .unwrap()
            .clone(),
    );
    assert_eq!(code(&rsa.sign(&user_info).unwrap()), "claim_wrong_shape");
    let logout = LogoutTokenClaims {
        iss: ISSUER.to_owned(),
        sub: Uuid::from_u128(1),
        aud: "grafana".to_owned(),
        exp: NOW,
        iat: NOW,
        jti: Uuid::from_u128(3),
        sid: Uuid::from_u128(2),
    };
    assert_eq!(code(&rsa.sign(&logout).unwrap()), "wrong_type");
    // ES256 tokens, whatever their type.
    assert_eq!(code(&token(&ec, &claims(NOW))), "wrong_algorithm");
    assert_eq!(
        code(&ec.sign(TokenType::ID_TOKEN, &id_token()).unwrap()),
        "wrong_algorithm"
    );
    // Signed with the public key as an HMAC secret, with another hash or padding, or not at all.
    let theirs = EncodingKey::from_rsa_pem(openssl_rsa::PKCS8.as_bytes()).unwrap();
    for (alg, key) in [
        (Algorithm::HS256, EncodingKey::from_secret(openssl_rsa::SPKI.as_bytes())),
        (Algorithm::RS384, theirs.clone()),
        (Algorithm::RS512, theirs.clone()),
        (Algorithm::PS256, theirs.clone()),
    ] {
        let mut header = Header::new(alg);
        header.kid = Some(rsa.kid().to_owned());
        assert_eq!(
            code(&encode(&header, &id_token(), &key).unwrap()),
            "wrong_algorithm",
            "{alg:?}"
        );
    }
    let mut header = Header::new(Algorithm::RS256);
    header.kid = Some(rsa.kid().to_owned());
    let good = encode(&header, &id_token(), &theirs).unwrap();
    assert_eq!(code(&good), "GOOD");
    let (text, signature) = good.rsplit_once('.').unwrap();
    assert_eq!(code(&format!("{text}.")), "signature_wrong_length");
    assert_eq!(code(&format!("{text}.{}", &signature[4..])), "signature_wrong_length");
    assert_eq!(code(&format!("{text}.AAAA{}", &signature[4..])), "signature_mismatch");
    header.typ = Some("at+jwt".to_owned());
    assert_eq!(code(&encode(&header, &id_token(), &theirs).unwrap()), "wrong_type");
    header.typ = None;
    assert_eq!(
        code(&encode(&header, &id_token(), &theirs).unwrap()),
        "header_parameter_missing"
    );
}

#[test]
fn o_36_no_token_of_a_client_is_taken_for_an_access_token() {
    let (rsa, ec) = (key(), SigningKey::generate().unwrap());
    let audience = [AUDIENCE.to_owned(), "grafana".to_owned()];
    let expect = AccessTokenExpectation {
        issuer: ISSUER,
        audience: &audience,
        present: Present { now: NOW, leeway: 0 },
    };
    let code = |token: &str| {
        let verified = verify::<AccessTokenClaims>(token, |_| Some(ec.verifying_key().clone()), &expect);
        verified.map_or_else(TokenError::code, |_| "GOOD")
    };
    assert_eq!(code(&rsa.sign(&id_token()).unwrap()), "wrong_algorithm");
    assert_eq!(code(&ec.sign(TokenType::ID_TOKEN, &id_token()).unwrap()), "wrong_type");
    // An access token that was signed with the RSA key, as only its holder could.
    let theirs = EncodingKey::from_rsa_pem(openssl_rsa::PKCS8.as_bytes()).unwrap();
    let mut header = Header::new(Algorithm::RS256);
    header.typ = Some("at+jwt".to_owned());
    header.kid = Some(ec.kid().to_owned());
    assert_eq!(
        code(&encode(&header, &claims(NOW), &theirs).unwrap()),
        "wrong_algorithm"
    );
}

#[test]
fn only_tokens_for_clients_can_be_signed_with_rsa() {
    // That an access token cannot is a matter of types: `AccessTokenClaims` is no `ClientClaims`.
    fn typ<C: ClientClaims>() -> &'static str {
        C::TYPE.name()
    }
    assert_eq!(
        [
            typ::<IdTokenClaims>(),
            typ::<LogoutTokenClaims>(),
            typ::<UserInfoClaims>()
        ],
        ["JWT", "logout+jwt", "JWT"]
    );
    let mut long = id_token();
    long.user = json!({ "name": "a".repeat(20_000) })
        .as_object()
        .unwrap()
        .clone()
        .into();
    assert!(key().sign(&long).is_err());
}
