//! Reads the log page by page from its beginning, for exports and verification.

use std::collections::HashSet;

use countersign_jose::decode_without_verifying;
use countersign_store::StoreError;
use uuid::Uuid;

use super::super::chain::{LogSummary, LogVerifier, RowName, SealedRow, Tampering, is_at_beginning};
use super::super::store::sealed::{self, Checkpoint, Place};
use super::super::store::{self, Entry, people};
use super::Audit;
use crate::core::clock::Timestamp;
use crate::core::ids::AccountId;

/// The number of rows per page.
const PAGE: i64 = 500;

/// A piece of the log, in the order of verification.
pub enum Piece {
    /// The checkpoint before the beginning of the log, whose entries were removed.
    Base(String),
    Row(SealedRow),
    /// A checkpoint, after the last row that it seals.
    Checkpoint {
        /// The position of that row.
        seq: i64,
        /// The compact JWS.
        token: String,
    },
    /// A row that is not sealed yet and so not protected.
    Unsealed(Entry),
}

/// Why a log could not be verified, or is not intact.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// It differs from what was sealed.
    #[error(transparent)]
    Tampered(#[from] Tampering),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Audit {
    /// Passes the whole log to `take` in pieces, with bounded memory.
    ///
    /// # Errors
    /// Any error of the database or of `take`.
    pub async fn read<E: From<StoreError>>(&self, mut take: impl FnMut(Piece) -> Result<(), E>) -> Result<(), E> {
        let mut after = 0;
        if let Some(base) = self.base().await? {
            after = base.seq;
            take(Piece::Base(base.token))?;
        }
        let end = sealed::end(&self.platform.db).await?;
        let mut checkpoints = sealed::checkpoints(&self.platform.db, after, PAGE)
            .await?
            .into_iter()
            .peekable();
        let mut rows = sealed::rows(&self.platform.db, after, PAGE)
            .await?
            .into_iter()
            .peekable();
        // Entries sealed in the meantime are left for the next time.
        loop {
            if checkpoints.peek().is_none() {
                checkpoints = sealed::checkpoints(&self.platform.db, after, PAGE)
                    .await?
                    .into_iter()
                    .peekable();
            }
            let Some(checkpoint) = checkpoints.next_if(|checkpoint| checkpoint.seq <= end) else {
                break;
            };
            after = checkpoint.seq;
            loop {
                if rows.peek().is_none() {
                    break;
                }
                let Some(row) = rows.next_if(|row| row.seq <= checkpoint.seq) else {
                    break;
                };
                let last = row.seq;
                take(Piece::Row(row))?;
                if rows.peek().is_none() {
                    rows = sealed::rows(&self.platform.db, last, PAGE)
                        .await?
                        .into_iter()
                        .peekable();
                }
            }
            take(Piece::Checkpoint {
                seq: checkpoint.seq,
                token: checkpoint.token,
            })?;
        }
        for row in rows.take_while(|row| row.seq <= end) {
            take(Piece::Row(row))?;
        }
        for row in store::unsealed(&self.platform.db, PAGE).await? {
            take(Piece::Unsealed(row))?;
        }
        Ok(())
    }
}

/// Entries that are not sealed yet. Anyone who can write to the database can change them without detection.
#[derive(Clone, Copy, Debug)]
pub struct Waiting {
    pub entries: i64,
    /// The time of the oldest.
    pub since: Timestamp,
}

impl Audit {
    /// Returns the entries to be sealed; `None` if there are none.
    pub async fn waiting(&self) -> Result<Option<Waiting>, StoreError> {
        let entries = store::count_unsealed(&self.platform.db).await?;
        let since = store::oldest_unsealed(&self.platform.db).await?;
        Ok(since.map(|since| Waiting { entries, since }))
    }

