//! A few thousand tokens, each signed with the issuer's own key, that differ from a valid one in one or two places.
//! Every guard must reach the verdict that docs/security/token-rules.md specifies. The pairs are chosen by a seed; keys
//! and times differ between runs.
//!
//! If `COUNTERSIGN_TEST_MUTATIONS` names a file, they are written there for the guards in other languages.

mod claims;
mod clients;
mod draft;
mod forms;
mod header;
mod keys;
mod rival;
mod rules;
mod values;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_guard::{Guard, Reason, Subject};
use serde::Serialize;
use serde_json::Value;

use self::draft::Draft;
use crate::forge::{Forge, pkcs8};
use crate::lists;
use crate::sample::{AUDIENCE, ISSUER, LEEWAY};
use crate::server::{Published, serve};

const SEED: u64 = 20_261_127;
const PAIRS: usize = 2_400;

/// The verdict of a guard, in ascending order of precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Valid,
    /// 401: the session has ended.
    Revoked,
    /// 503: its status list is unavailable.
    Unavailable,
    /// 401.
    Invalid,
}

/// One difference from a valid token.
struct Mutation {
    name: String,
    /// The row of docs/security/token-rules.md that decides.
    rule: &'static str,
    /// The part and the member that it changes, so that no two mutations change the same one.
    place: (&'static str, String),
    verdict: Verdict,
    /// Whether every JWT verifier must reject it.
    must: bool,
    apply: Box<dyn Fn(&mut Draft)>,
}

/// The rule, part and member (`*` for the whole part) of a mutation, and its verdict.
struct At<'a> {
    rule: &'static str,
    part: &'static str,
    member: &'a str,
    verdict: Verdict,
}

impl Mutation {
    fn new(at: At<'_>, name: impl Into<String>, apply: impl Fn(&mut Draft) + 'static) -> Self {
        let At {
            rule,
            part,
            member,
            verdict,
        } = at;
        Self {
            name: format!("{part}.{member}: {}", name.into()),
            rule,
            place: (part, member.to_owned()),
            verdict,
            must: false,
            apply: Box::new(apply),
        }
    }

    fn must(self) -> Self {
        Self { must: true, ..self }
    }

    fn goes_with(&self, other: &Self) -> bool {
        let ((part, member), (other_part, other_member)) = (&self.place, &other.place);
        part != other_part || (member != other_member && member != "*" && other_member != "*")
    }
}

/// The file for the guards in other languages.
#[derive(Serialize)]
struct Document {
    seed: u64,
    issuer: &'static str,
    audience: [&'static str; 1],
    now: i64,
    leeway: u32,
    jwks: Value,
    status_lists: BTreeMap<String, String>,
    tokens: Vec<Mutated>,
    /// Key sets in which one key is changed, each with a token of that key.
    key_sets: Vec<keys::KeySet>,
}

#[derive(Serialize)]
struct Mutated {
    name: String,
    rules: Vec<&'static str>,
    token: String,
    expect: Verdict,
    /// The kind of subject of a valid token.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<Kind>,
    must_refuse: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Account,
    Client,
}

fn document() -> Document {
    let forge = Forge::new();
    let now = i64::try_from(SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs()).unwrap();
    let sign = signer(&forge);
    let good = Draft::good(forge.key.kid(), now);
    let unreadable = lists::unreadable_at(&forge, now);
    let mutations: Vec<_> = [
        header::mutations(&forge),
        claims::mutations(now),
        claims::of_unreadable_lists(unreadable.keys()),
        forms::mutations(),
    ]
    .into_iter()
    .flatten()
    .collect();
    let mut tokens: Vec<_> = mutations
        .iter()
        .map(|mutation| mutated(&good, &[mutation], &sign))
        .chain(forms::whole(&good, &forge, &sign))
        .collect();
    let client = Draft::client(forge.key.kid(), now);
    tokens.extend(
        clients::mutations(now)
            .iter()
            .map(|mutation| of_client(mutated(&client, &[mutation], &sign))),
    );
    // The other rules are the same for both kinds, so a third of the mutations suffices.
    let same = mutations.iter().filter(|mutation| !clients::concerns(&mutation.place));
    tokens.extend(
        same.step_by(3)
            .map(|mutation| of_client(mutated(&client, &[mutation], &sign))),
    );
    // Two faults would hide each other, so at least one of each pair is harmless.
    let harmless: Vec<_> = (0..mutations.len())
        .filter(|&at| mutations[at].verdict == Verdict::Valid)
        .collect();
    let mut random = Random(SEED);
    let mut chosen = BTreeSet::new();
    while chosen.len() < PAIRS {
        let second = harmless[random.below(harmless.len())];
        let first = match random.below(2) {
            0 => harmless[random.below(harmless.len())],
            _ => random.below(mutations.len()),
        };
        if mutations[first].goes_with(&mutations[second]) && chosen.insert((first, second)) {
            tokens.push(mutated(&good, &[&mutations[first], &mutations[second]], &sign));
        }
    }
    for mutated in tokens.iter_mut().filter(|mutated| mutated.expect == Verdict::Valid) {
        mutated.subject = Some(kind(&mutated.token));
    }
    Document {
        seed: SEED,
        issuer: ISSUER,
        audience: [AUDIENCE],
        now,
        leeway: LEEWAY,
        jwks: forge.jwks(),
        status_lists: lists::published_at(&forge, now)
            .into_iter()
            .chain(unreadable.clone())
            .collect(),
        tokens,
        key_sets: keys::key_sets(
            &forge,
            &sign(&good.text()),
            &sign(&Draft::good(keys::OTHER_NAME, now).text()),
        ),
    }
}

fn of_client(mutated: Mutated) -> Mutated {
    Mutated {
        name: format!("client: {}", mutated.name),
        ..mutated
    }
}

/// The kind of subject of a valid token by RFC 9068 §2.2, independent of our own code.
fn kind(token: &str) -> Kind {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    let claims: Value = serde_json::from_slice(&payload).unwrap();
    match claims["sub"] == claims["client_id"] {
        true => Kind::Client,
        false => Kind::Account,
    }
}

fn mutated(good: &Draft, mutations: &[&Mutation], sign: &impl Fn(&str) -> String) -> Mutated {
    let mut draft = good.clone();
    for mutation in mutations {
        (mutation.apply)(&mut draft);
    }
    let token = sign(&draft.text());
    let mut rules: Vec<_> = mutations.iter().map(|mutation| mutation.rule).collect();
    let mut expect = mutations.iter().map(|mutation| mutation.verdict).max().unwrap();
    if token.len() > 8192 {
        rules.push("F-1");
        expect = Verdict::Invalid;
    }
    Mutated {
        name: mutations
            .iter()
            .map(|mutation| &*mutation.name)
            .collect::<Vec<_>>()
            .join(" & "),
        rules,
        token,
        expect,
        subject: None,
        must_refuse: mutations.iter().any(|mutation| mutation.must),
    }
}

/// Signs any text with the issuer's first key.
fn signer(forge: &Forge) -> impl Fn(&str) -> String + use<> {
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8(&forge.key)).unwrap();
    move |text| {
        let signature = pair
            .sign(&aws_lc_rs::rand::SystemRandom::new(), text.as_bytes())
            .unwrap();
        format!("{text}.{}", crate::forge::encode(signature))
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % u64::try_from(end).unwrap()).unwrap()
    }
}

