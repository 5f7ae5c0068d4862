//! The status lists of the table: those that its tokens name, and those that are verified on their own.

use std::collections::BTreeMap;
use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use serde_json::{Value, json};

use crate::document::{Expect, List};
use crate::forge::{Forge, encode, text};
use crate::sample::{FIRST_LIST, ISSUER, NOW, SECOND_LIST, list_claims, list_claims_at};

/// The lists that tokens of the table name.
pub(crate) fn published(forge: &Forge) -> BTreeMap<String, String> {
    published_at(forge, NOW)
}

/// The same lists, signed at another time.
pub(crate) fn published_at(forge: &Forge, now: i64) -> BTreeMap<String, String> {
    let mut first = vec![0_u8; (1 << 17) / 8];
    for idx in [5, 15, 16, 131_071] {
        first[idx / 8] |= 1 << (idx % 8);
    }
    let table = Table { forge };
    BTreeMap::from([
        (
            FIRST_LIST.to_owned(),
            table.sign(&list_claims_at(now, FIRST_LIST, array(1, &first))),
        ),
        (
            SECOND_LIST.to_owned(),
            table.sign(&list_claims_at(now, SECOND_LIST, array(2, &[0xc9, 0x44, 0xf9]))),
        ),
    ])
}

/// Genuine lists whose array cannot be read, each with its own URL.
pub(crate) fn unreadable_at(forge: &Forge, now: i64) -> BTreeMap<String, String> {
    let table = Table { forge };
    let arrays = unreadable().into_iter().map(|(_, array)| array);
    arrays
        .zip(100..)
        .map(|(array, number)| {
            let uri = format!("{ISSUER}/oauth2/status-lists/{number}");
            let mut claims = list_claims_at(now, &uri, array.clone().unwrap_or_default());
            if array.is_none() {
                claims.as_object_mut().unwrap().remove("status_list");
            }
            (uri, table.sign(&claims))
        })
        .collect()
}

/// Invalid content instead of an array, and what is wrong with it.
fn unreadable() -> Vec<(&'static str, Option<Value>)> {
    const GOOD: &str = "eNrbuRgAAhcBXQ";
    let whole = zlib(&[1, 2, 3]);
    let lst = |bytes: &[u8]| json!({ "bits": 1, "lst": encode(bytes) });
    let text = |text: Value| json!({ "bits": 1, "lst": text });
    let mut corrupt = whole.clone();
    *corrupt.last_mut().unwrap() ^= 1;
    let mut arrays = vec![
        ("bits missing", json!({ "lst": GOOD })),
        ("lst missing", json!({ "bits": 1 })),
        ("lst null", text(json!(null))),
        ("lst a number", text(json!(1))),
        ("lst empty", text(json!(""))),
        ("lst no base64url", text(json!("!"))),
        ("lst padded", text(json!(format!("{GOOD}==")))),
        ("lst with a blank", text(json!(format!("{GOOD} ")))),
        ("lst with bits left over", text(json!("eNrbuRgAAhcBXR"))),
        ("lst not compressed", lst(&[1, 2, 3])),
        ("lst without the ZLIB frame", lst(&whole[2..whole.len() - 4])),
        ("lst cut off", lst(&whole[..whole.len() - 5])),
        ("lst with a wrong checksum", lst(&corrupt)),
        (
            "lst with something behind the stream",
            lst(&[&whole[..], &[0]].concat()),
        ),
        ("lst of two streams", lst(&[&whole[..], &whole[..]].concat())),
        ("lst inflates to more than 16 MiB", lst(&zlib(&vec![0; (16 << 20) + 1]))),
        ("status_list null", json!(null)),
        ("status_list a list", json!([{ "bits": 1, "lst": GOOD }])),
        ("status_list empty", json!({})),
    ];
    for bits in ["0", "3", "16", "-1", "1.0", "1e0", "true", "null", "\"1\"", "[1]"] {
        let bits: Value = serde_json::from_str(bits).unwrap();
        arrays.push(("bits that are none", json!({ "bits": bits, "lst": GOOD })));
    }
    let arrays = arrays.into_iter().map(|(name, array)| (name, Some(array)));
    arrays.chain([("status_list missing", None)]).collect()
}

pub(crate) fn lists(forge: &Forge) -> Vec<List> {
    let table = Table { forge };
    [table.good(), table.headers(), table.claims(), table.arrays()]
        .into_iter()
        .flatten()
        .collect()
}

struct Table<'a> {
    forge: &'a Forge,
}

