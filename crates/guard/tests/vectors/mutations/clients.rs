//! Mutations of the token of a client that acts for itself (RFC 9068 §2.2): its subject, and the claims that it must
//! not have.

use super::Verdict::{self, Invalid, Valid};
use super::claims::set;
use super::draft::escaped;
use super::values::{Shape, values};
use super::{At, Mutation};
use crate::sample::CLIENT;

/// The claims that the token of a client does not have.
const OF_USERS: [&str; 6] = ["sid", "auth_time", "amr", "email", "email_verified", "name"];

const ACCOUNT: &str = "01980000-abcd-7000-8000-00000000000f";

/// Whether a mutation changes a claim in which tokens of users and clients differ.
pub(super) fn concerns((part, member): &(&str, String)) -> bool {
    *part == "claims" && (matches!(&**member, "sub" | "client_id") || OF_USERS.contains(&&**member))
}

pub(super) fn mutations(now: i64) -> Vec<Mutation> {
    let mut mutations = names();
    for (value, shape) in values() {
        for claim in ["sub", "client_id"].into_iter().chain(OF_USERS) {
            let rule = match (shape, claim) {
                (Shape::Broken(broken), _) => broken,
                (_, "sub" | "client_id") => "C-6",
                _ => "C-13",
            };
            mutations.push(set(rule, claim, Invalid, &value));
        }
    }
    for claim in ["sub", "client_id"] {
        let at = |verdict| At {
            rule: "C-6",
            part: "claims",
            member: claim,
            verdict,
        };
        mutations.extend([
            Mutation::new(at(Invalid), "left out", move |draft| draft.claims.remove(claim)),
            Mutation::new(at(Invalid), "in capitals", move |draft| {
                draft.claims.rename(claim, format!("\"{}\"", claim.to_uppercase()));
            }),
            Mutation::new(at(Valid), "its name escaped", move |draft| {
                draft.claims.rename(claim, escaped(claim));
            }),
            Mutation::new(at(Invalid), "in __proto__ alone", move |draft| {
                draft.claims.remove(claim);
                draft.claims.add("__proto__", &format!(r#"{{"{claim}":"{CLIENT}"}}"#));
            }),
        ]);
    }
    for (claim, value) in [
        ("sid", format!("\"{ACCOUNT}\"")),
        ("auth_time", now.to_string()),
        ("amr", r#"["pwd"]"#.to_owned()),
        ("email", "\"ada@example.com\"".to_owned()),
        ("email_verified", "false".to_owned()),
        ("name", "\"\"".to_owned()),
    ] {
        mutations.push(set("C-13", claim, Invalid, &value));
        // Under another name it is an unknown claim.
        mutations.push(set("C-11", &claim.to_uppercase(), Valid, &value));
        mutations.push(set("C-11", "__proto__", Valid, &format!(r#"{{"{claim}":{value}}}"#)));
    }
    mutations
}

/// `sub` and `client_id` together.
fn names() -> Vec<Mutation> {
    let text = |text: &str| format!("\"{text}\"");
    let mut mutations = Vec::new();
    for name in [
        "a",
        " ",
        "countersign",
        "root",
        "a b",
        "\u{fc}n\u{ef} \u{1f600}",
        "\\u0000",
        "https://client.example/app?a=1#b",
        "0198000",
        "01980000abcd7000800000000000000f",
        "{01980000-abcd-7000-8000-00000000000f}",
        "urn:uuid:01980000-abcd-7000-8000-00000000000f",
        "01980000-abcd-7000-8000-00000000000f ",
        "01980000-abcd-7000-8000-00000000000g",
    ] {
        mutations.push(both("C-6", Valid, [&text(name), &text(name)]));
    }
    mutations.push(both("C-6", Valid, [&escaped(CLIENT), &text(CLIENT)]));
    mutations.push(both("C-6", Valid, [&text(CLIENT), &escaped(CLIENT)]));
    // An account is valid without a session, too.
    mutations.push(both("C-6", Valid, [&text(ACCOUNT), &text(CLIENT)]));
    for (sub, client) in [
        ("Billing", CLIENT),
        ("billing ", CLIENT),
        (" billing", CLIENT),
        ("bill", CLIENT),
        ("billing2", CLIENT),
        ("billing\\u0000", CLIENT),
        ("b\u{131}lling", CLIENT),
        ("b\u{456}lling", CLIENT),
        ("\u{e9}", "e\u{301}"),
        ("\u{212a}", "K"),
        ("reports", CLIENT),
        ("", CLIENT),
    ] {
        mutations.push(both("C-6", Invalid, [&text(sub), &text(client)]));
    }
    let capitals = ACCOUNT.to_uppercase();
    for (sub, client) in [
        ("", ""),
        (ACCOUNT, ACCOUNT),
        (ACCOUNT, &capitals),
        (&capitals, ACCOUNT),
        (&capitals, &capitals),
        (CLIENT, ACCOUNT),
    ] {
        mutations.push(both("C-7", Invalid, [&text(sub), &text(client)]));
    }
    mutations
}

fn both(rule: &'static str, verdict: Verdict, [sub, client_id]: [&str; 2]) -> Mutation {
    let (sub, client_id) = (sub.to_owned(), client_id.to_owned());
    let at = At {
        rule,
        part: "claims",
        member: "sub",
        verdict,
    };
    Mutation::new(at, format!("{sub}, client_id {client_id}"), move |draft| {
        draft.claims.set("sub", &sub);
        draft.claims.set("client_id", &client_id);
    })
}
