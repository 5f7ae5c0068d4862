//! Mutations of how a token is written, encoded and signed.

use super::Verdict::{Invalid, Valid};
use super::draft::{Draft, Part};
use super::{At, Mutated, Mutation};
use crate::forge::{Forge, encode, sign_with};

/// The order of P-256 (FIPS 186-4 D.1.2.3).
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa,
    0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

pub(super) fn mutations() -> Vec<Mutation> {
    [texts(), encodings()].into_iter().flatten().collect()
}

/// The JSON of a part.
fn texts() -> Vec<Mutation> {
    let mut mutations = Vec::new();
    for part in ["header", "claims"] {
        let change = |rule, verdict, name: &str, change: fn(&mut Part)| {
            Mutation::new(
                At {
                    rule,
                    part,
                    member: "*",
                    verdict,
                },
                name,
                move |draft| change(of(draft, part)),
            )
        };
        mutations.extend([
            change("J-1", Valid, "blanks around", |part| {
                part.open = b" \t\r\n{ ".to_vec();
                part.close = b"\n} \t\r\n".to_vec();
            }),
            change("J-1", Valid, "blanks within", |part| {
                part.comma = "\r\n,\t";
                part.colon = " : ";
            }),
            change("J-1", Valid, "the other way round", Part::reverse),
            change("J-1", Invalid, "a byte order mark", |part| {
                part.open = b"\xef\xbb\xbf{".to_vec();
            }),
            change("J-1", Invalid, "a byte order mark behind it", |part| {
                part.close = b"}\xef\xbb\xbf".to_vec();
            }),
            change("J-1", Invalid, "a byte order mark within", |part| {
                part.open = b"{\xef\xbb\xbf".to_vec();
            }),
            change("J-1", Invalid, "a form feed", |part| part.open = b"\x0c{".to_vec()),
            change("J-1", Invalid, "a vertical tab", |part| part.close = b"}\x0b".to_vec()),
            change("J-1", Invalid, "a space that does not break", |part| {
                part.comma = ",\u{a0}";
            }),
            change("J-1", Invalid, "a zero behind it", |part| part.close = b"}\0".to_vec()),
            change("J-1", Invalid, "an object behind it", |part| {
                part.close = b"}{}".to_vec();
            }),
            change("J-1", Invalid, "a comma behind it", |part| part.close = b"},".to_vec()),
            change("J-1", Invalid, "a comma before the end", |part| {
                part.close = b",}".to_vec();
            }),
            change("J-1", Invalid, "a comment", |part| part.comma = ",/**/"),
            change("J-1", Invalid, "two commas", |part| part.comma = ",,"),
            change("J-1", Invalid, "an equals sign", |part| part.colon = "="),
            change("J-1", Invalid, "cut off", |part| part.close = Vec::new()),
            change("J-1", Invalid, "a list", |part| {
                part.open = b"[{".to_vec();
                part.close = b"}]".to_vec();
            }),
            change("J-1", Invalid, "no UTF-8 in a value", |part| {
                part.close = b",\"x\":\"\xff\"}".to_vec();
            }),
            change("J-1", Invalid, "no UTF-8 in a name", |part| {
                part.close = b",\"\xc3\":1}".to_vec();
            }),
            change("J-1", Invalid, "a letter in Latin-1", |part| {
                part.close = b",\"x\":\"\xe9\"}".to_vec();
            }),
            change("J-1", Invalid, "a letter in too many bytes", |part| {
                part.close = b",\"x\":\"\xc1\xa1\"}".to_vec();
            }),
            change("J-1", Invalid, "a surrogate in UTF-8", |part| {
                part.close = b",\"x\":\"\xed\xa0\x80\"}".to_vec();
            }),
            change("J-1", Invalid, "a pair of them", |part| {
                part.close = b",\"x\":\"\xed\xa0\xbd\xed\xb8\x80\"}".to_vec();
            }),
            change("J-1", Invalid, "beyond Unicode", |part| {
                part.close = b",\"x\":\"\xf4\x90\x80\x80\"}".to_vec();
            }),
            change("J-1", Valid, "the last of Unicode", |part| {
                part.close = b",\"x\":\"\xf4\x8f\xbf\xbf\"}".to_vec();
            }),
            change("J-3", Invalid, "half a pair in a name", |part| {
                part.close = br#","\uD83D":1}"#.to_vec();
            }),
            change("J-2", Invalid, "empty names", |part| {
                part.close = br#","":1,"":2}"#.to_vec();
            }),
            change("J-5", Valid, "sixteen levels", |part| part.close = nested(15)),
            change("J-5", Invalid, "seventeen levels", |part| part.close = nested(16)),
            change("J-5", Valid, "many shallow ones", |part| {
                part.close = format!(",\"x\":[{}{{}}]}}", "[{}],".repeat(80)).into_bytes();
            }),
            change("J-2", Valid, "a hundred members", |part| {
                let members: String = (0..100).map(|number| format!(",\"m{number}\":{number}")).collect();
                part.close = format!("{members}}}").into_bytes();
            }),
        ]);
    }
    mutations
}