impl Table<'_> {
    fn good(&self) -> Vec<List> {
        let states = |bits: u8, lst: &str| self.array(json!({ "bits": bits, "lst": lst }));
        let one = [(0, 1), (1, 0), (2, 0), (3, 1), (7, 1), (8, 1), (10, 0), (15, 1)];
        vec![
            valid("one bit, the draft's example", states(1, "eNrbuRgAAhcBXQ"), &one),
            valid(
                "two bits, the draft's example",
                states(2, "eNo76fITAAPfAgc"),
                &[(0, 1), (1, 2), (2, 0), (3, 3), (7, 1), (11, 3)],
            ),
            valid(
                "four bits",
                self.array(array(4, &[0x10, 0xf2])),
                &[(0, 0), (1, 1), (2, 2), (3, 15)],
            ),
            valid(
                "eight bits",
                self.array(array(8, &[0, 1, 255])),
                &[(0, 0), (1, 1), (2, 255)],
            ),
            valid(
                "none revoked",
                self.array(array(1, &[0; 16_384])),
                &[(0, 0), (131_071, 0)],
            ),
            valid("typ with application/", self.typ("application/statuslist+jwt"), &one),
            valid("typ in capitals", self.typ("STATUSLIST+JWT"), &one),
        ]
    }

    fn headers(&self) -> Vec<List> {
        let with = |name: &str, value: Value| {
            let mut header = self.forge.header("statuslist+jwt");
            header[name] = value;
            self.forge.sign(&header, &good())
        };
        let mut unnamed = self.forge.header("statuslist+jwt");
        unnamed.as_object_mut().unwrap().remove("typ");
        let unsigned = text(
            &json!({ "alg": "none", "typ": "statuslist+jwt", "kid": self.forge.key.kid() }),
            &good(),
        );
        let signed = self.sign(&good());
        let (_, signature) = signed.rsplit_once('.').unwrap();
        let mut other = good();
        other["status_list"] = array(1, &[0, 0]);
        let other = format!("{}.{signature}", text(&self.forge.header("statuslist+jwt"), &other));
        vec![
            invalid("typ of an access token", self.typ("at+jwt")),
            invalid("typ JWT", self.typ("JWT")),
            invalid("typ missing", self.forge.sign(&unnamed, &good())),
            invalid("alg none", format!("{unsigned}.")),
            invalid("kid unknown", with("kid", json!("unknown"))),
            invalid("crit", with("crit", json!(["exp"]))),
            invalid("jwk in the header", with("jwk", self.forge.unknown_jwk())),
            invalid(
                "signed with an unknown key",
                self.forge
                    .sign_with_unknown_key(&self.forge.header("statuslist+jwt"), &good()),
            ),
            invalid("another array under the signature", other),
            invalid("no JWS", "<html></html>".to_owned()),
        ]
    }

    fn claims(&self) -> Vec<List> {
        let with = |name: &str, value: Value| {
            let mut claims = good();
            claims[name] = value;
            self.sign(&claims)
        };
        let without = |name: &str| {
            let mut claims = good();
            claims.as_object_mut().unwrap().remove(name);
            self.sign(&claims)
        };
        vec![
            invalid("iss another", with("iss", json!("https://evil.example.com"))),
            invalid("iss with a slash", with("iss", json!(format!("{ISSUER}/")))),
            invalid("iss missing", without("iss")),
            invalid("sub another list", with("sub", json!(SECOND_LIST))),
            invalid("sub with more behind", with("sub", json!(format!("{FIRST_LIST}0")))),
            invalid("sub missing", without("sub")),
            invalid("exp past", with("exp", json!(NOW - 3600))),
            invalid("exp missing", without("exp")),
            invalid("status_list missing", without("status_list")),
        ]
    }

    fn arrays(&self) -> Vec<List> {
        let lst = |bytes: &[u8]| self.array(json!({ "bits": 1, "lst": encode(bytes) }));
        let bits = |bits: Value| self.array(json!({ "bits": bits, "lst": "eNrbuRgAAhcBXQ" }));
        let whole = zlib(&[1, 2, 3]);
        let mut corrupt = whole.clone();
        *corrupt.last_mut().unwrap() ^= 1;
        vec![
            invalid("bits 0", bits(json!(0))),
            invalid("bits 3", bits(json!(3))),
            invalid("bits 16", bits(json!(16))),
            invalid("bits a string", bits(json!("1"))),
            invalid("bits missing", self.array(json!({ "lst": "eNrbuRgAAhcBXQ" }))),
            invalid("lst missing", self.array(json!({ "bits": 1 }))),
            invalid("lst no base64url", self.array(json!({ "bits": 1, "lst": "!" }))),
            invalid("lst not compressed", lst(&[1, 2, 3])),
            invalid("lst without the ZLIB frame", lst(&whole[2..whole.len() - 4])),
            invalid("lst cut off", lst(&whole[..whole.len() - 5])),
            invalid("lst with a wrong checksum", lst(&corrupt)),
            invalid(
                "lst with something behind the stream",
                lst(&[&whole[..], &[0]].concat()),
            ),
            invalid("lst inflates to more than 16 MiB", lst(&zlib(&vec![0; (16 << 20) + 1]))),
        ]
    }

    fn sign(&self, claims: &Value) -> String {
        self.forge.sign(&self.forge.header("statuslist+jwt"), claims)
    }

    fn typ(&self, typ: &str) -> String {
        self.forge.sign(&self.forge.header(typ), &good())
    }

    fn array(&self, array: Value) -> String {
        self.sign(&list_claims(FIRST_LIST, array))
    }
}

fn good() -> Value {
    list_claims(FIRST_LIST, json!({ "bits": 1, "lst": "eNrbuRgAAhcBXQ" }))
}

fn array(bits: u8, bytes: &[u8]) -> Value {
    json!({ "bits": bits, "lst": encode(zlib(bytes)) })
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn valid(name: &str, jwt: String, statuses: &[(u64, u8)]) -> List {
    List {
        statuses: statuses.iter().copied().collect(),
        ..entry(name, jwt, Expect::Valid)
    }
}

fn invalid(name: &str, jwt: String) -> List {
    entry(name, jwt, Expect::Invalid)
}

fn entry(name: &str, jwt: String, expect: Expect) -> List {
    List {
        name: name.to_owned(),
        uri: FIRST_LIST.to_owned(),
        jwt,
        expect,
        statuses: BTreeMap::new(),
    }
}
