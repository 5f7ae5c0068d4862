//! The counting rules.

use std::time::Duration;

use countersign_store::{Conn, StoreError, Tx};

use super::email_digest::EmailDigest;
use super::store;
use crate::core::clock::Timestamp;
use crate::features::messaging::outbox::Purpose;

/// How long after the last guess a count ends. Fifty guesses in thirty days find one of a million codes in a thousand years.
const REMEMBERED: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Counts a guess unless there were already `most`. Returns whether it may be checked, even for concurrent guesses.
pub async fn take(
    tx: &mut Tx<'_>,
    email: EmailDigest,
    purpose: Purpose,
    most: i64,
    now: Timestamp,
) -> Result<bool, StoreError> {
    store::take(tx, email, purpose.name(), most, now, now + REMEMBERED).await
}

/// Releases a guess that was not checked, so that it does not count.
pub async fn give_back(tx: &mut Tx<'_>, email: EmailDigest, purpose: Purpose) -> Result<(), StoreError> {
    store::give_back(tx, email, purpose.name()).await
}

/// Resets the count after the owner has verified the email address.
pub async fn forget(tx: &mut Tx<'_>, email: EmailDigest, purpose: Purpose) -> Result<(), StoreError> {
    store::forget(tx, email, purpose.name()).await
}

/// Removes up to `limit` ended counts. `mail` calls it while sweeping.
pub async fn remove_ended(conn: impl Into<Conn<'_>>, now: Timestamp, limit: i64) -> Result<u64, StoreError> {
    store::remove_ended(conn, now, limit).await
}
