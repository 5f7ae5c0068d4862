//! Malicious headers with an otherwise valid signature.

use countersign_jose::SigningKey;
use serde_json::{Value, json};

use super::Forged;
use super::forge::{Forge, der, encode};

pub(super) fn algorithms(forge: &Forge<'_>) -> Vec<Forged> {
    let none = |alg: &str| forge.header("alg", json!(alg));
    let unsigned = |alg: &str| {
        format!(
            "{}.{}.",
            encode(none(alg).to_string()),
            encode(forge.claims.to_string())
        )
    };
    let alg = |alg: Value| forge.sign(&forge.header("alg", alg), forge.claims);
    vec![
        ("R-1 alg none, no signature", "algorithm_none", unsigned("none")),
        ("R-1 alg None, no signature", "algorithm_none", unsigned("None")),
        ("R-1 alg NONE, no signature", "algorithm_none", unsigned("NONE")),
        ("R-1 alg nOnE, no signature", "algorithm_none", unsigned("nOnE")),
        ("R-1 alg none with a space", "algorithm_none", unsigned("none ")),
        ("R-1 alg none, good signature", "algorithm_none", alg(json!("none"))),
        ("R-1 alg empty", "wrong_algorithm", alg(json!(""))),
        ("R-1 alg list", "wrong_algorithm", alg(json!(["ES256"]))),
        ("R-1 alg number", "wrong_algorithm", alg(json!(256))),
        ("R-1 alg null", "wrong_algorithm", alg(Value::Null)),
        ("R-1 alg es256", "wrong_algorithm", alg(json!("es256"))),
        ("R-1 alg ES384", "wrong_algorithm", alg(json!("ES384"))),
        ("R-1 alg RS256", "wrong_algorithm", alg(json!("RS256"))),
        ("R-1 alg ES256K", "wrong_algorithm", alg(json!("ES256K"))),
        (
            "R-1 alg missing",
            "header_parameter_missing",
            forge.sign(&forge.header_without("alg"), forge.claims),
        ),
    ]
}

/// The public key, used as an HMAC secret.
pub(super) fn confusions(forge: &Forge<'_>) -> Vec<Forged> {
    let public = forge.signing.verifying_key();
    let pem = public.to_spki_pem();
    let der = der(&pem);
    let jwk = serde_json::to_string(&public.to_jwk()).unwrap();
    let hs256 = |secret: &[u8]| forge.hmac(&forge.header("alg", json!("HS256")), secret);
    vec![
        (
            "R-2 HS256 with the public PEM",
            "wrong_algorithm",
            hs256(pem.as_bytes()),
        ),
        (
            "R-2 HS256 with the trimmed public PEM",
            "wrong_algorithm",
            hs256(pem.trim().as_bytes()),
        ),
        ("R-2 HS256 with the public DER", "wrong_algorithm", hs256(&der)),
        ("R-2 HS256 with the JWK", "wrong_algorithm", hs256(jwk.as_bytes())),
        (
            "R-2 HS256 with the bare point",
            "wrong_algorithm",
            hs256(&der[der.len() - 64..]),
        ),
        (
            "R-2 HMAC under alg ES256",
            "signature_wrong_length",
            forge.hmac(&forge.header, pem.as_bytes()),
        ),
    ]
}

/// A key that is included in the token and signed it.
pub(super) fn embedded_keys(forge: &Forge<'_>) -> Vec<Forged> {
    let attacker = SigningKey::generate().unwrap();
    let own = Forge::new(&attacker, forge.claims);
    let jwk = json!(attacker.verifying_key().to_jwk());
    let with = |name: &str, value: Value| own.sign(&own.header(name, value), own.claims);
    let under_our_kid = own.sign(&forge.header("jwk", jwk.clone()), own.claims);
    vec![
        ("R-4 jwk", "embedded_key", with("jwk", jwk)),
        ("R-4 jwk under our kid", "embedded_key", under_our_kid),
        (
            "R-4 jku",
            "embedded_key",
            with("jku", json!("http://127.0.0.1:9/jwks.json")),
        ),
        (
            "R-4 x5u",
            "embedded_key",
            with("x5u", json!("http://127.0.0.1:9/chain.pem")),
        ),
        ("R-4 x5c", "embedded_key", with("x5c", json!(["MIIB"]))),
        (
            "R-4 jku on our own token",
            "embedded_key",
            forge.sign(&forge.header("jku", json!("https://e")), forge.claims),
        ),
    ]
}

