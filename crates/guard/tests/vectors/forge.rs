//! Signs anything with real keys of several kinds, including what a token library refuses to sign.

use aws_lc_rs::encoding::{AsBigEndian, EcPublicKeyUncompressedBin};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
    Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use countersign_jose::SigningKey;
use serde_json::{Value, json};

const SECRET: &[u8] = b"a secret that stands in a public set";

/// An issuer's key pairs: two that sign access tokens, and others in the same set that must never be accepted for them.
pub(crate) struct Forge {
    pub(crate) key: SigningKey,
    pub(crate) second: SigningKey,
    stranger: SigningKey,
    rsa: RsaKeyPair,
    ed25519: Ed25519KeyPair,
    p384: EcdsaKeyPair,
}

impl Forge {
    pub(crate) fn new() -> Self {
        Self {
            key: SigningKey::generate().unwrap(),
            second: SigningKey::generate().unwrap(),
            stranger: SigningKey::generate().unwrap(),
            rsa: RsaKeyPair::generate(KeySize::Rsa2048).unwrap(),
            ed25519: Ed25519KeyPair::generate().unwrap(),
            p384: EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap(),
        }
    }

    /// The JWK Set, which also contains unsupported kinds of keys.
    pub(crate) fn jwks(&self) -> Value {
        // RSAPublicKey is SEQUENCE { n, e }; for 2048 bits, n is here, after a zero byte.
        let n = encode(&self.rsa.public_key().as_ref()[9..265]);
        let p384 = AsBigEndian::<EcPublicKeyUncompressedBin<'_>>::as_be_bytes(self.p384.public_key()).unwrap();
        let (x, y) = p384.as_ref()[1..].split_at(48);
        json!({ "keys": [
            { "kty": "RSA", "kid": "rsa", "use": "sig", "alg": "RS256", "e": "AQAB", "n": n },
            { "kty": "OKP", "crv": "Ed25519", "kid": "ed25519", "alg": "EdDSA", "x": encode(self.ed25519.public_key()) },
            { "kty": "EC", "crv": "P-384", "kid": "p384", "alg": "ES384", "x": encode(x), "y": encode(y) },
            { "kty": "oct", "kid": "oct", "alg": "HS256", "k": encode(SECRET) },
            { "kty": "of-a-kind-to-come", "kid": "unknown" },
            self.key.verifying_key().to_jwk(),
            self.second.verifying_key().to_jwk(),
        ] })
    }

    /// The header of a valid token of a type.
    pub(crate) fn header(&self, typ: &str) -> Value {
        json!({ "alg": "ES256", "typ": typ, "kid": self.key.kid() })
    }

    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        sign_with(&self.key, header, claims)
    }

    /// Signed with a key that is not in the set.
    pub(crate) fn sign_with_unknown_key(&self, header: &Value, claims: &Value) -> String {
        sign_with(&self.stranger, header, claims)
    }

    pub(crate) fn unknown_jwk(&self) -> Value {
        json!(self.stranger.verifying_key().to_jwk())
    }

    pub(crate) fn hs256(&self, kid: &str, claims: &Value, secret: &[u8]) -> String {
        let text = text(&json!({ "alg": "HS256", "typ": "at+jwt", "kid": kid }), claims);
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), text.as_bytes());
        format!("{text}.{}", encode(tag))
    }

    pub(crate) fn hs256_with_key_of_the_set(&self, claims: &Value) -> String {
        self.hs256("oct", claims, SECRET)
    }

    pub(crate) fn rs256(&self, claims: &Value) -> String {
        self.rs256_with(&json!({ "alg": "RS256", "typ": "at+jwt", "kid": "rsa" }), claims)
    }

    /// Signed with the RSA key, whatever the header says.
    pub(crate) fn rs256_with(&self, header: &Value, claims: &Value) -> String {
        let text = text(header, claims);
        let mut signature = vec![0; self.rsa.public_modulus_len()];
        self.rsa
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature)
            .unwrap();
        format!("{text}.{}", encode(signature))
    }

    pub(crate) fn eddsa(&self, claims: &Value) -> String {
        let text = text(&json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": "ed25519" }), claims);
        let signature = self.ed25519.sign(text.as_bytes());
        format!("{text}.{}", encode(signature))
    }

    pub(crate) fn es384(&self, claims: &Value) -> String {
        let text = text(&json!({ "alg": "ES384", "typ": "at+jwt", "kid": "p384" }), claims);
        let signature = self.p384.sign(&SystemRandom::new(), text.as_bytes()).unwrap();
        format!("{text}.{}", encode(signature))
    }

    /// A valid token except for the format of its signature.
    pub(crate) fn der_signed(&self, claims: &Value) -> String {
        let text = text(&self.header("at+jwt"), claims);
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &pkcs8(&self.key)).unwrap();
        let signature = pair.sign(&SystemRandom::new(), text.as_bytes()).unwrap();
        format!("{text}.{}", encode(signature))
    }
}

pub(crate) fn sign_with(key: &SigningKey, header: &Value, claims: &Value) -> String {
    let text = text(header, claims);
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8(key)).unwrap();
    let signature = pair.sign(&SystemRandom::new(), text.as_bytes()).unwrap();
    format!("{text}.{}", encode(signature))
}

/// The signed text.
pub(crate) fn text(header: &Value, claims: &Value) -> String {
    format!("{}.{}", encode(header.to_string()), encode(claims.to_string()))
}

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn pkcs8(key: &SigningKey) -> Vec<u8> {
    let pem = key.to_pkcs8_pem().unwrap();
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    STANDARD.decode(body).unwrap()
}
