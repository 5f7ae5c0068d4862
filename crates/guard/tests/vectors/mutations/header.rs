//! Mutations of the header.

use super::Verdict::{self, Invalid, Valid};
use super::draft::escaped;
use super::values::{Shape, values};
use super::{At, Mutation};
use crate::forge::Forge;

const MEMBERS: [&str; 3] = ["alg", "typ", "kid"];
const FORBIDDEN: [&str; 8] = ["jwk", "jku", "x5u", "x5c", "crit", "b64", "zip", "enc"];
/// Parameters that have a meaning elsewhere but not here.
const IGNORED: [&str; 7] = ["unknown", "cty", "x5t", "x5t#S256", "epk", "nonce", "__proto__"];

pub(super) fn mutations(forge: &Forge) -> Vec<Mutation> {
    let mut mutations = any_value();
    mutations.extend(absent_and_twice(forge));
    let texts = |rule, member, verdict, values: &[&str]| {
        let one = |value: &&str| set(rule, member, verdict, &format!("\"{value}\""));
        values.iter().map(one).collect::<Vec<_>>()
    };
    let algorithms = [
        "none", "None", "NONE", "es256", "ES384", "ES512", "RS256", "HS256", "EdDSA", "", " ES256", "ES256 ",
    ];
    mutations.extend(
        texts("H-1", "alg", Invalid, &algorithms)
            .into_iter()
            .map(Mutation::must),
    );
    mutations.extend(texts(
        "H-2",
        "typ",
        Valid,
        &["AT+JWT", "application/at+jwt", "APPLICATION/AT+JWT", "At+Jwt"],
    ));
    let types = [
        "JWT",
        "jwt",
        "at",
        "at+jwt ",
        " at+jwt",
        "at+jwt;x=1",
        "application/",
        "application/application/at+jwt",
        "text/at+jwt",
        "statuslist+jwt",
        "id+jwt",
        "logout+jwt",
        "a\u{0442}+jwt",
        "at+jwt\\u0000",
        "at+jw\u{ff54}",
    ];
    mutations.extend(texts("H-2", "typ", Invalid, &types));
    mutations.extend(texts(
        "H-3",
        "kid",
        Invalid,
        &["", "unknown", "../../dev/null", "' OR 1=1", forge.second.kid()],
    ));
    for (rule, member, value) in [
        ("H-1", "alg", "ES256"),
        ("H-2", "typ", "at+jwt"),
        ("H-3", "kid", forge.key.kid()),
    ] {
        mutations.push(set(rule, member, Valid, &escaped(value)));
        mutations.push(set(rule, member, Invalid, &format!("[\"{value}\"]")));
    }
    mutations
}

fn any_value() -> Vec<Mutation> {
    let mut mutations = Vec::new();
    for (value, shape) in values() {
        let broken = match shape {
            Shape::Broken(rule) => Some(rule),
            _ => None,
        };
        for (member, rule) in MEMBERS.into_iter().zip(["H-1", "H-2", "H-3"]) {
            mutations.push(set(broken.unwrap_or(rule), member, Invalid, &value));
        }
        for member in FORBIDDEN {
            mutations.push(set("H-4", member, Invalid, &value));
        }
        let verdict = if broken.is_some() { Invalid } else { Valid };
        for member in &IGNORED[..2] {
            mutations.push(set(broken.unwrap_or("H-5"), member, verdict, &value));
        }
    }
    for member in IGNORED {
        mutations.push(set(
            "H-5",
            member,
            Valid,
            r#"{"alg":"none","typ":"JWT","crit":["exp"]}"#,
        ));
    }
    for (member, value) in [
        ("b64", "true"),
        ("b64", "false"),
        ("zip", r#""DEF""#),
        ("enc", r#""A128GCM""#),
        ("crit", r#"["b64"]"#),
        ("crit", r#"["exp"]"#),
        ("jku", r#""https://auth.example.com/.well-known/jwks.json""#),
    ] {
        mutations.push(set("H-4", member, Invalid, value));
    }
    mutations
}

fn absent_and_twice(forge: &Forge) -> Vec<Mutation> {
    let mut mutations = Vec::new();
    let kid = format!("\"{}\"", forge.key.kid());
    for (member, rule, value) in [
        ("alg", "H-1", r#""ES256""#),
        ("typ", "H-2", r#""at+jwt""#),
        ("kid", "H-3", kid.as_str()),
        ("unknown", "H-5", "1"),
        ("crit", "H-4", "null"),
    ] {
        if MEMBERS.contains(&member) {
            mutations.push(Mutation::new(
                At {
                    rule,
                    part: "header",
                    member,
                    verdict: Invalid,
                },
                "left out",
                move |draft| {
                    draft.header.remove(member);
                },
            ));
            mutations.push(Mutation::new(
                At {
                    rule,
                    part: "header",
                    member,
                    verdict: Valid,
                },
                "its name escaped",
                move |draft| {
                    draft.header.rename(member, escaped(member));
                },
            ));
        }
        let other = if member == "alg" { r#""none""# } else { "null" };
        for (name, first, value) in [
            ("last", false, value),
            ("first", true, value),
            ("last", false, other),
            ("first", true, other),
        ] {
            let (value, named) = (value.to_owned(), format!("twice, {value} {name}"));
            mutations.push(Mutation::new(
                At {
                    rule: "J-2",
                    part: "header",
                    member,
                    verdict: Invalid,
                },
                named,
                move |draft| {
                    if !MEMBERS.contains(&member) {
                        draft.header.add(member, "1");
                    }
                    if first {
                        draft.header.add_first(member, &value);
                    } else {
                        draft.header.add(member, &value);
                    }
                },
            ));
        }
        mutations.push(Mutation::new(
            At {
                rule: "J-2",
                part: "header",
                member,
                verdict: Invalid,
            },
            "twice, once escaped",
            move |draft| {
                draft.header.add(member, "1");
                draft.header.add_first(member, "1");
                draft.header.rename(member, escaped(member));
            },
        ));
    }
    mutations
}

fn set(rule: &'static str, member: &str, verdict: Verdict, value: &str) -> Mutation {
    let (name, value) = (member.to_owned(), value.to_owned());
    let shown: String = value.chars().take(50).collect();
    Mutation::new(
        At {
            rule,
            part: "header",
            member,
            verdict,
        },
        shown,
        move |draft| draft.header.set(&name, &value),
    )
}
