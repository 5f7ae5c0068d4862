//! Key sets in which one key is changed. The other key is valid, so that the set is never empty.

use serde::Serialize;
use serde_json::{Value, json};

use super::Verdict::{self, Invalid, Valid};
use crate::forge::{Forge, encode};

pub(super) const OTHER_NAME: &str = "a name of the issuer's choice";

#[derive(Serialize)]
pub(super) struct KeySet {
    pub(super) name: String,
    pub(super) rule: &'static str,
    /// The document as text.
    pub(super) jwks: String,
    /// A token that is valid apart from its key.
    pub(super) token: String,
    pub(super) expect: Verdict,
}

/// `good` is a token that names its key by thumbprint, `named` one that names it [`OTHER_NAME`].
pub(super) fn key_sets(forge: &Forge, good: &str, named: &str) -> Vec<KeySet> {
    let mut sets = sets(forge);
    for set in &mut sets {
        set.token = if set.name.starts_with("named") { named } else { good }.to_owned();
    }
    sets
}

fn sets(forge: &Forge) -> Vec<KeySet> {
    let good = json!(forge.key.verifying_key().to_jwk());
    let second = json!(forge.second.verifying_key().to_jwk());
    let stranger = forge.unknown_jwk();
    let set = |rule, name: &str, expect, key: &Value| KeySet {
        name: name.to_owned(),
        rule,
        jwks: json!({ "keys": [second, key] }).to_string(),
        token: String::new(),
        expect,
    };
    let text = |name: &str| good[name].as_str().unwrap();
    let [x, y] = [text("x"), text("y")];
    let with = |rule, member: &str, value: Value, expect| {
        let mut key = good.clone();
        let name = format!("{member} {value}");
        key[member] = value;
        set(rule, &name.chars().take(60).collect::<String>(), expect, &key)
    };
    let without = |rule, member: &str, expect| {
        let mut key = good.clone();
        key.as_object_mut().unwrap().remove(member);
        set(rule, &format!("without {member}"), expect, &key)
    };
    let shortened = encode([7; 31]);
    let lengthened = encode([0; 33]);
    let mut sets = vec![
        set("K-1", "as it is", Valid, &good),
        with("K-1", "unknown", json!({ "a": [1] }), Valid),
        with("K-1", "x5c", json!(["MIIB"]), Valid),
        with("K-1", "kty", json!("RSA"), Invalid),
        with("K-1", "kty", json!("ec"), Invalid),
        with("K-1", "kty", json!(1), Invalid),
        with("K-1", "crv", json!("P-384"), Invalid),
        with("K-1", "crv", json!("p-256"), Invalid),
        with("K-1", "crv", Value::Null, Invalid),
        without("K-1", "kty", Invalid),
        without("K-1", "crv", Invalid),
        without("K-1", "x", Invalid),
        without("K-1", "y", Invalid),
        with("K-1", "x", json!(1), Invalid),
        with("K-1", "x", json!(""), Invalid),
        with("K-1", "x", json!(format!("{x}=")), Invalid),
        with("K-1", "x", json!(format!("{x}\n")), Invalid),
        with("K-1", "x", json!(format!(" {x}")), Invalid),
        with("K-1", "y", json!(shortened), Invalid),
        with("K-1", "y", json!(lengthened), Invalid),
        with("K-1", "y", json!(x), Invalid),
        with("K-1", "y", json!(format!("{}AA", &y[..40])), Invalid),
        with("K-2", "kid", Value::Null, Invalid),
        with("K-2", "kid", json!(1), Invalid),
        with("K-2", "kid", json!([text("kid")]), Invalid),
        with("K-2", "kid", json!("another"), Invalid),
        without("K-2", "kid", Invalid),
        with("K-3", "use", json!("enc"), Invalid),
        with("K-3", "use", json!("SIG"), Invalid),
        with("K-3", "use", json!(""), Invalid),
        with("K-3", "use", json!(["sig"]), Invalid),
        with("K-3", "use", Value::Null, Valid),
        without("K-3", "use", Valid),
        with("K-3", "alg", json!("ES384"), Invalid),
        with("K-3", "alg", json!("es256"), Invalid),
        with("K-3", "alg", json!("none"), Invalid),
        with("K-3", "alg", json!(256), Invalid),
        with("K-3", "alg", Value::Null, Valid),
        without("K-3", "alg", Valid),
        // Wycheproof, json_web_signature, tc 356: a key for other operations must not verify.
        with("K-4", "key_ops", json!(["encrypt"]), Invalid),
        with("K-4", "key_ops", json!(["sign"]), Invalid),
        with("K-4", "key_ops", json!(["deriveKey", "deriveBits"]), Invalid),
        with("K-4", "key_ops", json!(["Verify"]), Invalid),
        with("K-4", "key_ops", json!(["sign, verify"]), Invalid),
        with("K-4", "key_ops", json!([]), Invalid),
        with("K-4", "key_ops", json!("verify"), Invalid),
        with("K-4", "key_ops", json!({ "verify": true }), Invalid),
        with("K-4", "key_ops", json!(["verify", 1]), Invalid),
        with("K-4", "key_ops", json!([["verify"]]), Invalid),
        with("K-4", "key_ops", json!(["verify", "verify"]), Invalid),
        with("K-4", "key_ops", json!(["verify"]), Valid),
        with("K-4", "key_ops", json!(["sign", "verify"]), Valid),
        with("K-4", "key_ops", Value::Null, Valid),
        with("K-5", "d", json!(encode([7; 32])), Invalid),
        with("K-5", "d", json!(1), Invalid),
        with("K-5", "d", json!(""), Invalid),
        with("K-5", "d", Value::Null, Valid),
    ];
    sets.extend(several(&good, &second, &stranger));
    sets.extend(named_otherwise(&good, &second, &stranger));
    sets
}

