//! Following the folder and the database, so that every server has the same keys within seconds.
//!
//! Compares the contents of files, because notifications do not work for all mounted folders and modification times are
//! unreliable.

use std::sync::atomic::Ordering;
use std::time::Duration;

use countersign_jose::{RsaSigningKey, SigningKey};

use super::Keys;
use super::reading::{Reading, recall_published};
use super::ring::Ring;
use super::sealing;
use crate::features::operations::keys::KeysError;
use crate::features::operations::keys::folder::{Fingerprint, FolderKeys};

/// How often the folder and the database are read.
const EVERY: Duration = Duration::from_secs(2);

/// What was seen last, so that each change is loaded once and each error is logged once.
pub(super) struct Watch {
    loaded: Fingerprint,
    damaged: Option<Fingerprint>,
    complaint: Option<String>,
}

impl Keys {
    /// Follows the folder and the database until the process ends.
    pub async fn watch_forever(self) {
        loop {
            self.refresh().await;
            tokio::time::sleep(EVERY).await;
        }
    }

    /// Reads the folder and the database once. If the folder cannot be used, the keys loaded before remain.
    pub async fn refresh(&self) {
        let mut watch = self.0.watch.lock().await;
        let before = self.ring();
        let keys = match self.read_changed(&mut watch).await {
            Ok(changed) => changed.unwrap_or_else(|| before.keys.clone()),
            Err(error) => {
                watch.complain(&error);
                before.keys.clone()
            }
        };
        let now = self.0.clock.now();
        let history = match recall_published(&self.0.db, &keys, now, self.0.options.access_ttl).await {
            Ok(history) => history,
            Err(error) => {
                tracing::debug!(%error, "failed to read the key history; using the last known one");
                before.history.clone()
            }
        };
        match sealing::recall(&self.0.db, &keys, now).await {
            Ok(history) => self.0.sealing.follow(&keys, &history, now),
            Err(error) => tracing::debug!(%error, "failed to read the sealing key history; using the last known one"),
        }
        let ring = Ring::assemble(keys, history, now, self.0.options.propagation_delay());
        log_changes(&before, &ring);
        self.put_ring(ring);
    }

    /// Returns the folder's keys if they have changed.
    async fn read_changed(&self, watch: &mut Watch) -> Result<Option<FolderKeys>, KeysError> {
        let reading = Reading::of(&self.0.options).await?;
        self.0.writable.store(reading.writable, Ordering::Relaxed);
        let seen = reading.snapshot.fingerprint();
        if seen == watch.loaded {
            watch.repaired();
            return Ok(None);
        }
        if watch.damaged == Some(seen) {
            return Ok(None);
        }
        watch.damaged = Some(seen);
        let keys = reading.keys().await?;
        if keys.sealing.is_empty() {
            return Err(KeysError::Missing(self.0.options.folder().sealing()));
        }
        if keys.rsa.is_none() && self.ring().keys.rsa.is_some() {
            return Err(KeysError::Missing(self.0.options.folder().rsa()));
        }
        *watch = Watch::new(seen);
        Ok(Some(keys))
    }
}

impl Watch {
    pub(super) fn new(loaded: Fingerprint) -> Self {
        Self {
            loaded,
            damaged: None,
            complaint: None,
        }
    }

    fn complain(&mut self, error: &KeysError) {
        let complaint = error.to_string();
        if self.complaint.as_ref() != Some(&complaint) {
            tracing::error!("failed to reload the keys folder; keeping the keys loaded before: {complaint}");
            self.complaint = Some(complaint);
        }
    }

    fn repaired(&mut self) {
        self.damaged = None;
        if self.complaint.take().is_some() {
            tracing::info!("the keys folder is readable again; no keys have changed");
        }
    }
}

fn log_changes(before: &Ring, after: &Ring) {
    if before.signing_key::<SigningKey>().is_some() && after.signing_key::<SigningKey>().is_none() {
        let kid = after.keys.ec.current.kid();
        tracing::error!(
            kid,
            "the signing key was revoked; no tokens can be issued until the keys folder contains another one"
        );
    }
    if before.signing_key::<RsaSigningKey>().is_some() && after.signing_key::<RsaSigningKey>().is_none() {
        tracing::error!(
            "the RSA key was revoked; no ID tokens can be issued with RS256 until the keys folder contains another one"
        );
    }
    if before.published != after.published {
        let next = after.keys.ec.next.as_ref().map(|next| next.kid());
        tracing::info!(
            current = after.keys.ec.current.kid(),
            next,
            rsa = after.keys.rsa.as_ref().map(|rsa| rsa.current.kid()),
            "the published keys have changed"
        );
    }
}
