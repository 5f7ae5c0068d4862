use std::time::{Duration, Instant};

use prometheus_client::encoding::text::encode;

use super::*;
use crate::core::password::{Breached, PasswordContext, PasswordPolicy};

const CHEAP: HashingOptions = HashingOptions {
    workers: 2,
    queue: 16,
    memory_kib: 64,
    iterations: 1,
    parallelism: 1,
};

fn hasher(options: HashingOptions) -> Hasher {
    Hasher::start(options, SecureRandom, &mut Registry::default()).expect("threads and parameters are fine")
}

fn new(password: &str) -> NewPassword {
    let policy = PasswordPolicy {
        min_length: 1,
        max_length: 1024,
        breached: Breached::Off,
    };
    let context = PasswordContext {
        email: "",
        issuer_host: "",
    };
    policy
        .check(&typed(password), &context)
        .unwrap_or_else(|fault| panic!("{fault}"))
}

fn typed(password: &str) -> Password {
    Password::from(password.to_owned())
}

#[tokio::test]
async fn r_63_new_hashes_are_argon2id_with_the_parameters_in_force() {
    let options = HashingOptions {
        memory_kib: 19456,
        iterations: 2,
        ..CHEAP
    };
    let hash = hasher(options).hash(new("one password")).await.expect("it is hashed");
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    assert_eq!(hash.len(), "$argon2id$v=19$m=19456,t=2,p=1$".len() + 22 + 1 + 43);
}

#[tokio::test]
async fn a_7_only_the_exact_password_verifies() {
    let hasher = hasher(CHEAP);
    let long = "x".repeat(64);
    let hash = hasher.hash(new(&format!("{long} tail"))).await.expect("it is hashed");
    assert_ne!(
        hash,
        hasher.hash(new(&format!("{long} tail"))).await.expect("it is hashed"),
        "each has its own salt"
    );
    let others = [
        long.clone(),
        format!("{long} tail "),
        format!(" {long} tail"),
        format!("{long} Tail"),
        String::new(),
    ];
    for other in others {
        assert_eq!(
            hasher.verify(typed(&other), Some(&hash)).await,
            Ok(Verdict::Wrong),
            "{other:?}"
        );
    }
    assert_eq!(
        hasher.verify(typed(&format!("{long} tail")), Some(&hash)).await,
        Ok(Verdict::Right)
    );
}

#[tokio::test]
async fn r_62_composed_and_decomposed_are_one_password() {
    let hasher = hasher(CHEAP);
    let hash = hasher.hash(new("caf\u{e9} cr\u{e8}me")).await.expect("it is hashed");
    for spelling in ["caf\u{e9} cr\u{e8}me", "cafe\u{301} cre\u{300}me"] {
        assert_eq!(hasher.verify(typed(spelling), Some(&hash)).await, Ok(Verdict::Right));
    }
    // Imported: a hash of the bytes as received.
    let imported = bcrypt::hash("cafe\u{301}", 4).expect("a cost of 4 is allowed");
    assert_eq!(
        hasher.verify(typed("cafe\u{301}"), Some(&imported)).await,
        Ok(Verdict::RightButOutdated)
    );
    assert_eq!(
        hasher.verify(typed("caf\u{e9}"), Some(&imported)).await,
        Ok(Verdict::Wrong)
    );
}

#[tokio::test]
async fn a_77_a_hash_with_other_parameters_verifies_but_is_outdated() {
    let earlier = hasher(CHEAP).hash(new("one password")).await.expect("it is hashed");
    let hasher = hasher(HashingOptions { iterations: 2, ..CHEAP });
    assert_eq!(
        hasher.verify(typed("one password"), Some(&earlier)).await,
        Ok(Verdict::RightButOutdated)
    );
    assert_eq!(
        hasher.verify(typed("two password"), Some(&earlier)).await,
        Ok(Verdict::Wrong)
    );
}

#[tokio::test]
async fn an_unknown_account_and_an_unusable_hash_take_the_same_queue_and_are_wrong() {
    let mut registry = Registry::default();
    let hasher = Hasher::start(CHEAP, SecureRandom, &mut registry).expect("threads and parameters are fine");
    assert_eq!(hasher.verify(typed("one password"), None).await, Ok(Verdict::Wrong));
    assert_eq!(
        hasher.verify(typed("one password"), Some("!disabled")).await,
        Ok(Verdict::Wrong)
    );
    hasher.shut_down().await;
    let mut text = String::new();
    encode(&mut text, &registry).expect("a string takes all text");
    assert!(text.contains("\nhashing_duration_seconds_count 2"), "{text}");
    assert!(text.contains("\nhashing_queue_depth 0"), "{text}");
}

#[tokio::test]
async fn a_8_a_password_beyond_the_maximum_fails_without_hashing() {
    let hasher = hasher(CHEAP);
    let hash = hasher.hash(new("one password")).await.expect("it is hashed");
    hasher.shut_down().await;
    assert_eq!(
        hasher.verify(typed(&"x".repeat(1025)), Some(&hash)).await,
        Ok(Verdict::Wrong)
    );
    assert_eq!(
        hasher.verify(typed(&"x".repeat(1024)), Some(&hash)).await,
        Err(HashError::Stopped)
    );
}

#[tokio::test]
async fn f_20_a_flood_is_answered_and_bounded() {
    let hasher = hasher(HashingOptions { queue: 8, ..CHEAP });
    let flood: Vec<_> = (0..400)
        .map(|_| {
            let hasher = hasher.clone();
            tokio::spawn(async move {
                let asked = Instant::now();
                (hasher.verify(typed("wrong"), None).await, asked.elapsed())
            })
        })
        .collect();
    let (mut wrong, mut overloaded) = (0, 0);
    for answer in flood {
        match answer.await.expect("no panic").0 {
            Ok(Verdict::Wrong) => wrong += 1,
            Err(HashError::Overloaded { retry_after }) => {
                assert_eq!(retry_after, Duration::from_secs(2));
                overloaded += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(wrong + overloaded, 400);
    assert!(wrong >= 8 && overloaded > 0, "{wrong} done, {overloaded} turned away");
}
