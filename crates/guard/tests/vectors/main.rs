//! `clients/vectors.json`: tokens and status lists on which all verifiers, in every language, must agree. This test
//! writes the file (`UPDATE_DOCUMENTS=1 cargo test -p countersign-guard --test vectors`) and checks this crate against
//! it. The private keys are generated for the file and discarded.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, forges with chance of its own, and is told by the environment to write"
)]

mod document;
mod forge;
mod lists;
mod mutations;
mod sample;
mod server;
mod tokens;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use countersign_guard::{Caller, Guard, Reason, VerifiedToken};
use countersign_jose::{JwkSet, Present, StatusListClaims, StatusListExpectation, VerifyingKey, verify};
use serde_json::json;

use self::document::{Document, Expect, Subject, Verified};
use self::forge::Forge;
use self::sample::{AUDIENCE, ISSUER, LEEWAY, NOW};
use self::server::{Published, serve};

static DOCUMENT: LazyLock<Document> = LazyLock::new(|| {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../clients/vectors.json");
    if std::env::var_os("UPDATE_DOCUMENTS").is_some() {
        let text = serde_json::to_string_pretty(&generate()).unwrap() + "\n";
        // Tests run in separate processes, and none may see an incomplete file.
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

fn published() -> Published {
    Published {
        issuer: DOCUMENT.issuer.clone(),
        jwks: DOCUMENT.jwks.to_string(),
        status_lists: DOCUMENT.status_lists.clone(),
        key_sets: Vec::new(),
    }
}

/// Keys and signatures differ between runs; names and expectations of the entries do not.
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

/// Uses a complete guard that discovers keys and lists from an issuer.
#[tokio::test]
async fn tokens_are_judged_as_the_table_says() {
    let mut builder = Guard::discover(&DOCUMENT.issuer)
        .base_url(serve(published()).await)
        .leeway(Duration::from_secs(DOCUMENT.leeway.into()))
        .clock(|| DOCUMENT.now);
    for audience in &DOCUMENT.audience {
        builder = builder.audience(audience);
    }
    let guard = builder.build().await.unwrap();
    // Twice, because a cached token must get the same verdict.
    for token in DOCUMENT.tokens.iter().chain(&DOCUMENT.tokens) {
        let verified = guard.verify(&token.token).await;
        let judged = match &verified {
            Ok(_) => Expect::Valid,
            Err(denied) if matches!(denied.reason, Reason::Revoked) => Expect::Revoked,
            Err(denied) => {
                assert_eq!(denied.status(), 401, "{}: {denied:?}", token.name);
                Expect::Invalid
            }
        };
        assert_eq!(judged, token.expect, "{}: {verified:?}", token.name);
        if let Ok(verified) = &verified {
            let caller = match verified.caller() {
                Caller::User(user) => Subject::Account(user.id.to_string()),
                Caller::Client(client) => Subject::Client(client.id),
            };
            assert_eq!(Some(&caller), token.verified.as_ref().map(|verified| &verified.subject));
            let of_person = verified.subject().account().is_some();
            let user = verified.require_user().map(|user| user.id);
            assert_eq!(
                user.as_ref().ok().copied(),
                verified.subject().account(),
                "{}",
                token.name
            );
            assert!(
                of_person || user.is_err_and(|denied| denied.status() == 403 && denied.code() == "insufficient_scope")
            );
        }
        assert_eq!(
            verified.ok().map(|verified| shown(&verified)),
            token.verified,
            "{}",
            token.name
        );
    }
}

fn shown(verified: &VerifiedToken) -> Verified {
    Verified {
        subject: match verified.subject() {
            countersign_jose::Subject::Account(id) => Subject::Account(id.to_string()),
            countersign_jose::Subject::Client(id) => Subject::Client(id.clone()),
            other => panic!("{other:?}"),
        },
        client_id: verified.client_id().to_owned(),
        session: verified.session().map(|session| session.to_string()),
        scopes: verified.scopes().iter().map(str::to_owned).collect(),
    }
}

#[test]
fn lists_are_judged_as_the_table_says() {
    for list in &DOCUMENT.lists {
        let expect = StatusListExpectation {
            issuer: &DOCUMENT.issuer,
            uri: &list.uri,
            present: Present {
                now: DOCUMENT.now,
                leeway: DOCUMENT.leeway,
            },
        };
        let verified = verify::<StatusListClaims>(&list.jwt, key, &expect);
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
