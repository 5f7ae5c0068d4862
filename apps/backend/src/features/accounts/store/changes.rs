//! Changes of an account apart from its password: its email address, its session epoch, and whether it is disabled.

use countersign_store::{StoreError, Tx, query, sql};

use crate::core::clock::Timestamp;
use crate::core::email::{Email, NewEmail};
use crate::core::ids::AccountId;
use crate::core::versions::SessionEpoch;

/// The address is proven to be its owner's, in the very spelling that the mail went to. Says whether it was not before.
pub async fn set_verified(tx: &mut Tx<'_>, id: AccountId, email: &Email, now: Timestamp) -> Result<bool, StoreError> {
    let changed = query(sql!(
        "UPDATE accounts
            SET email_verified_at = $3, updated_at = $3
          WHERE id = $1 AND email = $2 AND email_verified_at IS NULL"
    ))
    .bind(id)
    .bind(email.typed())
    .bind(now)
    .execute(tx)
    .await?;
    Ok(changed > 0)
}

/// Gives an account another address, which is proven, unless it is another account's. Whatever was mailed to the old
/// one, or is being done with what it proved, becomes void with the version.
pub async fn change_email(
    tx: &mut Tx<'_>,
    id: AccountId,
    email: &NewEmail,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let changed = query(sql!(
        "UPDATE accounts
            SET email = $2, email_key = $3, email_verified_at = $4, credential_version = credential_version + 1,
                updated_at = $4
          WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM accounts AS others WHERE others.email_key = $3 AND others.id <> $1)"
    ))
    .bind(id)
    .bind(email.typed())
    .bind(email.key())
    .bind(now)
    .execute(tx)
    .await?;
    Ok(changed > 0)
}

/// Disables an account or enables it again. Says whether that changed anything. The caller ends the sessions.
pub async fn set_disabled(
    tx: &mut Tx<'_>,
    id: AccountId,
    disabled_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let changed = query(sql!(
        "UPDATE accounts SET disabled_at = $2, updated_at = $3
          WHERE id = $1 AND (disabled_at IS NULL) = $4"
    ))
    .bind(id)
    .bind(disabled_at)
    .bind(now)
    .bind(disabled_at.is_some())
    .execute(tx)
    .await?;
    Ok(changed > 0)
}

/// Raises the session epoch of an account, and gives the new one: every session of an earlier epoch has ended, also one that
/// is just being opened. `sessions` calls it when it ends all.
pub async fn raise_session_epoch(
    tx: &mut Tx<'_>,
    id: AccountId,
    now: Timestamp,
) -> Result<Option<SessionEpoch>, StoreError> {
    query(sql!(
        "UPDATE accounts SET session_epoch = session_epoch + 1, updated_at = $2 WHERE id = $1 RETURNING session_epoch"
    ))
    .bind(id)
    .bind(now)
    .optional(tx)
    .await
}

/// Raises the session epochs of up to `limit` accounts that come after `after`: sessions, queued emails and challenges of before
/// are of another state. Gives the last of them. `sessions` calls it, to end everything.
pub async fn raise_epochs(tx: &mut Tx<'_>, after: AccountId, limit: i64) -> Result<Option<AccountId>, StoreError> {
    let raised: Vec<AccountId> = query(sql!(
        "UPDATE accounts
            SET session_epoch = session_epoch + 1
          WHERE id IN (SELECT id FROM accounts WHERE id > $1 ORDER BY id LIMIT $2)
      RETURNING id"
    ))
    .bind(after)
    .bind(limit)
    .all(tx)
    .await?;
    Ok(raised.into_iter().max_by_key(|id| id.0))
}
