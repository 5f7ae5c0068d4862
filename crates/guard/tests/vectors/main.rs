//! `clients/vectors.json`: the tokens and status lists that every verifier of ours, in whatever language, must judge
//! alike. This test writes the file (`UPDATE_DOCUMENTS=1 cargo test -p countersign-guard --test vectors`), and holds this
//! crate to it. The private keys are made for the occasion and forgotten.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, forges with chance of its own, and is told by the environment to write"
)]

mod document;
mod forge;
mod lists;
mod sample;
mod tokens;

use std::{collections::BTreeSet, path::PathBuf, sync::LazyLock};

use countersign_jose::{
    Expectation, JwkSet, StatusListExpectation, VerifyingKey, verify_access_token, verify_status_list,
};
use serde_json::json;

use self::{
    document::{Document, Expect},
    forge::Forge,
    sample::{AUDIENCE, ISSUER, LEEWAY, NOW},
};

static DOCUMENT: LazyLock<Document> = LazyLock::new(|| {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../clients/vectors.json");
    if std::env::var_os("UPDATE_DOCUMENTS").is_some() {
        let text = serde_json::to_string_pretty(&generate()).unwrap() + "\n";
        // Tests run in processes of their own: none may see half a file.
        let written = path.with_extension(format!("{}.tmp", std::process::id()));
        std::fs::write(&written, text).unwrap();
        std::fs::rename(&written, &path).unwrap();
    }
    let text = std::fs::read_to_string(&path).expect("clients/vectors.json is there");
    serde_json::from_str(&text).unwrap()
});

fn generate() -> Document {
    let forge = Forge::new();
    Document {
        issuer: ISSUER.to_owned(),
        audience: vec![AUDIENCE.to_owned()],
        now: NOW,
        leeway: LEEWAY,
        jwks: forge.jwks(),
        status_lists: lists::published(&forge),
        tokens: tokens::tokens(&forge),
        lists: lists::lists(&forge),
    }
}

fn key(kid: &str) -> Option<VerifyingKey> {
    let set: JwkSet = serde_json::from_value(DOCUMENT.jwks.clone()).unwrap();
    let keys = set.keys.iter().map(|jwk| VerifyingKey::from_jwk(jwk).unwrap());
    keys.into_iter().find(|key| key.kid() == kid)
}

/// Keys and signatures differ each time; what the entries are called and what is expected does not.
#[test]
fn the_file_is_fresh() {
    let names = |document: &Document| {
        let tokens = document.tokens.iter().map(|token| ("token", &token.name, token.expect));
        let lists = document.lists.iter().map(|list| ("list", &list.name, list.expect));
        tokens
            .chain(lists)
            .map(|entry| format!("{entry:?}"))
            .collect::<Vec<_>>()
    };
    let generated = generate();
    assert_eq!(
        names(&DOCUMENT),
        names(&generated),
        "clients/vectors.json is stale: run `UPDATE_DOCUMENTS=1 cargo test -p countersign-guard --test vectors`"
    );
    assert_eq!(
        names(&generated).iter().collect::<BTreeSet<_>>().len(),
        names(&generated).len()
    );
    assert!(DOCUMENT.tokens.len() >= 60 && DOCUMENT.lists.len() >= 15);
    let kinds: Vec<_> = generated.jwks["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| &key["kty"])
        .collect();
    assert_eq!(
        json!(kinds),
        json!(["RSA", "OKP", "EC", "oct", "of-a-kind-to-come", "EC", "EC"])
    );
}

/// What needs no list: a token that is refused for itself, and the user of one that is not.
#[test]
fn tokens_are_judged_as_the_table_says() {
    let expect = Expectation {
        issuer: &DOCUMENT.issuer,
        audience: &DOCUMENT.audience,
        now: DOCUMENT.now,
        leeway: DOCUMENT.leeway,
    };
    for token in &DOCUMENT.tokens {
        let verified = verify_access_token(&token.token, key, &expect);
        // Whether the place is one, and of a list that may be asked, is the guard's to say.
        if verified.is_ok() && token.expect == Expect::Invalid {
            assert!(
                ["status", "idx"].iter().any(|word| token.name.starts_with(word)),
                "{}",
                token.name
            );
            continue;
        }
        assert_eq!(
            verified.is_ok(),
            token.expect != Expect::Invalid,
            "{}: {verified:?}",
            token.name
        );
    }
}

#[test]
fn lists_are_judged_as_the_table_says() {
    for list in &DOCUMENT.lists {
        let expect = StatusListExpectation {
            issuer: &DOCUMENT.issuer,
            uri: &list.uri,
            now: DOCUMENT.now,
            leeway: DOCUMENT.leeway,
        };
        let verified = verify_status_list(&list.jwt, key, &expect);
        assert_eq!(
            verified.is_ok(),
            list.expect == Expect::Valid,
            "{}: {verified:?}",
            list.name
        );
        assert_eq!(list.statuses.is_empty(), list.expect != Expect::Valid, "{}", list.name);
        for (&idx, &state) in &list.statuses {
            let status_list = &verified.as_ref().unwrap().status_list;
            assert_eq!(status_list.status(idx), Some(state), "{}: {idx}", list.name);
        }
    }
}
