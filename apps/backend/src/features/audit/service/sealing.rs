//! The sealer: gives rows their places, chains them, and signs what it chained.
//!
//! It works beside the writers: they only insert, it only updates rows that were committed, so nobody waits for it. Of
//! several nodes one works at a time: who writes says which revision of the head it saw, and finds it changed if another
//! one was quicker.

use std::collections::HashMap;

use countersign_jose::AuditCheckpointClaims;
use countersign_store::Error;
use uuid::{Builder, Uuid};

use super::super::chain::{Hash, Salt, SealedRow, commitment, genesis};
use super::super::store::{self, Head, Unsealed};
use crate::Context;
use crate::core::clock::Timestamp;
use crate::core::ids::AccountId;
use crate::features::keys::IssueError;

/// How many rows one checkpoint seals at most.
const BATCH: i64 = 250;

/// Why nothing was sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The checkpoint could not be signed.
    #[error(transparent)]
    Sign(#[from] IssueError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] Error),
}

/// Rows with their places, and the signature over them.
struct Sealed {
    rows: Vec<(SealedRow, Option<AccountId>)>,
    head: Hash,
    token: String,
    at: Timestamp,
}

/// Seals what was written so far, and gives how many rows that were.
///
/// # Errors
/// [`SealError`]. Nothing is lost by it: the next call seals the same rows.
pub async fn seal(context: &Context) -> Result<u64, SealError> {
    let mut sealed = 0;
    loop {
        let head = store::head(&context.db).await?;
        let rows = store::unsealed(&context.db, BATCH).await?;
        let found = rows.len();
        if found == 0 {
            return Ok(sealed);
        }
        let batch = prepare(context, &head, rows).await?;
        if write(context, &head, &batch).await? {
            sealed += u64::try_from(found).unwrap_or(0);
            context.metrics.audit_sealed(found);
        }
        if i64::try_from(found).is_ok_and(|found| found < BATCH) {
            return Ok(sealed);
        }
    }
}

async fn prepare(context: &Context, head: &Head, rows: Vec<Unsealed>) -> Result<Sealed, SealError> {
    let at = context.clock.now();
    let mut pseudonyms = HashMap::new();
    let mut hash = head.hash.unwrap_or_else(genesis);
    let mut sealed = Vec::with_capacity(rows.len());
    for (row, seq) in rows.into_iter().zip(head.seq + 1..) {
        let account = row.account_id;
        let subject = match account {
            Some(account) => Some(pseudonym(context, account, &mut pseudonyms).await?),
            None => None,
        };
        let mut row = place(row, (seq, subject), Salt(context.chance.bytes()));
        hash = row.hash_at(seq, hash);
        row.hash = hash;
        sealed.push((row, account));
    }
    let previous = store::checkpoint_at(&context.db, head.seq).await?;
    let claims = AuditCheckpointClaims {
        iss: context.settings.issuer.as_str().to_owned(),
        iat: at.seconds(),
        first: head.seq + 1,
        last: head.seq + i64::try_from(sealed.len()).unwrap_or(0),
        head: hash.to_string(),
        previous: previous.map(|token| Hash::of(&token).to_string()),
        removed_through: head.removed_through,
    };
    Ok(Sealed {
        rows: sealed,
        head: hash,
        token: context.keys.issue_checkpoint(&claims)?,
        at,
    })
}

/// The pseudonym of an account, made if it has none yet.
async fn pseudonym(context: &Context, account: AccountId, known: &mut HashMap<AccountId, Uuid>) -> Result<Uuid, Error> {
    if let Some(pseudonym) = known.get(&account) {
        return Ok(*pseudonym);
    }
    let found = store::pseudonym(&context.db, account).await?;
    let pseudonym = found.unwrap_or_else(|| Builder::from_random_bytes(context.chance.bytes()).into_uuid());
    known.insert(account, pseudonym);
    Ok(pseudonym)
}

/// The row at its place, still without its hash.
fn place(row: Unsealed, (seq, subject): (i64, Option<Uuid>), salt: Salt) -> SealedRow {
    SealedRow {
        seq,
        id: row.id,
        at: row.at.millis(),
        kind: row.kind,
        outcome: row.outcome,
        actor: row.actor,
        subject,
        session_id: row.session_id,
        request_id: row.request_id,
        detail: row.detail,
        particulars: commitment(salt, row.address.as_deref(), row.user_agent.as_deref()),
        address: row.address,
        user_agent: row.user_agent,
        salt: Some(salt),
        hash: genesis(),
    }
}

/// Whether the batch was written; not if another node was quicker.
async fn write(context: &Context, head: &Head, batch: &Sealed) -> Result<bool, Error> {
    context
        .db
        .transact((head, batch), |tx, &(head, batch)| {
            Box::pin(async move {
                let last = head.seq + i64::try_from(batch.rows.len()).unwrap_or(0);
                if !store::advance(tx, head.revision, (last, batch.head)).await? {
                    return Ok(false);
                }
                for (row, account) in &batch.rows {
                    if let (Some(account), Some(subject)) = (account, row.subject) {
                        store::remember(tx, subject, *account).await?;
                    }
                    store::seal(tx, row).await?;
                }
                store::insert_checkpoint(tx, (last, batch.at), &batch.token).await?;
                Ok(true)
            })
        })
        .await
}