fn guard(base: String, now: i64) -> countersign_guard::GuardBuilder {
    Guard::discover(ISSUER)
        .audience(AUDIENCE)
        .base_url(base)
        .leeway(Duration::from_secs(LEEWAY.into()))
        .clock(move || now)
}

/// The verdict of this crate's guard, and the kind of subject of a valid token.
async fn judge(guard: &Guard, token: &str) -> (Verdict, Option<Kind>) {
    let verdict = match guard.verify(token).await {
        Ok(verified) => {
            let kind = match verified.subject() {
                Subject::Account(_) => Kind::Account,
                Subject::Client(_) => Kind::Client,
                other => panic!("{other:?}"),
            };
            return (Verdict::Valid, Some(kind));
        }
        Err(denied) if matches!(denied.reason, Reason::Revoked) => Verdict::Revoked,
        Err(denied) => match (denied.status().as_u16(), denied.code()) {
            (401, "invalid_token") => Verdict::Invalid,
            (503, "unavailable") => Verdict::Unavailable,
            other => panic!("{other:?}"),
        },
    };
    (verdict, None)
}

#[tokio::test]
async fn mutated_tokens_are_judged_as_the_rules_say() {
    let document = document();
    if let Some(path) = std::env::var_os("COUNTERSIGN_TEST_MUTATIONS") {
        std::fs::write(path, serde_json::to_vec(&document).unwrap()).unwrap();
    }
    let published = Published {
        issuer: ISSUER.to_owned(),
        jwks: document.jwks.to_string(),
        status_lists: document.status_lists.clone(),
        key_sets: document.key_sets.iter().map(|set| set.jwks.clone()).collect(),
    };
    let base = serve(published).await;
    let ours = guard(base.clone(), document.now).build().await.unwrap();
    let theirs = rival::Rival::new(&document.jwks);
    let (mut counts, mut taken, mut wrong) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
    for mutated in &document.tokens {
        let judged = judge(&ours, &mutated.token).await;
        if judged != (mutated.expect, mutated.subject) {
            wrong.push(format!(
                "{} {}: {judged:?}, not {:?} {:?}",
                mutated.rules.join(" "),
                mutated.name,
                mutated.expect,
                mutated.subject
            ));
        }
        *counts.entry(judged.0).or_insert(0) += 1;
        if theirs.takes(&mutated.token) {
            assert!(!mutated.must_refuse, "jsonwebtoken takes {}", mutated.name);
            if mutated.expect == Verdict::Invalid {
                *taken.entry(mutated.rules.join(" ")).or_insert(0) += 1;
            }
        }
    }
    for (number, set) in document.key_sets.iter().enumerate() {
        let ours = guard(format!("{base}/sets/{number}"), document.now)
            .build()
            .await
            .unwrap();
        let (judged, _) = judge(&ours, &set.token).await;
        if judged != set.expect {
            wrong.push(format!("{} {}: {judged:?}, not {:?}", set.rule, set.name, set.expect));
        }
    }
    println!(
        "{} tokens, {} key sets: {counts:?}",
        document.tokens.len(),
        document.key_sets.len()
    );
    println!(
        "jsonwebtoken takes {} that the rules refuse: {taken:?}",
        taken.values().sum::<i32>()
    );
    assert!(wrong.is_empty(), "{} of them:\n{}", wrong.len(), wrong.join("\n"));
    assert!(
        document.tokens.len() > 3000 && counts.values().all(|&count| count > 10),
        "{counts:?}"
    );
    assert_eq!(
        rules::documented(),
        rules::of(&document),
        "docs/security/token-rules.md and the mutations differ"
    );
}
