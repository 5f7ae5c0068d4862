//! Keeping memory up to date with the database: revocations by other processes and by this one.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use countersign_store::StoreError;

use super::list::List;
use super::{Bit, Revocations, feed};
use crate::core::cleanup::in_batches;
use crate::features::sign_in::revocation::store::{self, ListRow, Progress, SetBit};

/// How often the database is polled for revocations by other processes. On SQLite this is a read of 4 µs, which is more
/// precise than `PRAGMA data_version`, which changes with every commit.
const LOOK: Duration = Duration::from_millis(100);
/// The same while hints from other processes arrive: the longest delay if a hint is lost.
const LOOK_WHEN_FED: Duration = Duration::from_millis(500);
/// How often lists that are no longer needed are removed.
const SWEEP: Duration = Duration::from_secs(60);

impl Revocations {
    /// Announces revocations that were just committed: to this process at once, to others with a number. An error here does
    /// not affect the revocations; the next poll makes up for it.
    pub(super) async fn announce(&self, revoked: &[Bit]) {
        if revoked.is_empty() {
            return;
        }
        for bit in revoked {
            self.set(bit.list, bit.idx);
        }
        // Even if numbering fails, the bits are sent, because the caller tells its client next that the session has ended.
        let (numbered, ()) = tokio::join!(self.number_waiting(), self.0.options.feed.notify(revoked));
        if let Err(error) = numbered {
            tracing::warn!(%error, "failed to announce a revocation to other nodes; it is committed, will retry");
        }
    }

    /// Follows the database and removes lists that are no longer needed. Never returns.
    pub async fn follow_forever(self) {
        // Concurrently, because removing many bits takes long, and revocations must be read at once.
        tokio::join!(self.look_forever(), self.sweep_forever());
    }

    async fn look_forever(&self) {
        let mut failing = false;
        loop {
            self.next_look(failing).await;
            let result = self.refresh().await;
            match &result {
                Err(error) if !failing => {
                    tracing::warn!(%error, "failed to read revocations from the database; will retry");
                }
                Ok(()) if failing => tracing::info!("resumed reading revocations from the database"),
                _ => {}
            }
            failing = result.is_err();
        }
    }

    async fn sweep_forever(&self) {
        loop {
            if let Err(error) = self.sweep().await {
                tracing::warn!(%error, "failed to remove expired status lists; will retry");
            }
            tokio::time::sleep(SWEEP).await;
        }
    }

    /// Waits for a hint or until the next poll is due, but at least a millisecond, so that a burst of hints causes one
    /// read.
    async fn next_look(&self, failing: bool) {
        let longest = if self.0.options.metrics.feed_up.get() == 1 && !failing {
            LOOK_WHEN_FED
        } else {
            LOOK
        };
        tokio::time::sleep(Duration::from_millis(1)).await;
        let _ = tokio::time::timeout(longest, self.0.woken.notified()).await;
    }

    /// Reads the database once.
    pub async fn refresh(&self) -> Result<(), StoreError> {
        let (began, look) = (self.0.clock.now(), self.0.unconfirmed.begin_look());
        self.look().await?;
        self.0.unconfirmed.end_look(look);
        self.0.options.metrics.saw_all(began);
        Ok(())
    }

    async fn look(&self) -> Result<(), StoreError> {
        let progress = store::progress(&self.0.db).await?;
        self.adopt(&progress);
        if progress.waiting != 0 {
            return self.number_waiting().await;
        }
        if progress.number > self.0.seen.load(Ordering::Acquire) {
            return self.catch_up().await;
        }
        Ok(())
    }

    /// Removes the lists that no valid token refers to.
    pub async fn sweep(&self) -> Result<(), StoreError> {
        // A verifier's clock may be slow.
        let ended = self.0.clock.now() - Duration::from_secs(60);
        store::remove_unneeded(&self.0.db, ended).await?;
        in_batches(|limit| store::remove_orphans(&self.0.db, limit)).await?;
        let _followed = self.0.followed.lock().await;
        let rows = store::lists(&self.0.db).await?;
        let mut lists = self.0.lists.write().unwrap_or_else(PoisonError::into_inner);
        lists.retain(|number, _| rows.iter().any(|row| row.number == *number));
        Ok(())
    }

