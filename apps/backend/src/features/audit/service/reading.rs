//! Reading the log: page by page from its beginning, as an export writes it and a verifier reads it.

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

/// How many rows are read at a time.
const PAGE: i64 = 500;

/// One piece of the log, in the order in which it is judged.
pub enum Piece {
    /// The checkpoint behind which the log begins, because what it sealed was removed.
    Base(String),
    Row(SealedRow),
    /// A checkpoint, behind the last row that it seals.
    Checkpoint {
        /// The place of that row.
        seq: i64,
        /// The compact JWS.
        token: String,
    },
    /// A row that is not sealed yet: nothing protects it.
    Unsealed(Entry),
}

/// Why a log could not be judged, or what is wrong with it.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// It is not as it was sealed.
    #[error(transparent)]
    Tampered(#[from] Tampering),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Audit {
    /// Hands the whole log to `take`, piece by piece, in bounded memory.
    ///
    /// # Errors
    /// Those of the database, and what `take` says.
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
        // What is sealed while this runs is left for the next time.
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

/// Entries that are not sealed yet, which anyone can change unseen who may write into the database.
#[derive(Clone, Copy, Debug)]
pub struct Waiting {
    pub entries: i64,
    /// When the oldest was written.
    pub since: Timestamp,
}

impl Audit {
    /// What waits to be sealed; none if nothing does.
    pub async fn waiting(&self) -> Result<Option<Waiting>, StoreError> {
        let entries = store::count_unsealed(&self.platform.db).await?;
        let since = store::oldest_unsealed(&self.platform.db).await?;
        Ok(since.map(|since| Waiting { entries, since }))
    }

    /// Judges the log in the database, and the tables beside it, which no export holds.
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
        // The chain begins at 1, and so does whoever reads it. A list shows them all the same.
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

    /// Whether each pseudonym belongs to the account that is said to have it, and whether it is known of each whose it is.
    async fn judge_people(&self, begins_at: Option<i64>) -> Result<(), VerifyError> {
        let mut after = Uuid::nil();
        loop {
            let page = people::subjects(&self.platform.db, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.pseudonym;
            if let Some(wrong) = page.iter().find(|subject| !subject.fits()) {
                return Err(Tampering::OtherPerson(wrong.pseudonym).into());
            }
        }
        let nobodies = people::nobodies(&self.platform.db).await?;
        let missing = nobodies.iter().find(|nobody| !is_at_beginning(nobody.at, begins_at));
        match missing {
            Some(nobody) => Err(Tampering::NobodyAnyMore(nobody.pseudonym).into()),
            None => Ok(()),
        }
    }

    /// Whether the log knows of every account that it was registered. An account's id holds the time at which it was made: of
    /// those whose registration may have gone with the beginning of the log, nothing can be told.
    async fn judge_accounts(&self, begins_at: Option<i64>) -> Result<(), VerifyError> {
        let mut after = AccountId(Uuid::nil());
        loop {
            let accounts = (self.accounts.ids)(&self.platform.db, after, PAGE).await?;
            let Some(&last) = accounts.last() else {
                return Ok(());
            };
            // Read after the accounts: of an account that was made meanwhile nothing is asked.
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

/// Hands a verifier one piece.
///
/// # Errors
/// What is wrong so far.
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
    /// The checkpoint behind which the log begins, if its beginning was removed. Whether that was right is for a verifier.
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
