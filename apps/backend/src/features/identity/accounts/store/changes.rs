//! Changes of an account other than its password: email address, profile, session epoch, and whether it is disabled.

use countersign_store::{StoreError, Tx, query, sql};

use crate::core::clock::Timestamp;
use crate::core::email::{Email, NewEmail};
use crate::core::ids::AccountId;
use crate::core::profile::Profile;
use crate::core::versions::SessionEpoch;

/// Marks the email address as verified, in the spelling to which the email was sent. Returns whether it was unverified.
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

/// Changes the email address to another verified one, unless another account has it. The new version invalidates what was
/// emailed to the old one or depends on it.
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

/// Sets the name and metadata of an account.
pub async fn set_profile(tx: &mut Tx<'_>, id: AccountId, profile: &Profile, now: Timestamp) -> Result<(), StoreError> {
    query(sql!(
        "UPDATE accounts SET name = $2, metadata = $3, updated_at = $4 WHERE id = $1"
    ))
    .bind(id)
    .bind(profile.name.as_ref())
    .bind(&profile.metadata)
    .bind(now)
    .execute(tx)
    .await
    .map(drop)
}

/// Disables or enables an account. Returns whether this changed anything. The caller ends the sessions.
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

/// Raises the session epoch of an account and returns it. Sessions of earlier epochs have ended, including one that is being
/// opened. `sessions` calls it to end all sessions.
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

/// Raises the session epochs of up to `limit` accounts after `after`, which invalidates their sessions, queued emails and
/// challenges. Returns the last account. `sessions` calls it to end everything.
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