    /// Numbers all revocations that have no number. Of several concurrent callers, one does it for all.
    async fn number_waiting(&self) -> Result<(), StoreError> {
        let mine = self.0.asked.fetch_add(1, Ordering::AcqRel) + 1;
        let mut served = self.0.served.lock().await;
        if *served >= mine {
            return Ok(());
        }
        // The transactions of all callers counted here are already committed.
        let all = self.0.asked.load(Ordering::Acquire);
        let notifies = self.0.options.feed.is_postgres();
        let number = self
            .0
            .db
            .transact(|tx| {
                Box::pin(async move {
                    let number = store::next_number(tx).await?;
                    let mut lists = store::give_number(tx, number).await?;
                    lists.sort_unstable();
                    lists.dedup();
                    for list in lists {
                        store::set_version(tx, list, number).await?;
                    }
                    if notifies {
                        tx.notify(feed::CHANNEL).await?;
                    }
                    Ok::<_, StoreError>(number)
                })
            })
            .await?;
        self.0.options.feed.publish(number).await;
        self.catch_up().await?;
        *served = all;
        Ok(())
    }

    /// Loads the new revocations from the database into memory.
    async fn catch_up(&self) -> Result<(), StoreError> {
        let mut followed = self.0.followed.lock().await;
        // Read before the bits: a revocation that is numbered meanwhile may be read twice but is never missed.
        let number = store::progress(&self.0.db).await?.number;
        let new = store::since(&self.0.db, *followed).await?;
        for SetBit { list, idx, .. } in &new {
            self.set(*list, *idx);
        }
        // Set after the bits: a client that waits for a version finds all of its bits.
        for SetBit { list, number, .. } in &new {
            if let Some(list) = self.known(*list) {
                list.has_reached(*number);
            }
        }
        *followed = number;
        self.0.seen.store(number, Ordering::Release);
        Ok(())
    }

    /// Loads all lists at startup.
    pub(super) async fn load_all(&self) -> Result<(), StoreError> {
        let mut followed = self.0.followed.lock().await;
        self.0.options.metrics.saw_all(self.0.clock.now());
        let progress = store::progress(&self.0.db).await?;
        let number = progress.number;
        self.adopt(&progress);
        for row in store::lists(&self.0.db).await? {
            self.load(&row).await?;
        }
        *followed = number;
        self.0.seen.store(number, Ordering::Release);
        Ok(())
    }

    /// Returns the list of this number, from the database if this process does not know it yet.
    pub(super) async fn find(&self, number: i64) -> Result<Option<Arc<List>>, StoreError> {
        if let Some(list) = self.known(number) {
            return Ok(Some(list));
        }
        if (1..self.first_list()).contains(&number) {
            return Ok(Some(Arc::new(self.ended_list(number))));
        }
        // Boxed because it is rare and large.
        Box::pin(self.follow_list(number)).await?;
        Ok(self.known(number))
    }

    /// Adds a list that this or another process created.
    pub(super) async fn follow_list(&self, number: i64) -> Result<(), StoreError> {
        // While this is held, no revocations are applied that the new list would miss.
        let _followed = self.0.followed.lock().await;
        if self.known(number).is_some() {
            return Ok(());
        }
        match store::list(&self.0.db, number).await? {
            Some(row) => self.load(&row).await,
            None => Ok(()),
        }
    }

    pub(super) fn first_list(&self) -> i64 {
        self.0.first_list.load(Ordering::Acquire)
    }

    /// Applies a new generation.
    fn adopt(&self, progress: &Progress) {
        if progress.first_list == self.first_list() {
            return;
        }
        self.0.first_version.store(progress.first_version, Ordering::Release);
        self.0.first_list.store(progress.first_list, Ordering::Release);
        let lists = self.0.lists.read().unwrap_or_else(PoisonError::into_inner);
        for list in lists.values().filter(|list| list.number < progress.first_list) {
            list.end(progress.first_version);
        }
    }

    /// Returns a list of an earlier generation. It is not kept in memory, because any number may be requested.
    fn ended_list(&self, number: i64) -> List {
        let version = self.0.first_version.load(Ordering::Acquire);
        let list = List::new(&ListRow {
            number,
            entries: i64::from(self.0.options.entries),
            version,
        });
        list.end(version);
        list
    }

    async fn load(&self, row: &ListRow) -> Result<(), StoreError> {
        let list = List::new(row);
        for idx in store::set_bits(&self.0.db, row.number).await? {
            list.set(u64::try_from(idx).unwrap_or(u64::MAX));
        }
        let mut lists = self.0.lists.write().unwrap_or_else(PoisonError::into_inner);
        lists.insert(row.number, Arc::new(list));
        Ok(())
    }

    fn set(&self, list: i64, idx: i64) {
        if let (Some(list), Ok(idx)) = (self.known(list), u64::try_from(idx)) {
            list.set(idx);
        }
    }
}