/// Several keys with the same `kid`, and ambiguous documents.
fn several(good: &Value, second: &Value, stranger: &Value) -> Vec<KeySet> {
    let mut namesake = stranger.clone();
    namesake["kid"] = good["kid"].clone();
    let mut unusable = namesake.clone();
    unusable["use"] = json!("enc");
    let set = |rule, name: &str, jwks: String, expect| KeySet {
        name: name.to_owned(),
        rule,
        jwks,
        token: String::new(),
        expect,
    };
    let of = |keys: &[&Value]| json!({ "keys": keys }).to_string();
    let whole = of(&[second, good]);
    let twice = good.to_string().replacen('{', r#"{"use":"sig","#, 1);
    vec![
        set("K-6", "a namesake behind it", of(&[good, &namesake]), Verdict::Valid),
        set("K-6", "a namesake before it", of(&[&namesake, good]), Verdict::Invalid),
        set(
            "K-6",
            "a namesake of no use before it",
            of(&[&unusable, good]),
            Verdict::Valid,
        ),
        set(
            "K-6",
            "a valid key next to an invalid one",
            json!({ "keys": [null, 1, "x", [], {}, good] }).to_string(),
            Verdict::Valid,
        ),
        set(
            "K-7",
            "more in the document",
            json!({ "keys": [good], "more": [{ "a": 1 }] }).to_string(),
            Verdict::Valid,
        ),
        set(
            "K-7",
            "keys that are no list",
            json!({ "keys": good }).to_string(),
            Verdict::Unavailable,
        ),
        set(
            "K-7",
            "no keys",
            json!({ "key": [good] }).to_string(),
            Verdict::Unavailable,
        ),
        set("K-7", "a list", json!([good]).to_string(), Verdict::Unavailable),
        set(
            "K-7",
            "a byte order mark",
            format!("\u{feff}{whole}"),
            Verdict::Unavailable,
        ),
        set(
            "K-7",
            "something behind it",
            format!("{whole}{{}}"),
            Verdict::Unavailable,
        ),
        set(
            "K-7",
            "a member twice",
            format!(r#"{{"keys":[{twice}]}}"#),
            Verdict::Unavailable,
        ),
        set(
            "K-7",
            "keys twice",
            whole.replacen('{', r#"{"keys":[],"#, 1),
            Verdict::Unavailable,
        ),
        set(
            "K-7",
            "half a surrogate pair",
            whole.replacen('{', r#"{"x":"\ud800","#, 1),
            Verdict::Unavailable,
        ),
        set(
            "K-7",
            "an endless number",
            whole.replacen('{', r#"{"x":1e400,"#, 1),
            Verdict::Unavailable,
        ),
        set(
            "K-7",
            "nested too deeply",
            whole.replacen('{', &format!(r#"{{"x":{}{},"#, "[".repeat(16), "]".repeat(16)), 1),
            Verdict::Unavailable,
        ),
    ]
}

/// The issuer may choose any `kid`; here it is not the key's thumbprint.
fn named_otherwise(good: &Value, second: &Value, stranger: &Value) -> Vec<KeySet> {
    let mut renamed = stranger.clone();
    renamed["kid"] = json!(OTHER_NAME);
    let mut named = good.clone();
    named["kid"] = json!(OTHER_NAME);
    let mut taken = second.clone();
    taken["kid"] = good["kid"].clone();
    let set = |name: &str, keys: Value, expect| KeySet {
        name: name.to_owned(),
        rule: "K-2",
        jwks: json!({ "keys": keys }).to_string(),
        token: String::new(),
        expect,
    };
    vec![
        set("named otherwise", json!([good, named]), Verdict::Valid),
        set(
            "named otherwise, and not in the set",
            json!([second, good]),
            Verdict::Invalid,
        ),
        set(
            "named otherwise, as another key",
            json!([good, renamed]),
            Verdict::Invalid,
        ),
        set(
            "another key that has another name",
            json!([renamed, good]),
            Verdict::Valid,
        ),
        set("another key under this name", json!([taken, renamed]), Verdict::Invalid),
    ]
}