    /// Verifies the log in the database, and the related tables that no export contains.
    ///
    /// # Errors
    /// [`VerifyError`].
    pub async fn verify(&self, mut verifier: LogVerifier) -> Result<LogSummary, VerifyError> {
        self.read(|piece| verify_piece(&mut verifier, piece).map_err(VerifyError::from))
            .await?;
        let sound = verifier.finish()?;
        let name = |Place { seq, id }| RowName { seq, id };
        if let Some(row) = sealed::attributed(&self.platform.db).await? {
            return Err(Tampering::Changed(name(row)).into());
        }
        // The chain and the verifier begin at 1. A list shows earlier rows anyway.
        if let Some(row) = sealed::before_the_first(&self.platform.db).await? {
            return Err(Tampering::Inserted(name(row)).into());
        }
        self.judge_people(sound.begins_at).await?;
        self.judge_accounts(sound.begins_at).await?;
        match sealed::revision(&self.platform.db).await? {
            Some(_) => Ok(sound),
            None => Err(Tampering::NoHead.into()),
        }
    }

    /// Checks that each pseudonym belongs to its account and that each is known.
    async fn judge_people(&self, begins_at: Option<i64>) -> Result<(), VerifyError> {
        let mut after = Uuid::nil();
        loop {
            let page = people::subjects(&self.platform.db, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.pseudonym;
            if let Some(wrong) = page.iter().find(|subject| !subject.fits()) {
                return Err(Tampering::OtherAccount(wrong.pseudonym).into());
            }
        }
        let orphans = people::without_account(&self.platform.db).await?;
        let missing = orphans.iter().find(|orphan| !is_at_beginning(orphan.at, begins_at));
        match missing {
            Some(orphan) => Err(Tampering::PseudonymWithoutAccount(orphan.pseudonym).into()),
            None => Ok(()),
        }
    }

    /// Checks that the log contains the registration of every account. An account's id contains its creation time; accounts
    /// whose registration may have been removed with the beginning of the log are skipped.
    async fn judge_accounts(&self, begins_at: Option<i64>) -> Result<(), VerifyError> {
        let mut after = AccountId(Uuid::nil());
        loop {
            let accounts = (self.accounts.ids)(&self.platform.db, after, PAGE).await?;
            let Some(&last) = accounts.last() else {
                return Ok(());
            };
            // Read after the accounts, so that accounts created in the meantime are ignored.
            let registered: HashSet<AccountId> = people::registered(&self.platform.db, after, last)
                .await?
                .into_iter()
                .collect();
            let unknown = accounts
                .into_iter()
                .find(|account| !registered.contains(account) && !is_at_beginning(account.made_at(), begins_at));
            if let Some(account) = unknown
                && (self.accounts.has)(&self.platform.db, account).await?
            {
                return Err(Tampering::Unregistered(account).into());
            }
            after = last;
        }
    }
}

/// Passes one piece to a verifier.
///
/// # Errors
/// The first error so far.
pub fn verify_piece(verifier: &mut LogVerifier, piece: Piece) -> Result<(), Tampering> {
    match piece {
        Piece::Base(token) => verifier.begin_after(&token),
        Piece::Row(row) => {
            verifier.row(row);
            Ok(())
        }
        Piece::Checkpoint { seq, token } => verifier.checkpoint(seq, &token),
        Piece::Unsealed(_) => Ok(()),
    }
}

impl Audit {
    /// Returns the checkpoint before the beginning of the log, if that was removed. A verifier checks whether that was right.
    async fn base(&self) -> Result<Option<Checkpoint>, StoreError> {
        let removed = match sealed::newest_checkpoint(&self.platform.db).await? {
            Some(newest) => removed_through(&newest.token).unwrap_or(0),
            None => 0,
        };
        if removed == 0 || sealed::first_place(&self.platform.db).await? == Some(1) {
            return Ok(None);
        }
        match sealed::checkpoint_at(&self.platform.db, removed).await? {
            Some(token) => Ok(Some(Checkpoint { seq: removed, token })),
            None => sealed::oldest_checkpoint(&self.platform.db).await,
        }
    }
}

fn removed_through(token: &str) -> Option<i64> {
    let claims = decode_without_verifying(token).ok()?.claims;
    claims.get("removed_through")?.as_i64()
}
