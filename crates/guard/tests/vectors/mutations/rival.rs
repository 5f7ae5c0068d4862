//! The `jsonwebtoken` crate as a second opinion. It may be laxer, but must also reject forged and expired tokens.

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde_json::Value;

use crate::sample::{AUDIENCE, ISSUER, LEEWAY};

pub(super) struct Rival {
    key: DecodingKey,
    validation: Validation,
}

impl Rival {
    pub(super) fn new(jwks: &Value) -> Self {
        let keys = jwks["keys"].as_array().unwrap();
        let first = keys.iter().find(|key| key["crv"] == "P-256").unwrap();
        let jwk: Jwk = serde_json::from_value(first.clone()).unwrap();
        let mut validation = Validation::new(Algorithm::ES256);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.validate_nbf = true;
        validation.leeway = LEEWAY.into();
        Self {
            key: DecodingKey::from_jwk(&jwk).unwrap(),
            validation,
        }
    }

    pub(super) fn takes(&self, token: &str) -> bool {
        decode::<Value>(token, &self.key, &self.validation).is_ok()
    }
}
