//! Recognizes and remembers devices.

use std::time::Duration;

use aws_lc_rs::digest::{Context as Digest, SHA256};
use countersign_store::{Conn, StoreError, Tx};

use super::store::{self, Hash, SeenDevice};
use crate::core::clock::Timestamp;
use crate::core::ids::AccountId;
use crate::core::request_info::RequestInfo;

/// How long a device is known after its last sign-in.
pub const LIFETIME: Duration = Duration::from_secs(180 * 24 * 60 * 60);

/// The maximum number of known devices per account; the least recently used are removed.
const PER_ACCOUNT: i64 = 50;

/// Returns whether the account has signed in from this device. Used by sign-in and by limits that exempt known devices. For a
/// nonexistent account, pass a nil id, which costs the same lookup.
pub async fn is_known<'c>(
    conn: impl Into<Conn<'c>>,
    account: AccountId,
    request: &RequestInfo,
    now: Timestamp,
) -> Result<bool, StoreError> {
    match hash(account, request) {
        Some(hash) => store::is_known(conn, account, hash, now).await,
        None => Ok(false),
    }
}

/// Remembers a device on which the account has just authenticated. The command line is not a device, and neither is a client
/// without a cookie and with an unknown network.
pub async fn remember(
    tx: &mut Tx<'_>,
    account: AccountId,
    request: &RequestInfo,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(hash) = hash(account, request) else {
        return Ok(());
    };
    let seen = SeenDevice {
        account,
        hash,
        seen_at: now,
        expires_at: now + LIFETIME,
    };
    store::remember(tx, &seen).await?;
    store::forget_beyond(tx, account, PER_ACCOUNT).await
}

/// Returns the value that identifies the device, different for each account, so that rows do not reveal shared browsers.
fn hash(account: AccountId, request: &RequestInfo) -> Option<Hash> {
    let mut digest = Digest::new(&SHA256);
    digest.update(account.0.as_bytes());
    match (request.device, request.prefix()) {
        // A browser with a cookie is recognized by it in every network.
        (Some(cookie), _) => {
            digest.update(b"C");
            digest.update(&cookie.0);
        }
        (None, Some(prefix)) if !prefix.is_unknown() => {
            digest.update(b"N");
            digest.update(prefix.to_string().as_bytes());
            digest.update(b"\0");
            digest.update(without_versions(request.user_agent.as_deref().unwrap_or_default()).as_bytes());
        }
        (None, _) => return None,
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(digest.finish().as_ref());
    Some(Hash(hash))
}

/// Returns a `User-Agent` without version numbers, so that an updated program remains the same device. A version is what
/// follows a product's slash (RFC 9110 §10.1.5), or numbers separated by dots or underscores.
fn without_versions(user_agent: &str) -> String {
    let mut kept = String::with_capacity(user_agent.len());
    let mut rest = user_agent;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, numbers) = rest.split_at(start);
        let in_number = |c: char| c.is_ascii_digit() || matches!(c, '.' | '_');
        let (number, after) = numbers.split_at(numbers.find(|c| !in_number(c)).unwrap_or(numbers.len()));
        kept.push_str(before);
        if !before.ends_with('/') && !number.contains(['.', '_']) {
            kept.push_str(number);
        }
        rest = after;
    }
    kept.push_str(rest);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_is_the_same_device_and_another_name_is_not() {
        let chrome = |version: &str| {
            without_versions(&format!(
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/{version} Safari/537.36"
            ))
        };
        assert_eq!(chrome("130.0.0.0"), chrome("131.0.6778.86"));
        let firefox = |version: &str| without_versions(&format!("Mozilla/5.0 (X11; rv:{version}) Firefox/{version}"));
        assert_eq!(firefox("130.0"), firefox("131.0"));
        assert_ne!(without_versions("device 1"), without_versions("device 2"));
        assert_ne!(without_versions("curl/8.5.0"), without_versions("Wget/1.21"));
        assert_ne!(without_versions("a/1b"), without_versions("a/1c"));
    }
}