fn nested(depth: usize) -> Vec<u8> {
    let (open, close) = (r#"[{"a":"#.repeat(depth / 2), "}]".repeat(depth / 2));
    let odd = ["", "[]"][depth % 2];
    let inner = if odd.is_empty() { "1" } else { odd };
    format!(",\"x\":{open}{inner}{close}}}").into_bytes()
}

/// The base64url of a part. It is signed as it is.
fn encodings() -> Vec<Mutation> {
    let mut mutations = Vec::new();
    for part in ["header", "claims"] {
        let change = |name: &str, change: fn(String) -> String| {
            Mutation::new(
                At {
                    rule: "F-3",
                    part,
                    member: "*",
                    verdict: Invalid,
                },
                name,
                move |draft| of(draft, part).encoded = change,
            )
        };
        mutations.extend([
            change("padded", |text| format!("{text}==")),
            change("padded by one", |text| format!("{text}=")),
            change("a line's end", |text| format!("{text}\n")),
            change("a space before it", |text| format!(" {text}")),
            change("a line's end within", |text| {
                format!("{}\r\n{}", &text[..8], &text[8..])
            }),
            change("a foreign character", |text| format!("{}!{}", &text[..8], &text[8..])),
            change("a character of base64", |text| format!("{}+{}", &text[..8], &text[8..])),
            change("a letter that is not ASCII", |text| format!("{text}\u{e9}")),
            change("a zero", |text| format!("{text}\0")),
            change("one character too many", |text| {
                let cut = text.len() / 4 * 4;
                format!("{}A", &text[..cut])
            }),
            change("bits left over", |text| {
                // The last character of an encoding has unused bits if one or two bytes remain.
                let padded = match text.len() % 4 {
                    0 => encode(format!("{} ", String::from_utf8_lossy(&decode(&text)))),
                    _ => text,
                };
                let last = padded.as_bytes()[padded.len() - 1];
                let at = ALPHABET.iter().position(|&one| one == last).unwrap();
                format!("{}{}", &padded[..padded.len() - 1], char::from(ALPHABET[at | 1]))
            }),
            change("empty", |_| String::new()),
        ]);
    }
    mutations
}

/// Mutations of the whole token rather than a draft: lengths, parts, signatures.
pub(super) fn whole(good: &Draft, forge: &Forge, sign: &impl Fn(&str) -> String) -> Vec<Mutated> {
    let token = sign(&good.text());
    let (text, signature) = token.rsplit_once('.').unwrap();
    let (header, claims) = text.split_once('.').unwrap();
    let bytes: [u8; 64] = decode(signature).try_into().unwrap();
    let signed = |bytes: &[u8]| format!("{text}.{}", encode(bytes));
    let altered = |at: usize| {
        let mut bytes = bytes;
        bytes[at] ^= 1;
        bytes
    };
    let [r, s]: [[u8; 32]; 2] = [bytes[..32].try_into().unwrap(), bytes[32..].try_into().unwrap()];
    let last = ALPHABET
        .iter()
        .position(|&one| one == signature.as_bytes()[85])
        .unwrap();
    let twin = format!("{}{}", &signature[..85], char::from(ALPHABET[last | 1]));
    let (longest, too_long) = around_the_limit(good, sign);
    let stranger = sign_with(
        &SigningKeys::stranger(),
        &forge.header("at+jwt"),
        &serde_json::json!({}),
    );
    let entry = |rule, must, expect, name: &str, token: String| Mutated {
        name: format!("whole: {name}"),
        rules: vec![rule],
        token,
        expect,
        subject: None,
        must_refuse: must,
    };
    let bad = |rule, name: &str, token: String| entry(rule, true, Invalid, name, token);
    let lax = |rule, name: &str, token: String| entry(rule, false, Invalid, name, token);
    vec![
        entry("F-2", false, Valid, "as it is", token.clone()),
        entry("F-1", false, Valid, "8192 bytes, or just below", longest),
        lax("F-1", "more than 8192 bytes", too_long),
        bad("F-2", "empty", String::new()),
        bad("F-2", "one part", header.to_owned()),
        bad("F-2", "two parts", text.to_owned()),
        bad("F-2", "two dots", "..".to_owned()),
        bad("F-2", "four parts", format!("{token}.")),
        bad("F-2", "four parts, the first empty", format!(".{token}")),
        bad(
            "F-2",
            "five parts",
            format!("{header}.{claims}.{claims}.{claims}.{signature}"),
        ),
        bad("F-2", "a scheme before it", format!("Bearer {token}")),
        lax("F-3", "a signature that is padded", format!("{token}==")),
        lax("F-3", "a line's end", format!("{token}\n")),
        lax("F-3", "a space", format!(" {token}")),
        lax("F-3", "bits left over in the signature", format!("{text}.{twin}")),
        // RFC 7518 does not forbid the other of the two valid signatures.
        entry("F-4", false, Valid, "n - s", signed(&[r, complement(s)].concat())),
        bad("F-4", "s, r", signed(&[s, r].concat())),
        bad("F-4", "no signature", format!("{text}.")),
        bad("F-4", "r alone", signed(&r)),
        bad("F-4", "one byte less", signed(&bytes[..63])),
        bad("F-4", "one byte more", signed(&[&bytes[..], &[0]].concat())),
        bad("F-4", "zeros", signed(&[0; 64])),
        bad("F-4", "r = 0", signed(&[[0; 32], s].concat())),
        bad("F-4", "s = 0", signed(&[r, [0; 32]].concat())),
        bad("F-4", "s = n", signed(&[r, ORDER].concat())),
        bad("F-4", "ones", signed(&[255; 64])),
        bad("F-4", "a bit of r", signed(&altered(31))),
        bad("F-4", "a bit of s", signed(&altered(63))),
        bad("F-4", "in DER", forge.der_signed(&serde_json::json!({}))),
        bad(
            "F-4",
            "of another token",
            format!("{text}.{}", stranger.rsplit_once('.').unwrap().1),
        ),
        bad("F-4", "of another signer", stranger),
        bad("F-4", "the claims alone are signed", {
            let other = sign(claims);
            format!("{text}.{}", other.rsplit_once('.').unwrap().1)
        }),
    ]
}

struct SigningKeys;

impl SigningKeys {
    fn stranger() -> countersign_jose::SigningKey {
        countersign_jose::SigningKey::generate().unwrap()
    }
}

/// The longest allowed token, and one that is longer.
fn around_the_limit(good: &Draft, sign: &impl Fn(&str) -> String) -> (String, String) {
    let padded = |length: usize| {
        let mut draft = good.clone();
        draft.claims.set("padding", &format!("\"{}\"", "x".repeat(length)));
        sign(&draft.text())
    };
    let length = (4000..8000).find(|&length| padded(length).len() > 8192).unwrap();
    (padded(length - 1), padded(length))
}

fn of<'a>(draft: &'a mut Draft, part: &str) -> &'a mut Part {
    match part {
        "header" => &mut draft.header,
        _ => &mut draft.claims,
    }
}

fn decode(text: &str) -> Vec<u8> {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

/// n − s.
fn complement(s: [u8; 32]) -> [u8; 32] {
    let mut difference = [0; 32];
    let mut borrowed = false;
    for at in (0..32).rev() {
        let (less, first) = ORDER[at].overflowing_sub(s[at]);
        let (less, second) = less.overflowing_sub(u8::from(borrowed));
        difference[at] = less;
        borrowed = first || second;
    }
    difference
}
