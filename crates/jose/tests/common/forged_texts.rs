//! Texts that are not a compact JWS, or whose JSON is invalid or too large.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::Forged;
use super::forge::{Forge, encode};

pub(super) fn shapes(forge: &Forge<'_>) -> Vec<Forged> {
    let header = encode(forge.header.to_string());
    // Trailing spaces are valid JSON; these lengths leave unused bits and need padding.
    let spaced = |json: String, length: usize| format!("{json}{}", " ".repeat((3 + length - json.len() % 3) % 3));
    let claims = encode(spaced(forge.claims.to_string(), 1));
    let loose_header = encode(spaced(forge.header.to_string(), 1));
    let good = format!("{header}.{claims}");
    let signature = encode(forge.signature(good.as_bytes()));
    let token = format!("{good}.{signature}");
    let signed = |text: String| format!("{text}.{}", encode(forge.signature(text.as_bytes())));
    let json_form = json!({ "protected": header, "payload": claims, "signature": signature }).to_string();
    let standard = STANDARD
        .encode(forge.claims.to_string())
        .trim_end_matches('=')
        .to_owned();
    vec![
        ("R-7 one part", "not_three_parts", header.clone()),
        ("R-7 two parts", "not_three_parts", good.clone()),
        ("R-7 four parts", "not_three_parts", format!("{token}.{signature}")),
        ("R-7 four parts, the last empty", "not_three_parts", format!("{token}.")),
        (
            "R-7 five parts",
            "not_three_parts",
            format!("{token}.{header}.{claims}"),
        ),
        ("R-7 a dot in front", "not_three_parts", format!(".{token}")),
        ("R-7 only dots", "not_json", "..".to_owned()),
        ("R-7 JSON serialisation", "not_three_parts", json_form),
        ("R-7 empty header", "not_json", signed(format!(".{claims}"))),
        ("R-7 empty claims", "not_json", signed(format!("{header}."))),
        (
            "R-7 padded header",
            "not_base64url",
            signed(format!("{loose_header}==.{claims}")),
        ),
        ("R-7 padded claims", "not_base64url", signed(format!("{good}=="))),
        ("R-7 padded signature", "not_base64url", format!("{token}==")),
        (
            "R-7 a space within the header",
            "not_base64url",
            signed(spliced(&header, " ") + "." + &claims),
        ),
        (
            "R-7 a space within the claims",
            "not_base64url",
            signed(format!("{header}.{}", spliced(&claims, " "))),
        ),
        (
            "R-7 a space within the signature",
            "not_base64url",
            format!("{good}.{}", spliced(&signature, " ")),
        ),
        (
            "R-7 unused bits of the header",
            "not_base64url",
            signed(format!("{}.{claims}", loosened(&loose_header))),
        ),
        (
            "R-7 unused bits of the claims",
            "not_base64url",
            signed(loosened(&good)),
        ),
        ("R-7 unused bits of the signature", "not_base64url", loosened(&token)),
        (
            "R-7 a letter beyond base64url",
            "not_base64url",
            signed(spliced(&header, "+") + "." + &claims),
        ),
        (
            "R-7 percent-encoded",
            "not_base64url",
            signed(format!("{header}.{standard}%3D")),
        ),
    ]
}

pub(super) fn sizes(forge: &Forge<'_>) -> Vec<Forged> {
    let padded = |bytes: usize| forge.claiming("padding", json!("x".repeat(bytes)));
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    let header = |depth: usize| {
        let header =
            forge
                .header_without("deep")
                .to_string()
                .replacen('{', &format!(r#"{{"deep":{},"#, nested(depth)), 1);
        forge.sign_texts(&header, &forge.claims.to_string())
    };
    let claims = forge.raw_claim("deep", &nested(100));
    vec![
        ("R-15 a token of a megabyte", "token_too_long", padded(1 << 20)),
        ("R-15 a token of 9 KB", "token_too_long", padded(9 * 1024)),
        ("R-15 header nested 10 000 deep", "token_too_long", header(10_000)),
        ("R-15 header nested 2 000 deep", "nested_too_deeply", header(2_000)),
        (
            "R-15 claims nested 100 deep",
            "nested_too_deeply",
            forge.sign_texts(&forge.header.to_string(), &claims),
        ),
    ]
}

pub(super) fn json(forge: &Forge<'_>) -> Vec<Forged> {
    let header = forge.header.to_string();
    let claims = forge.claims.to_string();
    let exp = forge.claims["exp"].to_string();
    let again = |member: &str| forge.sign_texts(&header, &claims.replacen('{', &format!("{{{member},"), 1));
    vec![
        ("R-6 exp twice", "duplicate_member", again(&format!(r#""exp":{exp}"#))),
        (
            "R-6 sub twice, escaped",
            "duplicate_member",
            again(r#""su\u0062":"00000000-0000-0000-0000-000000000000""#),
        ),
        (
            "R-6 a member twice, deep within",
            "duplicate_member",
            again(r#""act":{"a":[{"sub":1,"sub":2}]}"#),
        ),
        (
            "R-7 header not JSON",
            "not_json",
            forge.sign_texts("{alg:ES256}", &claims),
        ),
        (
            "R-7 header a list",
            "not_an_object",
            forge.sign_texts(&format!("[{header}]"), &claims),
        ),
        (
            "R-7 header with more behind",
            "not_json",
            forge.sign_texts(&format!("{header}{{}}"), &claims),
        ),
        ("R-7 claims not JSON", "not_json", forge.sign_texts(&header, "claims")),
        (
            "R-7 claims a list",
            "not_an_object",
            forge.sign_texts(&header, &format!("[{claims}]")),
        ),
        (
            "R-7 claims a string",
            "not_an_object",
            forge.sign_texts(&header, &json!(claims).to_string()),
        ),
        (
            "R-7 claims with more behind",
            "not_json",
            forge.sign_texts(&header, &format!("{claims}x")),
        ),
        (
            "R-7 claims cut off",
            "not_json",
            forge.sign_texts(&header, &claims[..claims.len() - 1]),
        ),
        (
            "R-7 claims with a byte order mark",
            "not_json",
            forge.sign_texts(&header, &format!("\u{feff}{claims}")),
        ),
    ]
}

fn spliced(text: &str, insert: &str) -> String {
    let (front, back) = text.split_at(text.len() / 2);
    [front, insert, back].concat()
}

/// Sets an unused bit of the last character: 'A' becomes 'B', 'g' becomes 'h'. With one remaining byte, four bits are
/// unused, so the last character of the alphabet cannot occur.
fn loosened(text: &str) -> String {
    let (front, last) = text.split_at(text.len() - 1);
    format!("{front}{}", char::from(last.as_bytes()[0] + 1))
}