pub(super) fn header_requests(forge: &Forge<'_>) -> Vec<Forged> {
    let with = |name: &str, value: Value| forge.sign(&forge.header(name, value), forge.claims);
    let mut unencoded = forge.header("crit", json!(["b64"]));
    unencoded["b64"] = json!(false);
    vec![
        (
            "R-5 crit unknown",
            "critical_extension",
            with("crit", json!(["http://example.com/unknown"])),
        ),
        ("R-5 crit exp", "critical_extension", with("crit", json!(["exp"]))),
        ("R-5 crit empty", "critical_extension", with("crit", json!([]))),
        ("R-5 crit null", "critical_extension", with("crit", Value::Null)),
        (
            "R-5 crit b64",
            "critical_extension",
            forge.sign(&unencoded, forge.claims),
        ),
        (
            "R-5 b64 without crit",
            "unsupported_encoding",
            with("b64", json!(false)),
        ),
    ]
}

pub(super) fn key_names(forge: &Forge<'_>) -> Vec<Forged> {
    let kid = |kid: Value| forge.sign(&forge.header("kid", kid), forge.claims);
    let twice = |first: &str, second: &str| {
        let header = format!(r#"{{"alg":"ES256","typ":"at+jwt","kid":"{first}","kid":"{second}"}}"#);
        forge.sign_texts(&header, &forge.claims.to_string())
    };
    let own = forge.signing.kid();
    vec![
        ("R-6 kid unknown", "unknown_key", kid(json!("unknown"))),
        ("R-6 kid empty", "unknown_key", kid(json!(""))),
        ("R-6 kid a path", "unknown_key", kid(json!("../../../../dev/null"))),
        ("R-6 kid SQL", "unknown_key", kid(json!("x' UNION SELECT 'secret' --"))),
        ("R-6 kid a command", "unknown_key", kid(json!("x|sleep 10"))),
        ("R-6 kid NUL", "unknown_key", kid(json!("\0"))),
        ("R-6 kid with NUL behind", "unknown_key", kid(json!(format!("{own}\0")))),
        ("R-6 kid of 10 KB", "token_too_long", kid(json!("k".repeat(10_000)))),
        ("R-6 kid a number", "header_parameter_not_text", kid(json!(1))),
        ("R-6 kid null", "header_parameter_not_text", kid(Value::Null)),
        (
            "R-6 kid missing",
            "header_parameter_missing",
            forge.sign(&forge.header_without("kid"), forge.claims),
        ),
        ("R-6 kid twice, good one last", "duplicate_member", twice("x", own)),
        ("R-6 kid twice, good one first", "duplicate_member", twice(own, "x")),
        ("R-6 kid twice, both good", "duplicate_member", twice(own, own)),
    ]
}

pub(super) fn encryption(forge: &Forge<'_>) -> Vec<Forged> {
    let with = |name: &str, value: Value| forge.sign(&forge.header(name, value), forge.claims);
    let jwe = json!({ "alg": "PBES2-HS256+A128KW", "enc": "A128GCM", "p2s": "AAAA", "p2c": 1_000_000_000 });
    let mut signed_jwe = forge.header("enc", json!("A128GCM"));
    signed_jwe["alg"] = json!("dir");
    vec![
        (
            "R-8 a JWE",
            "not_three_parts",
            format!("{}.AAAA.AAAA.AAAA.AAAA", encode(jwe.to_string())),
        ),
        (
            "R-8 PBES2 in three parts",
            "wrong_algorithm",
            forge.sign(&jwe, forge.claims),
        ),
        (
            "R-8 alg dir, signed",
            "wrong_algorithm",
            forge.sign(&signed_jwe, forge.claims),
        ),
        ("R-8 zip", "unsupported_encoding", with("zip", json!("DEF"))),
        ("R-8 enc", "unsupported_encoding", with("enc", json!("A128GCM"))),
    ]
}

/// Our own tokens of other types.
pub(super) fn kinds(forge: &Forge<'_>) -> Vec<Forged> {
    let typ = |typ: Value| forge.sign(&forge.header("typ", typ), forge.claims);
    vec![
        ("R-13 typ JWT, as an ID token", "wrong_type", typ(json!("JWT"))),
        ("R-13 typ logout+jwt", "wrong_type", typ(json!("logout+jwt"))),
        ("R-13 typ dpop+jwt", "wrong_type", typ(json!("dpop+jwt"))),
        ("R-13 typ statuslist+jwt", "wrong_type", typ(json!("statuslist+jwt"))),
        ("R-13 typ of another tree", "wrong_type", typ(json!("text/at+jwt"))),
        ("R-13 typ empty", "wrong_type", typ(json!(""))),
        ("R-13 typ a list", "header_parameter_not_text", typ(json!(["at+jwt"]))),
        ("R-13 typ null", "header_parameter_not_text", typ(Value::Null)),
        (
            "R-13 typ missing",
            "header_parameter_missing",
            forge.sign(&forge.header_without("typ"), forge.claims),
        ),
    ]
}
