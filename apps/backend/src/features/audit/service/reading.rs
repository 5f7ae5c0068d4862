//! Reading the log: page by page from its beginning, as an export writes it and a judge hears it.

use countersign_jose::{AuditCheckpointClaims, decode_without_verifying};
use countersign_store::Error;

use super::super::chain::{Judge, SealedRow, Soundness, Tampering};
use super::super::store::{self, Unsealed};
use crate::Context;

/// How many rows are read at a time.
const PAGE: i64 = 500;

/// One piece of the log, in the order in which it is judged.
pub enum Piece {
    /// The checkpoint behind which the log begins, because what it sealed was removed.
    Base(String),
    /// A sealed row.
    Row(SealedRow),
    /// A checkpoint, behind the last row that it seals.
    Checkpoint {
        /// The place of that row.
        seq: i64,
        /// The compact JWS.
        token: String,
    },
    /// A row that is not sealed yet: nothing protects it.
    Unsealed(Unsealed),
}

/// Why a log could not be judged, or what is wrong with it.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// It is not as it was sealed.
    #[error(transparent)]
    Tampered(#[from] Tampering),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] Error),
}

/// Hands the whole log to `take`, piece by piece, in bounded memory.
///
/// # Errors
/// Those of the database, and what `take` says.
pub async fn read<E: From<Error>>(context: &Context, mut take: impl FnMut(Piece) -> Result<(), E>) -> Result<(), E> {
    let mut after = 0;
    if let Some((seq, token)) = base(context).await? {
        after = seq;
        take(Piece::Base(token))?;
    }
    let end = store::head(&context.db).await?.seq;
    let mut checkpoints = store::checkpoints(&context.db, after, PAGE)
        .await?
        .into_iter()
        .peekable();
    let mut rows = store::rows(&context.db, after, PAGE).await?.into_iter().peekable();
    // What is sealed while this runs is left for the next time.
    loop {
        if checkpoints.peek().is_none() {
            checkpoints = store::checkpoints(&context.db, after, PAGE)
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
                rows = store::rows(&context.db, last, PAGE).await?.into_iter().peekable();
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
    for row in store::unsealed(&context.db, PAGE).await? {
        take(Piece::Unsealed(row))?;
    }
    Ok(())
}

/// Judges the log in the database.
///
/// # Errors
/// [`VerifyError`].
pub async fn verify(context: &Context, mut judge: Judge) -> Result<Soundness, VerifyError> {
    read(context, |piece| {
        judge_piece(&mut judge, piece).map_err(VerifyError::from)
    })
    .await?;
    Ok(judge.finish()?)
}

/// Tells a judge of one piece.
///
/// # Errors
/// What is wrong so far.
pub fn judge_piece(judge: &mut Judge, piece: Piece) -> Result<(), Tampering> {
    match piece {
        Piece::Base(token) => judge.begin_after(&token),
        Piece::Row(row) => {
            judge.row(row);
            Ok(())
        }
        Piece::Checkpoint { seq, token } => judge.checkpoint(seq, &token),
        Piece::Unsealed(_) => Ok(()),
    }
}

/// What the newest checkpoint says.
pub(super) async fn newest_claims(context: &Context) -> Result<Option<AuditCheckpointClaims>, Error> {
    let seq = store::head(&context.db).await?.seq;
    let token = store::checkpoint_at(&context.db, seq).await?;
    let claims = token.and_then(|token| decode_without_verifying(&token).ok());
    Ok(claims.and_then(|unverified| serde_json::from_value(unverified.claims).ok()))
}

/// Where the log begins, if its beginning was removed.
async fn base(context: &Context) -> Result<Option<(i64, String)>, Error> {
    let removed = store::head(&context.db).await?.removed_through;
    if removed == 0 || store::first_place(&context.db).await? == Some(1) {
        return Ok(None);
    }
    let token = store::checkpoint_at(&context.db, removed).await?;
    Ok(token.map(|token| (removed, token)))
}
