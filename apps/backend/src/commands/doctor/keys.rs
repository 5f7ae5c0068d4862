//! Checks the signing and sealing keys: presence, consistency, file permissions and age.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use countersign_jose::SigningAlg;
use countersign_store::Db;

use super::finding::Finding;
use crate::core::clock::Clock;
use crate::core::text::absolute;
use crate::features::operations::keys::{
    KeyOperator, KeyState, ListedKey, ListedSealingKey, SealingState, current_kid,
};
use crate::installation::key_options;
use crate::settings::{CHECK_PATHS, Settings};

const KEYS: &str = "keys";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const OLD: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Checks the keys. Returns the `kid` of the current signing key.
pub(super) async fn check(
    settings: &Settings,
    db: Option<&Db>,
    clock: &Clock,
    findings: &mut Vec<Finding>,
) -> Option<String> {
    let options = key_options(settings);
    let dir = absolute(&options.dir);
    if let Ok(folder) = std::fs::metadata(&options.dir) {
        let mode = folder.permissions().mode() & 0o777;
        if mode & 0o022 != 0 {
            findings.push(Finding::fail(
                KEYS,
                format!("{dir} is writable by other users (mode {mode:03o}), who could replace the keys"),
                format!("chmod 700 {dir}"),
            ));
        }
    }
    let current = match current_kid(&options).await {
        Ok(current) => current,
        Err(error) => {
            findings.push(Finding::fail(KEYS, error.to_string(), ""));
            return None;
        }
    };
    let operator = db.map(|db| KeyOperator::new(options.clone(), db.clone(), clock.clone()));
    let (known, sealing) = match &operator {
        Some(operator) => (operator.list().await.ok(), operator.list_sealing().await.ok()),
        None => (None, None),
    };
    findings.push(match (&current, &known) {
        (Some(kid), Some(known)) => judge(kid, known, clock),
        (None, Some(known)) => missing(&dir, known),
        (Some(kid), None) => Finding::unknown(
            KEYS,
            format!("{kid} is valid; its state could not be read from the database"),
            UNASKED,
        ),
        (None, None) => Finding::unknown(
            KEYS,
            format!("{dir} contains no keys; whether there should be some could not be read from the database"),
            UNASKED,
        ),
    });
    if let (Some(_), Some(known)) = (&current, &known) {
        findings.extend(judge_rsa(&dir, known, clock));
    }
    // Without a signing key, the finding above already covers the whole folder.
    if let (Some(_), Some(sealing)) = (&current, &sealing) {
        findings.push(judge_sealing(&dir, sealing));
    }
    current
}

const UNASKED: &str = "fix the database first (see above), then run this again";

fn judge_sealing(dir: &str, known: &[ListedSealingKey]) -> Finding {
    let ids = |state: SealingState| -> Vec<&str> {
        let keys = known.iter().filter(|key| key.state == state);
        keys.map(|key| key.id.as_str()).collect()
    };
    let missing = ids(SealingState::Missing);
    match (ids(SealingState::Active).first(), missing.is_empty()) {
        (Some(active), true) => Finding::ok(KEYS, format!("{active} is the active sealing key")),
        (Some(active), false) => Finding::warn(
            KEYS,
            format!(
                "{active} is the active sealing key, but {dir}/sealing lacks {}, which other nodes may use",
                missing.join(", ")
            ),
            "restore the file; if it is lost, run `countersign keys sealing retire ID`",
        ),
        (None, true) => Finding::unknown(
            KEYS,
            format!("{dir}/sealing contains no sealing key"),
            "the server creates one the next time it starts",
        ),
        (None, false) => Finding::fail(
            KEYS,
            format!(
                "{dir}/sealing contains no sealing key, but this database has used {}",
                missing.join(", ")
            ),
            restore(),
        ),
    }
}

/// Judges the RSA keys. There is nothing to say before there is one.
fn judge_rsa(dir: &str, known: &[ListedKey], clock: &Clock) -> Option<Finding> {
    let mut known = known.iter().filter(|key| key.alg == SigningAlg::Rs256);
    let first = known.next()?;
    // The keys of the folder are listed first, and the current one before the others.
    if first.state == KeyState::Gone {
        return Some(Finding::fail(
            KEYS,
            format!(
                "{dir}/rsa contains no keys, but ID tokens were signed with the RSA key {}",
                first.kid
            ),
            restore(),
        ));
    }
    Some(judge_key(
        first,
        "RSA key",
        "countersign keys rotate --rsa --wait",
        clock,
    ))
}

fn missing(dir: &str, known: &[ListedKey]) -> Finding {
    match known.iter().find(|key| key.alg == SigningAlg::Es256) {
        Some(lost) => Finding::fail(
            KEYS,
            format!(
                "{dir} contains no keys, but tokens were issued with the key {}",
                lost.kid
            ),
            restore(),
        ),
        None => Finding::unknown(
            KEYS,
            format!("{dir} contains no keys"),
            format!("{CHECK_PATHS}; the server creates them when it first starts"),
        ),
    }
}

/// What to do about a folder that lacks known keys.
fn restore() -> String {
    format!("{CHECK_PATHS}, then mount or restore the folder, or set `keys_dir`; the server does not start without it")
}

fn judge(kid: &str, known: &[ListedKey], clock: &Clock) -> Finding {
    match known.iter().find(|key| key.kid == kid) {
        Some(key) => judge_key(key, "signing key", "countersign keys rotate --wait", clock),
        None => Finding::ok(KEYS, format!("{kid} is the signing key; no server has used it yet")),
    }
}

/// Judges a current key.
fn judge_key(key: &ListedKey, name: &str, rotate: &str, clock: &Clock) -> Finding {
    let kid = &key.kid;
    if key.state == KeyState::Revoked {
        let remedy = format!("to replace the key, run `countersign keys revoke {kid}` with this folder");
        return Finding::fail(KEYS, format!("the {name} {kid} was revoked"), remedy);
    }
    let Some(since) = key.since else {
        return Finding::ok(KEYS, format!("{kid} is the {name}; no server has used it yet"));
    };
    let age = Duration::from_millis(u64::try_from(clock.now().millis() - since.millis()).unwrap_or(0));
    let found = format!("{kid} has been the {name} for {} days", age.as_secs() / DAY.as_secs());
    if age > OLD {
        Finding::warn(KEYS, found, format!("run `{rotate}`"))
    } else {
        Finding::ok(KEYS, found)
    }
}
