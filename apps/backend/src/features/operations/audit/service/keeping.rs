//! Background work on the log: sealing, shipping, erasing and removing old entries.

use std::time::Duration;

use countersign_store::StoreError;
use tokio::time::{Interval, MissedTickBehavior};

use super::super::event::{Event, EventKind};
use super::super::store::{self, people, sealed};
use super::sealing::trimmed_through;
use super::shipping::Shipping;
use super::{Audit, SealError};
use crate::core::caller::Caller;
use crate::core::cleanup::in_batches;
use crate::core::limits::AddressPrefix;
use crate::core::request_info::RequestInfo;

/// How often new entries are sealed.
const SEAL_EVERY: Duration = Duration::from_secs(2);
/// How often refused requests are recorded, and old or erased data is removed.
const TIDY_EVERY: Duration = Duration::from_secs(10);
/// How long after the deletion of an account its pseudonym is erased. Requests in progress have ended by then.
const ERASE_AFTER: Duration = Duration::from_secs(120);
/// How often to check for entries that have expired.
const LOOK_EVERY: Duration = Duration::from_secs(60 * 60);
/// The number of deleted accounts erased at a time.
const BATCH: i64 = 500;

impl Audit {
    /// Runs the background work until the process ends. Removing old entries can take hours and does not delay sealing. A
    /// failure is logged once and retried.
    pub async fn keep_forever(self) {
        tokio::join!(self.seal_forever(), self.tidy_forever());
    }

    async fn seal_forever(&self) {
        let mut due = interval(SEAL_EVERY);
        let mut shipping = Shipping::of(&self.platform.settings.audit);
        let mut failing = false;
        loop {
            due.tick().await;
            let sealed = self.sealed_and_shipped(&mut shipping).await;
            match &sealed {
                Err(error) if !failing => tracing::warn!(%error, "failed to seal the audit log; will retry"),
                Ok(()) if failing => tracing::info!("resumed sealing the audit log"),
                _ => {}
            }
            failing = sealed.is_err();
        }
    }

    async fn tidy_forever(&self) {
        let mut due = interval(TIDY_EVERY);
        let mut failing = false;
        loop {
            due.tick().await;
            let tidied = self.tidied().await;
            match &tidied {
                Err(error) if !failing => tracing::warn!(%error, "failed to clean up the audit log; will retry"),
                Ok(()) if failing => tracing::info!("audit log cleanup has recovered"),
                _ => {}
            }
            failing = tidied.is_err();
        }
    }

    async fn sealed_and_shipped(&self, shipping: &mut Shipping) -> Result<(), SealError> {
        let sealed = self.seal().await;
        let oldest = store::oldest_unsealed(&self.platform.db).await?;
        let lag = oldest.map_or(0, |at| self.platform.clock.now().millis().saturating_sub(at.millis()));
        self.platform
            .metrics
            .audit_lag(Duration::from_millis(u64::try_from(lag).unwrap_or(0)));
        sealed?;
        Ok(shipping.ship(&self.platform).await?)
    }

    async fn tidied(&self) -> Result<(), SealError> {
        self.write_refusals().await?;
        self.erase().await?;
        self.retire().await
    }

    /// Records the requests that were refused because of a limit or a missing scope since the last call: one row per
    /// network, regardless of the number of requests, so that a flood does not fill the disk.
    ///
    /// # Errors
    /// If the database failed. The counts are then lost, except in the metrics.
    pub async fn write_refusals(&self) -> Result<(), StoreError> {
        let refusals = &self.refusals.take();
        if refusals.is_empty() {
            return Ok(());
        }
        let work = self.platform.db.transact(|tx| {
            Box::pin(async move {
                for refusal in refusals {
                    let clients = Caller::anyone(RequestInfo {
                        address: refusal.prefix.map(AddressPrefix::network),
                        ..RequestInfo::local("many")
                    });
                    let detail = format!("{}: {} in {} s", refusal.reason, refusal.count, TIDY_EVERY.as_secs());
                    let event = Event::new(EventKind::Refused, None, &clients).refused().detail(detail);
                    self.record(tx, event).await?;
                }
                Ok::<_, StoreError>(())
            })
        });
        work.await
    }

    /// Erases the link between pseudonyms and deleted accounts, and their IP addresses and devices. The chain remains
    /// valid, because it contains only commitments to these.
    pub async fn erase(&self) -> Result<(), StoreError> {
        let before = self.platform.clock.now() - ERASE_AFTER;
        for account in people::erasures(&self.platform.db, before, BATCH).await? {
            let Some(revision) = sealed::revision(&self.platform.db).await? else {
                return Ok(());
            };
            let is_there = (self.accounts.has)(&self.platform.db, account).await?;
            self.platform
            .db
            .transact(|tx| {
                Box::pin(async move {
                    // Another node may be sealing a row of this account.
                    if !sealed::take_turn(tx, revision).await? || store::has_unsealed(&mut *tx, account).await? {
                        return Ok(());
                    }
                    // Otherwise, an attacker who can write to the database could have any account erased.
                    if is_there {
                        tracing::warn!(%account, "skipping an erasure: audit_erasures names an account that still exists");
                        return people::forget_erasure(tx, account).await;
                    }
                    if let Some(found) = people::subject(&mut *tx, account).await? {
                        if !found.fits() || !people::is_deleted(&mut *tx, found.pseudonym).await? {
                            tracing::warn!(
                                %account,
                                "skipping an erasure: the deletion of the account is not in the audit log"
                            );
                            return people::forget_erasure(tx, account).await;
                        }
                        people::erase_particulars(tx, found.pseudonym).await?;
                        people::forget_pseudonym(tx, found.pseudonym).await?;
                    }
                    people::forget_erasure(tx, account).await
                })
            })
            .await?;
        }
        Ok(())
    }

    /// Removes sealed rows that are older than `audit.retention`. The intention is sealed first, in a checkpoint that names
    /// the last row to be removed, so that a verifier can tell expiry from tampering. Age is determined by signed times
    /// only.
    ///
    /// # Errors
    /// [`SealError::Broken`] if the log differs from what was sealed, or if the database failed.
    pub async fn retire(&self) -> Result<(), SealError> {
        let now = self.platform.clock.now();
        let Some(end) = self.end().await?.filter(|end| end.vouched) else {
            return Ok(());
        };
        let through = end.claims.removed_through;
        if self.platform.settings.audit.retention().is_some() && self.witness.is_time(now, LOOK_EVERY) {
            let old = self.old_through(&end.claims, now).await?;
            if old > through {
                self.intend(old).await?;
            }
        }
        if through > 0 {
            let db = &self.platform.db;
            in_batches(|limit| sealed::remove_rows(db, through, limit)).await?;
            in_batches(|limit| sealed::remove_checkpoints(db, through, limit)).await?;
        }
        Ok(())
    }

    async fn intend(&self, through: i64) -> Result<(), StoreError> {
        let Some(revision) = sealed::revision(&self.platform.db).await? else {
            return Ok(());
        };
        let server = &Caller::server();
        self.platform
            .db
            .transact(|tx| {
                Box::pin(async move {
                    if sealed::take_turn(tx, revision).await? {
                        let event = Event::new(EventKind::AuditTrimmed, None, server).detail(trimmed_through(through));
                        self.record(tx, event).await?;
                    }
                    Ok(())
                })
            })
            .await
    }
}

fn interval(period: Duration) -> Interval {
    let mut interval = tokio::time::interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}
