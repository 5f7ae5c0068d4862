//! The keys of one moment: what the folder holds, seen through what the database remembers.

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

/// Verifiers' clocks may be late by this much: a retired key goes on verifying for so long after its last token.
pub(super) const LEEWAY: Duration = Duration::from_secs(60);

/// What the database remembers, by `kid`.
pub(super) type History = HashMap<String, KeyRecord>;

/// A JWK Set as it goes over the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedKeys {
    pub body: Bytes,
    /// A strong entity tag: the same for the same set, on every server.
    pub etag: HeaderValue,
}

/// The keys of one moment. It never changes; another one takes its place.
pub(super) struct Ring {
    pub(super) keys: FolderKeys,
    pub(super) history: History,
    pub(super) published: Arc<PublishedKeys>,
    /// How long a next key is published before it may sign.
    propagation_delay: Duration,
    /// Until when (in milliseconds) tokens of the current key may live without a word to the database.
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

    /// The key that signs; none if it was revoked and its folder has no other one yet.
    pub(super) fn signing_key(&self) -> Option<&SigningKey> {
        let current = &self.keys.current;
        (!is_revoked(&self.history, current.kid())).then_some(current)
    }

    /// The key of this name, if tokens that it signed are to be believed now.
    ///
    /// A next key is believed as soon as it was published for long enough to be activated, and not before: from then
    /// on some server may sign with it, and servers learn of its activation some seconds apart.
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

    /// Whether the database knows already that tokens of the current key may live until `until`.
    pub(super) fn may_sign_until(&self, until: Timestamp) -> bool {
        until.millis() <= self.signed_until.load(Ordering::Relaxed)
    }

    /// The database knows now that tokens of the current key may live until `until`.
    pub(super) fn extend_until(&self, until: Timestamp) {
        self.signed_until.fetch_max(until.millis(), Ordering::Relaxed);
    }

    /// Keys of which tokens may live, and which the folder does not hold.
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

/// Published is what is not revoked, and of the retired keys those that tokens still need.
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
