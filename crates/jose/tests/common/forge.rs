//! Signs anything with a real key, including what a token library refuses to sign.

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use countersign_jose::SigningKey;
use serde_json::{Value, json};

/// A key, and the header and claims of a valid token.
pub(super) struct Forge<'a> {
    pub(super) signing: &'a SigningKey,
    pkcs8: Vec<u8>,
    pub(super) header: Value,
    pub(super) claims: &'a Value,
}

impl<'a> Forge<'a> {
    pub(super) fn new(signing: &'a SigningKey, claims: &'a Value) -> Self {
        let pkcs8 = der(&signing.to_pkcs8_pem().unwrap());
        let header = json!({ "alg": "ES256", "typ": "at+jwt", "kid": signing.kid() });
        Self {
            signing,
            pkcs8,
            header,
            claims,
        }
    }

    pub(super) fn signature_with(&self, algorithm: &'static EcdsaSigningAlgorithm, message: &[u8]) -> Vec<u8> {
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, &self.pkcs8).unwrap();
        pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec()
    }

    pub(super) fn signature(&self, message: &[u8]) -> Vec<u8> {
        self.signature_with(&ECDSA_P256_SHA256_FIXED_SIGNING, message)
    }

    /// The signed text of a valid token.
    pub(super) fn text(&self) -> String {
        format!(
            "{}.{}",
            encode(self.header.to_string()),
            encode(self.claims.to_string())
        )
    }

    pub(super) fn sign_texts(&self, header: &str, claims: &str) -> String {
        let text = format!("{}.{}", encode(header), encode(claims));
        format!("{text}.{}", encode(self.signature(text.as_bytes())))
    }

    pub(super) fn sign(&self, header: &Value, claims: &Value) -> String {
        self.sign_texts(&header.to_string(), &claims.to_string())
    }

    pub(super) fn hmac(&self, header: &Value, secret: &[u8]) -> String {
        let text = format!("{}.{}", encode(header.to_string()), encode(self.claims.to_string()));
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), text.as_bytes());
        format!("{text}.{}", encode(tag))
    }

    pub(super) fn header(&self, name: &str, value: Value) -> Value {
        let mut header = self.header.clone();
        header[name] = value;
        header
    }

    pub(super) fn header_without(&self, name: &str) -> Value {
        let mut header = self.header.clone();
        header.as_object_mut().unwrap().remove(name);
        header
    }

    pub(super) fn claiming(&self, name: &str, value: Value) -> String {
        let mut claims = self.claims.clone();
        claims[name] = value;
        self.sign(&self.header, &claims)
    }

    /// The claims of a client that acts for itself, some of them replaced.
    pub(super) fn of_client(&self, client: Value, changes: Value) -> String {
        let mut claims = self.claims.clone();
        let members = claims.as_object_mut().unwrap();
        for name in ["sid", "auth_time", "amr"] {
            members.remove(name);
        }
        members.insert("sub".to_owned(), client.clone());
        members.insert("client_id".to_owned(), client);
        members.extend(changes.as_object().unwrap().clone());
        self.sign(&self.header, &claims)
    }

    pub(super) fn without(&self, name: &str) -> String {
        let mut claims = self.claims.clone();
        claims.as_object_mut().unwrap().remove(name);
        self.sign(&self.header, &claims)
    }

    /// The claims as text, with one of them as raw text, which need not be JSON.
    pub(super) fn raw_claim(&self, name: &str, value: &str) -> String {
        let mut claims = self.claims.clone();
        claims.as_object_mut().unwrap().remove(name);
        claims.to_string().replacen('{', &format!(r#"{{"{name}":{value},"#), 1)
    }
}

pub(super) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(super) fn der(pem: &str) -> Vec<u8> {
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    STANDARD.decode(body).unwrap()
}
