//! Mutations of the claims.

use super::Verdict::{self, Invalid, Revoked, Unavailable, Valid};
use super::draft::escaped;
use super::values::{Shape, values};
use super::{At, Mutation};
use crate::sample::{AUDIENCE, FIRST_LIST, ISSUER, LEEWAY, SECOND_LIST};

/// Each claim, its rule, and whether it may be omitted.
const CLAIMS: [(&str, &str, bool); 17] = [
    ("iss", "C-1", false),
    ("aud", "C-2", false),
    ("exp", "C-3", false),
    ("iat", "C-4", false),
    ("nbf", "C-5", true),
    ("sub", "C-6", false),
    ("sid", "C-12", true),
    ("jti", "C-12", false),
    ("client_id", "C-7", false),
    ("auth_time", "C-8", true),
    ("amr", "C-9", true),
    ("scope", "C-10", true),
    ("email", "C-14", true),
    ("email_verified", "C-14", true),
    ("name", "C-14", true),
    ("unknown", "C-11", true),
    ("status", "S-1", false),
];

pub(super) fn mutations(now: i64) -> Vec<Mutation> {
    [
        any_value(),
        absent_and_twice(),
        times(now),
        parties(),
        persons(),
        states(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn any_value() -> Vec<Mutation> {
    let mut mutations = Vec::new();
    for (value, shape) in values() {
        for (claim, rule, _) in CLAIMS {
            let mutation = match shape {
                Shape::Broken(broken) => set(broken, claim, Invalid, &value),
                _ if claim == "client_id" && value == r#""""# => set(rule, claim, Invalid, &value),
                _ if takes(claim, shape) => set(rule, claim, Valid, &value),
                _ => set(rule, claim, Invalid, &value),
            };
            let must = (claim == "exp" && matches!(shape, Shape::Past))
                || (matches!(claim, "iss" | "aud") && shape == Shape::Text);
            mutations.push(if must { mutation.must() } else { mutation });
        }
        // Nested, because the rules for JSON text apply at every depth.
        let (rule, verdict) = match shape {
            Shape::Broken("J-5") => continue,
            Shape::Broken(broken) => (broken, Invalid),
            _ if value.starts_with('[') || value.starts_with('{') => continue,
            _ => ("C-11", Valid),
        };
        mutations.push(set(
            rule,
            "unknown",
            verdict,
            &format!(r#"{{"a":[1,{{"b":{value}}}]}}"#),
        ));
    }
    for name in [
        "__proto__",
        "constructor",
        "toString",
        "hasOwnProperty",
        "length",
        "",
        "exp ",
        "EXP",
        "\\u0000",
    ] {
        mutations.push(set(
            "C-11",
            name,
            Valid,
            r#"{"sub":"01980000-0000-7000-8000-00000000000f","exp":1}"#,
        ));
    }
    mutations
}

/// Whether a value of this shape is valid for the claim, apart from its own mutations.
fn takes(claim: &str, shape: Shape) -> bool {
    match claim {
        "unknown" => true,
        "client_id" | "scope" | "email" | "name" => shape == Shape::Text,
        "email_verified" => shape == Shape::Flag,
        "amr" => shape == Shape::Texts,
        "iat" | "nbf" => matches!(shape, Shape::Past | Shape::PastFraction),
        "auth_time" => matches!(shape, Shape::Past | Shape::PastFraction | Shape::Last),
        "exp" => shape == Shape::Last,
        _ => false,
    }
}

fn absent_and_twice() -> Vec<Mutation> {
    let mut mutations = Vec::new();
    for (claim, rule, optional) in CLAIMS {
        if !matches!(claim, "nbf" | "unknown") {
            let verdict = if optional { Valid } else { Invalid };
            mutations.push(Mutation::new(
                At {
                    rule,
                    part: "claims",
                    member: claim,
                    verdict,
                },
                "left out",
                move |draft| {
                    draft.claims.remove(claim);
                },
            ));
            mutations.push(Mutation::new(
                At {
                    rule,
                    part: "claims",
                    member: claim,
                    verdict,
                },
                "in __proto__ alone",
                move |draft| {
                    let inherited = draft.claims.value(claim).unwrap().to_owned();
                    draft.claims.remove(claim);
                    draft.claims.add("__proto__", &format!(r#"{{"{claim}":{inherited}}}"#));
                },
            ));
            mutations.push(Mutation::new(
                At {
                    rule,
                    part: "claims",
                    member: claim,
                    verdict,
                },
                "in capitals",
                move |draft| {
                    draft.claims.rename(claim, format!("\"{}\"", claim.to_uppercase()));
                },
            ));
            mutations.push(Mutation::new(
                At {
                    rule,
                    part: "claims",
                    member: claim,
                    verdict: Valid,
                },
                "its name escaped",
                move |draft| {
                    draft.claims.rename(claim, escaped(claim));
                },
            ));
        }
        for (name, first, escape, null) in [
            ("the same last", false, false, false),
            ("the same first", true, false, false),
            ("null last", false, false, true),
            ("null first", true, false, true),
            ("the same, once escaped", false, true, false),
        ] {
            mutations.push(Mutation::new(
                At {
                    rule: "J-2",
                    part: "claims",
                    member: claim,
                    verdict: Invalid,
                },
                format!("twice, {name}"),
                move |draft| {
                    let good = draft.claims.value(claim).unwrap_or("1").to_owned();
                    draft.claims.set(claim, &good);
                    let value = if null { "null" } else { &good };
                    if first {
                        draft.claims.add_first(claim, value);
                    } else {
                        draft.claims.add(claim, value);
                    }
                    if escape {
                        draft.claims.rename(claim, escaped(claim));
                    }
                },
            ));
        }
    }
    mutations
}

fn times(now: i64) -> Vec<Mutation> {
    let leeway = i64::from(LEEWAY);
    let mut mutations = Vec::new();
    let written = |seconds: i64| {
        [
            seconds.to_string(),
            format!("{seconds}.0"),
            format!("{seconds}e0"),
            format!("{seconds}.9"),
            format!("{seconds}000E-3"),
        ]
    };
    for (claim, rule, good, bad) in [
        (
            "exp",
            "C-3",
            vec![now - leeway + 1, now + 60],
            vec![now - leeway, now - leeway - 1, now - 86_400],
        ),
        (
            "iat",
            "C-4",
            vec![now + leeway, now - 86_400],
            vec![now + leeway + 1, now + 86_400],
        ),
        (
            "nbf",
            "C-5",
            vec![now + leeway, now - 86_400],
            vec![now + leeway + 1, now + 86_400],
        ),
        ("auth_time", "C-8", vec![now + 86_400, now - 86_400], vec![]),
    ] {
        for text in good.into_iter().flat_map(written) {
            mutations.push(set(rule, claim, Valid, &text));
        }
        for seconds in bad {
            for text in written(seconds) {
                let far = (seconds - now).abs() >= 86_400 && matches!(claim, "exp" | "nbf");
                let mutation = set(rule, claim, Invalid, &text);
                mutations.push(if far && text == seconds.to_string() {
                    mutation.must()
                } else {
                    mutation
                });
            }
        }
        for text in [
            format!("\"{}\"", now + 60),
            format!("[{}]", now + 60),
            format!("{{\"a\":{}}}", now + 60),
        ] {
            mutations.push(set(rule, claim, Invalid, &text));
        }
    }
    mutations
}

fn parties() -> Vec<Mutation> {
    let text = |text: &str| format!("\"{text}\"");
    let mut mutations = vec![
        set("C-1", "iss", Valid, &escaped(ISSUER)),
        set("C-1", "iss", Invalid, &format!("[\"{ISSUER}\"]")),
        set("C-2", "aud", Valid, &escaped(AUDIENCE)),
        set("C-2", "aud", Valid, &format!("[\"{AUDIENCE}\"]")),
        set("C-2", "aud", Valid, &format!("[\"x\",\"\",\"{AUDIENCE}\"]")),
        set("C-2", "aud", Valid, &format!("[\"{AUDIENCE}\",\"{AUDIENCE}\"]")),
        set("C-2", "aud", Invalid, &format!("[\"{AUDIENCE}\",1]")),
        set("C-2", "aud", Invalid, &format!("[null,\"{AUDIENCE}\"]")),
        set("C-2", "aud", Invalid, &format!("[[\"{AUDIENCE}\"]]")),
        set("C-2", "aud", Invalid, &format!("[\"{AUDIENCE}\",{{\"a\":1}}]")),
        set("C-2", "aud", Invalid, &format!("{{\"{AUDIENCE}\":1}}")),
        set("C-2", "aud", Invalid, &format!("{{\"0\":\"{AUDIENCE}\",\"length\":1}}")),
        set("C-2", "aud", Invalid, &text(&format!("x,{AUDIENCE}"))).must(),
        set("C-2", "aud", Invalid, &text(&format!("x {AUDIENCE}"))).must(),
        set("C-2", "aud", Invalid, &text(ISSUER)).must(),
    ];
    for (claim, rule, name) in [("iss", "C-1", ISSUER), ("aud", "C-2", AUDIENCE)] {
        let others = [
            format!("{name}/"),
            format!("{name} "),
            format!(" {name}"),
            format!("{name}\\n"),
            format!("{name}\\u0000"),
            format!("{name}:443"),
            format!("{name}.evil.example"),
            name.to_uppercase(),
            name.replace("https", "http"),
            name[..name.len() - 1].to_owned(),
            name.replace('e', "\u{0435}"),
        ];
        for other in others {
            mutations.push(set(rule, claim, Invalid, &text(&other)).must());
        }
    }
    mutations
}

fn persons() -> Vec<Mutation> {
    let mut mutations = Vec::new();
    let uuid = "01980000-abcd-7000-8000-00000000000f";
    for (claim, rule) in [("sub", "C-6"), ("sid", "C-12"), ("jti", "C-12")] {
        for good in [
            uuid.to_owned(),
            uuid.to_uppercase(),
            "00000000-0000-0000-0000-000000000000".to_owned(),
        ] {
            mutations.push(set(rule, claim, Valid, &format!("\"{good}\"")));
        }
        mutations.push(set(rule, claim, Valid, &escaped(uuid)));
        let bad = [
            uuid.replace('-', ""),
            format!("{{{uuid}}}"),
            format!("urn:uuid:{uuid}"),
            format!("{uuid} "),
            format!(" {uuid}"),
            format!("{uuid}\\n"),
            format!("\\u0000{uuid}"),
            uuid.replace('f', "g"),
            uuid.replace('a', "\u{0430}"),
            uuid.replace('0', "\u{ff10}"),
            uuid[1..].to_owned(),
            format!("{uuid}0"),
            "0198-0000abcd-7000-8000-00000000000f".to_owned(),
            "0x980000-abcd-7000-8000-00000000000f".to_owned(),
            "+1980000-abcd-7000-8000-00000000000f".to_owned(),
            "01_80000-abcd-7000-8000-00000000000f".to_owned(),
        ];
        for text in bad {
            mutations.push(set(rule, claim, Invalid, &format!("\"{text}\"")));
        }
    }
    for scope in ["a", "a  b", " a ", "a a", "a\\tb", "a\\u00a0b", "\u{e9} \u{1f600}"] {
        mutations.push(set("C-10", "scope", Valid, &format!("\"{scope}\"")));
    }
    for amr in [r#"["pwd","otp"]"#, r#"["pwd","pwd"]"#, r#"["\u0070wd"]"#] {
        mutations.push(set("C-9", "amr", Valid, amr));
    }
    for amr in [r#""pwd""#, r#"["pwd",null]"#, r#"["pwd",["otp"]]"#, r#"{"0":"pwd"}"#] {
        mutations.push(set("C-9", "amr", Invalid, amr));
    }
    for client in ["countersign", "\\u0063", " ", "https://client.example/?a=1"] {
        mutations.push(set("C-7", "client_id", Valid, &format!("\"{client}\"")));
    }
    // Other parsers accept these as UUIDs, but our rules do not, so they are valid client ids.
    for client in [
        &uuid.replace('-', ""),
        &format!("{{{uuid}}}"),
        &format!("urn:uuid:{uuid}"),
        &format!("{uuid} "),
    ] {
        mutations.push(set("C-7", "client_id", Valid, &format!("\"{client}\"")));
    }
    for client in [uuid, &uuid.to_uppercase(), "00000000-0000-0000-0000-000000000000"] {
        mutations.push(set("C-7", "client_id", Invalid, &format!("\"{client}\"")));
    }
    mutations.push(set("C-7", "client_id", Invalid, &escaped(uuid)));
    mutations
}

fn states() -> Vec<Mutation> {
    let place = |rule, verdict, idx: &str, uri: &str| {
        set(
            rule,
            "status",
            verdict,
            &format!(r#"{{"status_list":{{"idx":{idx},"uri":{uri}}}}}"#),
        )
    };
    let text = |text: &str| format!("\"{text}\"");
    let first = text(FIRST_LIST);
    let mut mutations = Vec::new();
    for idx in ["0", "4", "6", "4711", "131070"] {
        mutations.push(place("S-2", Valid, idx, &first));
    }
    for idx in ["5", "15", "16", "131071"] {
        mutations.push(place("S-5", Revoked, idx, &first));
    }
    for (idx, verdict) in [("2", Valid), ("0", Revoked), ("1", Revoked), ("3", Revoked)] {
        mutations.push(place("S-5", verdict, idx, &text(SECOND_LIST)));
    }
    for idx in ["131072", "4294967296", "4294967301", "9007199254740991"] {
        mutations.push(place("S-5", Invalid, idx, &first));
    }
    let malformed = [
        "-1",
        "-0",
        "5.0",
        "4711.0",
        "4711e0",
        "47.11e2",
        "0.0",
        "4711.5",
        "9007199254740992",
        "18446744073709551616",
        "1e300",
        "null",
        "true",
        "\"4711\"",
        "[4711]",
        "{}",
    ];
    for idx in malformed {
        mutations.push(place("S-2", Invalid, idx, &first));
    }
    let host = "auth.example.com";
    let path = "/oauth2/status-lists/1";
    for uri in [
        format!("https://AUTH.example.com{path}"),
        format!("HTTPS://{host}{path}"),
        format!("https://{host}:443{path}"),
        format!("https://{host}:{path}"),
        format!("https://{host}.{path}"),
        format!("https://{host}:8443{path}"),
        format!("http://{host}{path}"),
        format!("https:/{host}{path}"),
        format!("https:{host}{path}"),
        format!("//{host}{path}"),
        path.to_owned(),
        format!("https://evil.example{path}"),
        format!("https://{host}.evil.example{path}"),
        format!("https://{host}@evil.example{path}"),
        format!("https://ada@{host}{path}"),
        format!("https://:@{host}{path}"),
        format!("https://{host}\\\\@evil.example{path}"),
        format!("https://{host}\\\\{}", &path[1..]),
        format!("https://{host}{path}#"),
        format!("https://{host}{path}#1"),
        format!("https://{host}{path} "),
        format!(" https://{host}{path}"),
        format!("https://{host}{path}\\n"),
        format!("https://{host}/\\toauth2/status-lists/1"),
        format!("https://{host}{path}\\u0000"),
        format!("https://{host}/x/..{path}"),
        format!("https://{host}/.{path}"),
        format!("https://{host}/%2e%2E{path}"),
        format!("https://{host}{path}/."),
        format!("https://{host}{path}/.."),
        format!("https://{host}{path}?/../x"),
        format!("https://{host}{path}%"),
        format!("https://{host}{path}%0"),
        format!("https://{host}{path}%zz"),
        format!("https://{host}{path}'"),
        format!("https://{host}{path}\\\""),
        format!("https://{host}{path}<"),
        format!("https://{host}{path}|"),
        format!("https://{host}{path}^"),
        format!("https://{host}{path}`"),
        format!("https://{host}{path}{{}}"),
        format!("https://{host}{path}[]"),
        format!("https://{host}{path}\u{e9}"),
        format!("https://{host}/oauth2/status-lists/\u{ff11}"),
        format!("https://\u{ff41}uth.example.com{path}"),
        format!("https://{host}"),
        format!("https://{host}?x"),
        "file:///etc/passwd".to_owned(),
        "data:,x".to_owned(),
        "x".to_owned(),
        String::new(),
    ] {
        mutations.push(place("S-3", Invalid, "4711", &text(&uri)));
    }
    for uri in ["1", "null", "{}"] {
        mutations.push(place("S-3", Invalid, "4711", uri));
    }
    mutations.push(place("S-3", Invalid, "4711", &format!("[{first}]")));
    mutations.push(place("S-3", Valid, "4711", &escaped(FIRST_LIST)));
    for path in [
        "/oauth2/status-lists/99",
        "/oauth2/status-lists/1?x=1",
        "/oauth2/status-lists/1?",
        "/oauth2/status-lists/%31",
        "/oauth2/status-lists/1/",
        "//oauth2/status-lists/1",
        "/oauth2/status-lists/1;x",
        "/OAuth2/status-lists/1",
        "/",
    ] {
        mutations.push(place(
            "S-4",
            Unavailable,
            "4711",
            &text(&format!("https://{host}{path}")),
        ));
    }
    let list = format!(r#"{{"idx":4711,"uri":{first}}}"#);
    for (verdict, status) in [
        (Valid, format!(r#"{{"status_list":{list},"unknown":[{{}}]}}"#)),
        (
            Valid,
            format!(r#"{{"unknown":1,"status_list":{{"uri":{first},"x":{{}},"idx":4711}}}}"#),
        ),
        (Valid, format!(r#"{{"status_l\u0069st":{list}}}"#)),
        (Invalid, format!(r#"{{"status_list":[{list}]}}"#)),
        (Invalid, format!(r#"{{"Status_List":{list}}}"#)),
        (Invalid, format!(r#"{{"__proto__":{{"status_list":{list}}}}}"#)),
        (Invalid, format!(r#"{{"status_list":{{"__proto__":{list}}}}}"#)),
        (Invalid, format!(r#"{{"status_list":{{"uri":{first}}}}}"#)),
        (Invalid, r#"{"status_list":{"idx":4711}}"#.to_owned()),
        (Invalid, r#"{"status_list":null}"#.to_owned()),
        (Invalid, format!("[{{\"status_list\":{list}}}]")),
        (Invalid, list.clone()),
        (
            Invalid,
            r#"{"identifier_list":{"id":"x","uri":"https://auth.example.com/x"}}"#.to_owned(),
        ),
    ] {
        mutations.push(set("S-1", "status", verdict, &status));
    }
    for twice in [
        format!(r#"{{"status_list":{list},"status_list":{list}}}"#),
        format!(r#"{{"status_list":{{"idx":5,"idx":4711,"uri":{first}}}}}"#),
        format!(r#"{{"status_list":{{"idx":4711,"uri":{first},"\u0075ri":{first}}}}}"#),
    ] {
        mutations.push(set("J-2", "status", Invalid, &twice));
    }
    mutations
}

/// Tokens whose list is genuine but unreadable.
pub(super) fn of_unreadable_lists<'a>(uris: impl Iterator<Item = &'a String>) -> Vec<Mutation> {
    uris.map(|uri| {
        let place = format!(r#"{{"status_list":{{"idx":0,"uri":"{uri}"}}}}"#);
        set("S-6", "status", Invalid, &place)
    })
    .collect()
}

pub(super) fn set(rule: &'static str, claim: &str, verdict: Verdict, value: &str) -> Mutation {
    let (name, value) = (claim.to_owned(), value.to_owned());
    let shown: String = value.chars().take(90).collect();
    Mutation::new(
        At {
            rule,
            part: "claims",
            member: claim,
            verdict,
        },
        shown,
        move |draft| draft.claims.set(&name, &value),
    )
}
