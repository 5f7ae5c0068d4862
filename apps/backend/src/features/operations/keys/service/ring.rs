//! The keys at one moment: the contents of the folder, combined with the database's records.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use countersign_jose::{SigningKey, VerifyingKey};
use http::HeaderValue;

use super::super::folder::FolderKeys;
use super::super::schemas::JwkSetBody;
use super::super::store::KeyRecord;
use crate::core::clock::Timestamp;

/// How slow verifiers' clocks may be: a retired key remains valid for this time after its last token has expired.
pub(super) const LEEWAY: Duration = Duration::from_secs(60);

/// The database's records, by `kid`.
pub(super) type History = HashMap<String, KeyRecord>;

/// A JWK Set as sent to verifiers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedKeys {
    pub body: Bytes,
    /// A strong entity tag, the same for the same set on every server.
    pub etag: HeaderValue,
}

/// The keys at one moment. It is immutable and replaced as a whole.
pub(super) struct Ring {
    pub(super) keys: FolderKeys,
    pub(super) history: History,
    pub(super) published: Arc<PublishedKeys>,
    /// How long a next key is published before it may sign.
    propagation_delay: Duration,
    /// Until when, in milliseconds, tokens of the current key may be valid without another write to the database.
    signed_until: AtomicI64,
}

impl Ring {
    pub(super) fn assemble(keys: FolderKeys, history: History, now: Timestamp, propagation_delay: Duration) -> Self {
        let signed_until = history
            .get(keys.current.kid())
            .map_or(0, |record| record.last_expires_at.millis());
        let published = publish(
            keys.verifying_keys()
                .filter(|key| is_published(&keys, &history, key.kid(), now)),
        );
        Self {
            keys,
            history,
            published: Arc::new(published),
            propagation_delay,
            signed_until: AtomicI64::new(signed_until),
        }
    }

    /// Returns the signing key; `None` if it was revoked and the folder contains no other one yet.
    pub(super) fn signing_key(&self) -> Option<&SigningKey> {
        let current = &self.keys.current;
        (!is_revoked(&self.history, current.kid())).then_some(current)
    }

    /// Returns the key with this id if its tokens are valid now.
    ///
    /// A next key is accepted once it has been published for long enough to be activated, because servers notice its
    /// activation at slightly different times.
    pub(super) fn verifying_key(&self, kid: &str, now: Timestamp) -> Option<VerifyingKey> {
        let key = self.keys.find(kid)?;
        let is_ripe = || {
            self.history
                .get(kid)
                .is_some_and(|record| now >= record.first_seen_at + self.propagation_delay)
        };
        let is_next = self.keys.next.as_ref().is_some_and(|next| next.kid() == kid);
        (is_published(&self.keys, &self.history, kid, now) && (!is_next || is_ripe())).then(|| key.clone())
    }

    /// Returns whether the database already records that tokens of the current key may be valid until `until`.
    pub(super) fn may_sign_until(&self, until: Timestamp) -> bool {
        until.millis() <= self.signed_until.load(Ordering::Relaxed)
    }

    /// Notes that the database records that tokens of the current key may be valid until `until`.
    pub(super) fn extend_until(&self, until: Timestamp) {
        self.signed_until.fetch_max(until.millis(), Ordering::Relaxed);
    }

    /// Returns keys that are missing from the folder although their tokens may still be valid.
    pub(super) fn missing(&self, now: Timestamp) -> impl Iterator<Item = &str> {
        let needed = move |record: &&KeyRecord| record.revoked_at.is_none() && record.last_expires_at > now;
        let missing = self
            .history
            .values()
            .filter(needed)
            .filter(|record| self.keys.find(&record.kid).is_none());
        missing.map(|record| record.kid.as_str())
    }
}

pub(super) fn is_revoked(history: &History, kid: &str) -> bool {
    history.get(kid).is_some_and(|record| record.revoked_at.is_some())
}

/// Returns whether a key is published: if it is not revoked and, for a retired key, if valid tokens still need it.
fn is_published(keys: &FolderKeys, history: &History, kid: &str, now: Timestamp) -> bool {
    let needed = || {
        history
            .get(kid)
            .is_none_or(|record| now <= record.last_expires_at + LEEWAY)
    };
    !is_revoked(history, kid) && (!keys.retired.contains_key(kid) || needed())
}

fn publish<'k>(keys: impl Iterator<Item = &'k VerifyingKey>) -> PublishedKeys {
    let body = serde_json::to_vec(&JwkSetBody::of(keys)).expect("texts in structs always serialise");
    let digest = URL_SAFE_NO_PAD.encode(&digest(&SHA256, &body).as_ref()[..16]);
    let etag = HeaderValue::try_from(format!("\"{digest}\"")).expect("base64url in quotes is a header's value");
    PublishedKeys {
        body: body.into(),
        etag,
    }
}
