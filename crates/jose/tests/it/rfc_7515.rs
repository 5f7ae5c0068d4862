//! RFC 7515 §A.3: a JWS with ES256 that was signed by another implementation.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_jose::{Jwk, JwkError, SignatureError, VerifyingKey};
use serde_json::json;

const SIGNED: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
const SIGNATURE: &str = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

fn key() -> VerifyingKey {
    let jwk: Jwk = serde_json::from_value(json!({
        "kty": "EC",
        "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    }))
    .unwrap();
    VerifyingKey::from_jwk(&jwk).unwrap()
}

#[test]
fn the_known_answer_of_appendix_a_3() {
    let signature = URL_SAFE_NO_PAD.decode(SIGNATURE).unwrap();
    assert_eq!(key().verify(SIGNED.as_bytes(), &signature), Ok(()));
    assert_eq!(
        key().verify(&SIGNED.as_bytes()[1..], &signature),
        Err(SignatureError::Mismatch)
    );
}

/// The RFC's JWK also contains the private key.
#[test]
fn the_private_member_of_appendix_a_3_is_not_taken() {
    let private = json!({
        "kty": "EC",
        "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        "d": "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI",
    });
    assert!(serde_json::from_value::<Jwk>(private).is_err());
    let mut jwk = key().to_jwk();
    jwk.kid = Some("joe".to_owned());
    assert_eq!(VerifyingKey::from_jwk(&jwk), Err(JwkError::KidMismatch));
}
