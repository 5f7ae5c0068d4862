//! The rules of counting.

use std::time::Duration;

use countersign_store::{Conn, StoreError, Tx};

use super::email_digest::EmailDigest;
use super::store;
use crate::core::clock::Timestamp;
use crate::features::outbox::Purpose;

/// A count ends so long after the last guess: fifty in thirty days find one of a million codes in a thousand years.
const REMEMBERED: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Counts a guess, unless there were `most` already. Says whether it may be judged: of any number at once, no more are.
pub async fn take(
    tx: &mut Tx<'_>,
    email: EmailDigest,
    purpose: Purpose,
    most: i64,
    now: Timestamp,
) -> Result<bool, StoreError> {
    store::take(tx, email, purpose.name(), most, now, now + REMEMBERED).await
}

/// Gives a guess back that was not judged.
pub async fn give_back(tx: &mut Tx<'_>, email: EmailDigest, purpose: Purpose) -> Result<(), StoreError> {
    store::give_back(tx, email, purpose.name()).await
}

/// The owner of the address has proven it: nothing is counted any more.
pub async fn forget(tx: &mut Tx<'_>, email: EmailDigest, purpose: Purpose) -> Result<(), StoreError> {
    store::forget(tx, email, purpose.name()).await
}

/// Removes up to `limit` counts that have ended. `mail` calls it while it sweeps.
pub async fn remove_ended(conn: impl Into<Conn<'_>>, now: Timestamp, limit: i64) -> Result<u64, StoreError> {
    store::remove_ended(conn, now, limit).await
}
