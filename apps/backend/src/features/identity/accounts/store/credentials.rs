//! The password of an account: what it is checked against, failures, and changing it.

use countersign_store::{Conn, StoreError, Tx, query, row, sql};

use crate::core::clock::Timestamp;
use crate::core::email::Email;
use crate::core::ids::AccountId;
use crate::core::versions::{CredentialVersion, SessionEpoch};

row! {
    /// What a password is checked against. No `Debug`: it holds a hash.
    pub struct StoredCredentials {
        pub id: AccountId,
        /// The email address as typed by the user.
        pub email: String,
        /// A PHC string.
        pub password_hash: String,
        /// Increases with each change of the password or the email address.
        pub credential_version: CredentialVersion,
        /// Increases whenever all sessions are ended.
        pub session_epoch: SessionEpoch,
        /// When the last of the consecutive failures is forgiven.
        pub failures_until: Option<Timestamp>,
        /// When the email address was verified.
        pub email_verified_at: Option<Timestamp>,
    }
}

row! {
    /// An outdated hash. No `Debug`.
    pub struct Outdated {
        pub id: AccountId,
        /// A PHC string, or a bcrypt hash.
        pub password_hash: String,
    }
}

/// Returns up to `limit` hashes that do not begin with `current`, of accounts after `after`, ordered by id.
pub async fn outdated_hashes<'c>(
    conn: impl Into<Conn<'c>>,
    current: &str,
    after: AccountId,
    limit: i64,
) -> Result<Vec<Outdated>, StoreError> {
    // `current` contains no LIKE wildcards: only lowercase letters, digits, `$`, `=` and `,`.
    query(sql!(
        "SELECT id, password_hash
           FROM accounts
          WHERE id > $1 AND password_hash NOT LIKE $2
          ORDER BY id
          LIMIT $3"
    ))
    .bind(after)
    .bind(format!("{current}%"))
    .bind(limit)
    .all(conn)
    .await
}

/// Returns what a sign-in checks the password against, for disabled accounts too: they must cost the same.
pub async fn credentials_by_email<'c>(
    conn: impl Into<Conn<'c>>,
    email: &Email,
) -> Result<Option<StoredCredentials>, StoreError> {
    query(sql!(
        "SELECT id, email, password_hash, credential_version, session_epoch, failures_until, email_verified_at
           FROM accounts
          WHERE email_key = $1"
    ))
    .bind(email.key())
    .optional(conn)
    .await
}

/// Returns what the password of a signed-in user is checked against.
pub async fn credentials_by_id<'c>(
    conn: impl Into<Conn<'c>>,
    id: AccountId,
) -> Result<Option<StoredCredentials>, StoreError> {
    query(sql!(
        "SELECT id, email, password_hash, credential_version, session_epoch, failures_until, email_verified_at
           FROM accounts
          WHERE id = $1"
    ))
    .bind(id)
    .optional(conn)
    .await
}

/// Records a sign-in and resets the failures. Stores `rehashed` in place of the old hash, if given.
pub async fn sign_in(tx: &mut Tx<'_>, id: AccountId, now: Timestamp, rehashed: Option<&str>) -> Result<(), StoreError> {
    query(sql!(
        "UPDATE accounts
            SET last_sign_in_at = $2, failures_until = NULL,
                password_hash = COALESCE($3, password_hash)
          WHERE id = $1"
    ))
    .bind(id)
    .bind(now)
    .bind(rehashed.map(str::to_owned))
    .execute(tx)
    .await
    .map(drop)
}

/// Counts a wrong password, unless there are already so many that the last is forgiven after `full`; attempts that are not
/// checked do not count. Returns when the last is now forgiven. For a nonexistent account, it runs the same statement,
/// which matches no row.
pub async fn count_failure(
    tx: &mut Tx<'_>,
    id: AccountId,
    now: Timestamp,
    full: Timestamp,
    forgiven_after: i64,
) -> Result<Option<Timestamp>, StoreError> {
    query(sql!(
        "UPDATE accounts
            SET failures_until = CASE WHEN failures_until > $2 THEN failures_until ELSE $2 END + $4
          WHERE id = $1 AND COALESCE(failures_until, $2) <= $3
      RETURNING failures_until"
    ))
    .bind(id)
    .bind(now)
    .bind(full)
    .bind(forgiven_after)
    .optional(tx)
    .await
}

/// Locks an account until the transaction ends, unless its last failure is forgiven after `full`. Returns whether it was
/// locked.
pub async fn lock_unless_full(tx: &mut Tx<'_>, id: AccountId, full: Timestamp) -> Result<bool, StoreError> {
    let locked = query(sql!(
        "UPDATE accounts
            SET failures_until = failures_until
          WHERE id = $1 AND COALESCE(failures_until, $2) <= $2"
    ))
    .bind(id)
    .bind(full)
    .execute(tx)
    .await?;
    Ok(locked > 0)
}

/// Sets a new password if the current one is still of version `seen` (or of any version, if that is `None`). Returns
/// whether it was. The caller ends the sessions.
pub async fn change_password(
    tx: &mut Tx<'_>,
    id: AccountId,
    seen: Option<CredentialVersion>,
    password_hash: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let changed = query(sql!(
        "UPDATE accounts
            SET password_hash = $3, credential_version = credential_version + 1,
                failures_until = NULL, updated_at = $4
          WHERE id = $1 AND credential_version = COALESCE($2, credential_version)"
    ))
    .bind(id)
    .bind(seen)
    .bind(password_hash)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(changed > 0)
}
