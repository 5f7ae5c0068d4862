//! The keys at one moment: the contents of the folder, combined with the database's records.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use countersign_jose::SigningAlg;
use http::HeaderValue;

use super::super::folder::{FolderKeys, KeyPair, KeySet, PublicHalf, Stored};
use super::super::schemas::JwkSetBody;
use super::super::store::KeyRecord;
use crate::core::clock::Timestamp;

/// How slow verifiers' clocks may be: a retired key remains valid for this time after its last token has expired.
pub(super) const LEEWAY: Duration = Duration::from_secs(LEEWAY_SECONDS as u64);
pub(super) const LEEWAY_SECONDS: u32 = 60;

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
    /// Until when, in milliseconds, tokens of the current ES256 key may be valid without another write to the database.
    signed_until: AtomicI64,
    /// The same of the current RS256 key.
    rsa_signed_until: AtomicI64,
}

impl Ring {
    pub(super) fn assemble(keys: FolderKeys, history: History, now: Timestamp, propagation_delay: Duration) -> Self {
        let needed_until = |kid: &str| {
            let until = history.get(kid).map_or(0, |record| record.last_expires_at.millis());
            AtomicI64::new(until)
        };
        let signed_until = needed_until(keys.ec.current.kid());
        let rsa_signed_until = needed_until(keys.rsa.as_ref().map_or("", |rsa| rsa.current.kid()));
        Self {
            published: Arc::new(publish(&keys, &history, now)),
            keys,
            history,
            propagation_delay,
            signed_until,
            rsa_signed_until,
        }
    }

    /// Returns the signing key; `None` if there is none, or if it was revoked and the folder contains no other one yet.
    pub(super) fn signing_key<K: Stored>(&self) -> Option<&Arc<K>> {
        let current = &K::of(&self.keys)?.current;
        (!is_revoked(&self.history, current.id())).then_some(current)
    }

    /// Returns the key with this id if its tokens are valid now.
    ///
    /// A next key is accepted once it has been published for long enough to be activated, because servers notice its
    /// activation at slightly different times.
    pub(super) fn verifying_key<K: Stored>(&self, kid: &str, now: Timestamp) -> Option<K::Public> {
        let keys = K::of(&self.keys)?;
        let key = keys.find(kid)?;
        let is_ripe = || {
            self.history
                .get(kid)
                .is_some_and(|record| now >= record.first_seen_at + self.propagation_delay)
        };
        let is_next = keys.next.as_ref().is_some_and(|next| next.id() == kid);
        (is_published(keys, &self.history, kid, now) && (!is_next || is_ripe())).then(|| key.clone())
    }

    /// Returns whether the database already records that tokens of the current key may be valid until `until`.
    pub(super) fn may_sign_until(&self, alg: SigningAlg, until: Timestamp) -> bool {
        until.millis() <= self.signed_until(alg).load(Ordering::Relaxed)
    }

    /// Notes that the database records that tokens of the current key may be valid until `until`.
    pub(super) fn extend_until(&self, alg: SigningAlg, until: Timestamp) {
        self.signed_until(alg).fetch_max(until.millis(), Ordering::Relaxed);
    }

    /// Returns keys that are missing from the folder although their tokens may still be valid.
    pub(super) fn missing(&self, now: Timestamp) -> impl Iterator<Item = &str> {
        let needed = move |record: &&KeyRecord| record.revoked_at.is_none() && record.last_expires_at > now;
        let missing = self
            .history
            .values()
            .filter(needed)
            .filter(|record| !self.keys.contains(&record.kid));
        missing.map(|record| record.kid.as_str())
    }

    fn signed_until(&self, alg: SigningAlg) -> &AtomicI64 {
        match alg {
            SigningAlg::Es256 => &self.signed_until,
            SigningAlg::Rs256 => &self.rsa_signed_until,
        }
    }
}

pub(super) fn is_revoked(history: &History, kid: &str) -> bool {
    history.get(kid).is_some_and(|record| record.revoked_at.is_some())
}

/// Returns whether a key is published: if it is not revoked and, for a retired key, if valid tokens still need it.
fn is_published<K: KeyPair>(keys: &KeySet<K>, history: &History, kid: &str, now: Timestamp) -> bool {
    let needed = || {
        history
            .get(kid)
            .is_none_or(|record| now <= record.last_expires_at + LEEWAY)
    };
    !is_revoked(history, kid) && (!keys.retired.contains_key(kid) || needed())
}

/// Returns the published keys of a set.
fn published<'k, K: KeyPair>(
    keys: &'k KeySet<K>,
    history: &'k History,
    now: Timestamp,
) -> impl Iterator<Item = &'k K::Public> {
    let all = keys.public_halves();
    all.filter(move |key| is_published(keys, history, key.id(), now))
}

fn publish(keys: &FolderKeys, history: &History, now: Timestamp) -> PublishedKeys {
    let ec = published(&keys.ec, history, now).map(|key| key.to_jwk().into());
    let rsa = keys.rsa.iter().flat_map(|rsa| published(rsa, history, now));
    let rsa = rsa.map(|key| key.to_jwk().into());
    let body = JwkSetBody::of(ec.chain(rsa));
    let body = serde_json::to_vec(&body).expect("texts in structs always serialise");
    let digest = URL_SAFE_NO_PAD.encode(&digest(&SHA256, &body).as_ref()[..16]);
    let etag = HeaderValue::try_from(format!("\"{digest}\"")).expect("base64url in quotes is a header's value");
    PublishedKeys {
        body: body.into(),
        etag,
    }
}
