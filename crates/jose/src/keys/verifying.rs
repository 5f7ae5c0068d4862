//! The public key: verifies signatures, and is read and written as PEM and JWK.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::jwk::{self, thumbprint};
use super::{Jwk, JwkError, KeyError, SignatureError, pem, signature};

const COORDINATE_LENGTH: usize = 32;
const POINT_LENGTH: usize = 1 + 2 * COORDINATE_LENGTH;
const UNCOMPRESSED: u8 = 4;

// SubjectPublicKeyInfo { { id-ecPublicKey, prime256v1 }, BIT STRING (65 bytes) }, up to the point.
const SPKI_PREFIX: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// An ES256 public key, parsed once. Cloning is cheap. Its `Debug` shows the `kid`.
#[derive(Clone)]
pub struct VerifyingKey(Arc<Parsed>);

struct Parsed {
    key: ParsedPublicKey,
    /// `04 ‖ x ‖ y` (SEC1 §2.3.3).
    point: [u8; POINT_LENGTH],
    kid: Box<str>,
}

impl VerifyingKey {
    /// Reads a `PUBLIC KEY` (SPKI, RFC 5480) with an uncompressed point, which is what every common tool writes.
    pub fn from_spki_pem(pem: &[u8]) -> Result<Self, KeyError> {
        let block = pem::read(pem)?;
        if block.label != "PUBLIC KEY" {
            return Err(KeyError::NotPem);
        }
        let point = block.der.strip_prefix(SPKI_PREFIX).ok_or(KeyError::NotP256)?;
        Self::from_point(point)
    }

    /// Writes SPKI in PEM.
    pub fn to_spki_pem(&self) -> String {
        pem::write("PUBLIC KEY", &[SPKI_PREFIX, &self.0.point].concat()).to_string()
    }

    /// Reads a JWK (RFC 7518 §6.2). If present, `kid` must be the thumbprint, `use` must be `sig`, `alg` must be `ES256`, and
    /// `key_ops` must contain `verify`.
    pub fn from_jwk(jwk: &Jwk) -> Result<Self, JwkError> {
        let key = Self::from_coordinates(jwk)?;
        match &jwk.kid {
            Some(kid) if kid != key.kid() => Err(JwkError::KidMismatch),
            _ => Ok(key),
        }
    }

    /// Reads a JWK of an issuer's key set and keeps its `kid`, which RFC 7517 §4.5 leaves to the issuer. A key without one is
    /// identified by its thumbprint.
    pub fn from_published_jwk(jwk: &Jwk) -> Result<Self, JwkError> {
        let key = Self::from_coordinates(jwk)?;
        let Some(kid) = jwk.kid.as_deref().filter(|kid| *kid != key.kid()) else {
            return Ok(key);
        };
        Ok(Self(Arc::new(Parsed::new(key.0.point, kid.into())?)))
    }

    /// Returns the key of a JWK, identified by its thumbprint.
    fn from_coordinates(jwk: &Jwk) -> Result<Self, JwkError> {
        if !jwk.is_es256() {
            return Err(JwkError::OtherKind);
        }
        let mut point = vec![UNCOMPRESSED];
        for coordinate in [&jwk.x, &jwk.y] {
            // RFC 7518 §6.2.1.2: each coordinate has the full length of the field, including leading zeros.
            let bytes = URL_SAFE_NO_PAD.decode(coordinate).map_err(|_| JwkError::Malformed)?;
            if bytes.len() != COORDINATE_LENGTH {
                return Err(JwkError::Malformed);
            }
            point.extend(bytes);
        }
        Self::from_point(&point).map_err(|_| JwkError::Malformed)
    }

    /// Writes the JWK, with `kid`, `use` and `alg`.
    pub fn to_jwk(&self) -> Jwk {
        let [x, y] = coordinates(&self.0.point);
        Jwk {
            kty: jwk::KTY.to_owned(),
            crv: jwk::CRV.to_owned(),
            x,
            y,
            kid: Some(self.kid().to_owned()),
            use_: Some(jwk::USE.to_owned()),
            alg: Some(jwk::ALG.to_owned()),
            key_ops: None,
        }
    }

    /// Returns the key's id: its RFC 7638 thumbprint, or the `kid` that [`Self::from_published_jwk`] read.
    pub fn kid(&self) -> &str {
        &self.0.kid
    }

    /// Verifies `signature`, 64 bytes of `r ‖ s`, over SHA-256 of `message`.
    ///
    /// ECDSA has two valid signatures for each message: if s is valid, so is n − s, which RFC 7518 does not forbid. A
    /// signature therefore does not identify a token; its `jti` does.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
        signature::check_form(signature)?;
        self.0
            .key
            .verify_sig(message, signature)
            .map_err(|_| SignatureError::Mismatch)
    }

    /// Creates a key from an uncompressed point, and checks that it is on the curve.
    pub(super) fn from_point(point: &[u8]) -> Result<Self, KeyError> {
        let point: [u8; POINT_LENGTH] = point.try_into().map_err(|_| KeyError::Malformed)?;
        let [x, y] = coordinates(&point);
        // RFC 7638 §3.2: the required members of an EC key, in this order.
        let kid = thumbprint(&[("crv", jwk::CRV), ("kty", jwk::KTY), ("x", &x), ("y", &y)]);
        let parsed = Parsed::new(point, kid.into_boxed_str()).map_err(|_| KeyError::Malformed)?;
        Ok(Self(Arc::new(parsed)))
    }
}

impl Parsed {
    fn new(point: [u8; POINT_LENGTH], kid: Box<str>) -> Result<Self, JwkError> {
        let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).map_err(|_| JwkError::Malformed)?;
        Ok(Self { key, point, kid })
    }
}

impl PartialEq for VerifyingKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.point == other.0.point
    }
}

impl Eq for VerifyingKey {}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("VerifyingKey").field(&self.kid()).finish()
    }
}

fn coordinates(point: &[u8; POINT_LENGTH]) -> [String; 2] {
    let (x, y) = point[1..].split_at(COORDINATE_LENGTH);
    [x, y].map(|coordinate| URL_SAFE_NO_PAD.encode(coordinate))
}
