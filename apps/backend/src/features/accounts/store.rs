//! The rows of `accounts` and `account_scopes`.

use countersign_guard::Scopes;
use countersign_store::{Conn, StoreError, Tx, query, row, sql};

use crate::core::clock::Timestamp;
use crate::core::email::{Email, NewEmail};
use crate::core::ids::AccountId;
use crate::core::versions::{CredentialVersion, SessionEpoch};

row! {
    /// An account, without its password hash.
    #[derive(Clone, Debug)]
    pub struct Account {
        /// Its id; `sub` in its tokens.
        pub id: AccountId,
        /// The address as its owner typed it.
        pub email: String,
        /// When the address was proven to be its owner's.
        pub email_verified_at: Option<Timestamp>,
        pub created_at: Timestamp,
        pub updated_at: Timestamp,
        /// When its owner last signed in.
        pub last_sign_in_at: Option<Timestamp>,
        /// Since when it may have no session.
        pub disabled_at: Option<Timestamp>,
    }
}

row! {
    /// What a password is checked against. No `Debug`: it holds a hash.
    pub struct Credentials {
        pub id: AccountId,
        /// The address as its owner typed it.
        pub email: String,
        /// A PHC string.
        pub password_hash: String,
        /// Rises with each change of the password.
        pub credential_version: CredentialVersion,
        /// Rises when all sessions are ended.
        pub session_epoch: SessionEpoch,
        /// When the last of the wrong passwords in a row is forgiven.
        pub failures_until: Option<Timestamp>,
        /// When the address was proven.
        pub email_verified_at: Option<Timestamp>,
    }
}

row! {
    /// The versions of an account that may have sessions.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct AccountVersions {
        /// A password that was checked at another version counts for nothing.
        pub credential_version: CredentialVersion,
        /// A session of another epoch is dead.
        pub session_epoch: SessionEpoch,
        /// When its owner last signed in; none if nobody ever did.
        pub last_sign_in_at: Option<Timestamp>,
    }
}

row! {
    /// What a mail that is asked for is bound to: an account that is not disabled, and its versions.
    #[derive(Clone, Debug)]
    pub struct State {
        pub id: AccountId,
        /// The address as its owner typed it.
        pub email: String,
        /// When the address was proven.
        pub email_verified_at: Option<Timestamp>,
        /// Rises with each change of the password or the address.
        pub credential_version: CredentialVersion,
        /// Rises whenever all sessions end.
        pub session_epoch: SessionEpoch,
    }
}

/// A row that is about to be made.
pub(super) struct AccountRow<'a> {
    pub id: AccountId,
    pub email: &'a NewEmail,
    pub password_hash: &'a str,
    pub created_at: Timestamp,
}

/// Makes the account, unless its address is taken: then `None`.
pub(super) async fn insert(tx: &mut Tx<'_>, new: &AccountRow<'_>) -> Result<Option<AccountId>, StoreError> {
    query(sql!(
        "INSERT INTO accounts
            (id, email, email_key, password_hash, credential_version, session_epoch, created_at, updated_at)
         VALUES ($1, $2, $3, $4, 1, 1, $5, $5)
         ON CONFLICT (email_key) DO NOTHING
         RETURNING id"
    ))
    .bind(new.id)
    .bind(new.email.typed())
    .bind(new.email.key())
    .bind(new.password_hash)
    .bind(new.created_at)
    .optional(tx)
    .await
}

/// The versions of an account that is not disabled.
pub(super) async fn versions<'c>(
    conn: impl Into<Conn<'c>>,
    id: AccountId,
) -> Result<Option<AccountVersions>, StoreError> {
    query(sql!(
        "SELECT credential_version, session_epoch, last_sign_in_at FROM accounts WHERE id = $1 AND disabled_at IS NULL"
    ))
    .bind(id)
    .optional(conn)
    .await
}

/// An account by its id.
///
/// # Errors
/// Those of the database, as for all functions here.
pub async fn find<'c>(conn: impl Into<Conn<'c>>, id: AccountId) -> Result<Option<Account>, StoreError> {
    query(sql!(
        "SELECT id, email, email_verified_at, created_at, updated_at, last_sign_in_at, disabled_at
           FROM accounts
          WHERE id = $1"
    ))
    .bind(id)
    .optional(conn)
    .await
}

/// An account by its address, in any spelling. The command line calls it.
pub async fn find_by_email<'c>(conn: impl Into<Conn<'c>>, email: &Email) -> Result<Option<Account>, StoreError> {
    query(sql!(
        "SELECT id, email, email_verified_at, created_at, updated_at, last_sign_in_at, disabled_at
           FROM accounts
          WHERE email_key = $1"
    ))
    .bind(email.key())
    .optional(conn)
    .await
}

/// The state of an account that is not disabled. `mail` and `auth` call it.
pub async fn state<'c>(conn: impl Into<Conn<'c>>, id: AccountId) -> Result<Option<State>, StoreError> {
    query(sql!(
        "SELECT id, email, email_verified_at, credential_version, session_epoch
           FROM accounts
          WHERE id = $1 AND disabled_at IS NULL"
    ))
    .bind(id)
    .optional(conn)
    .await
}

/// The same by its address, in any spelling.
pub async fn state_by_email<'c>(conn: impl Into<Conn<'c>>, email: &Email) -> Result<Option<State>, StoreError> {
    query(sql!(
        "SELECT id, email, email_verified_at, credential_version, session_epoch
           FROM accounts
          WHERE email_key = $1 AND disabled_at IS NULL"
    ))
    .bind(email.key())
    .optional(conn)
    .await
}

/// Whether there is no account yet.
pub async fn is_empty<'c>(conn: impl Into<Conn<'c>>) -> Result<bool, StoreError> {
    let first: Option<AccountId> = query(sql!("SELECT id FROM accounts LIMIT 1")).optional(conn).await?;
    Ok(first.is_none())
}

/// Up to `limit` accounts that were made after the account `after`, oldest first. The command line calls it.
pub async fn list<'c>(conn: impl Into<Conn<'c>>, after: AccountId, limit: i64) -> Result<Vec<Account>, StoreError> {
    query(sql!(
        "SELECT id, email, email_verified_at, created_at, updated_at, last_sign_in_at, disabled_at
           FROM accounts
          WHERE id > $1
          ORDER BY id
          LIMIT $2"
    ))
    .bind(after)
    .bind(limit)
    .all(conn)
    .await
}

row! {
    /// A hash that is not current. No `Debug`.
    pub struct Outdated {
        pub id: AccountId,
        /// A PHC string, or one of bcrypt.
        pub password_hash: String,
    }
}

/// Up to `limit` hashes that do not begin with `current`, of accounts after `after`, in the order of their ids.
pub async fn outdated_hashes<'c>(
    conn: impl Into<Conn<'c>>,
    current: &str,
    after: AccountId,
    limit: i64,
) -> Result<Vec<Outdated>, StoreError> {
    // Nothing in it has a meaning to LIKE: small letters, digits, and $ = , between them.
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

/// What a sign-in checks the password against. Disabled accounts too: they must cost the same.
pub async fn credentials_by_email<'c>(
    conn: impl Into<Conn<'c>>,
    email: &Email,
) -> Result<Option<Credentials>, StoreError> {
    query(sql!(
        "SELECT id, email, password_hash, credential_version, session_epoch, failures_until, email_verified_at
           FROM accounts
          WHERE email_key = $1"
    ))
    .bind(email.key())
    .optional(conn)
    .await
}

/// What a signed-in person's password is checked against.
pub async fn credentials_by_id<'c>(
    conn: impl Into<Conn<'c>>,
    id: AccountId,
) -> Result<Option<Credentials>, StoreError> {
    query(sql!(
        "SELECT id, email, password_hash, credential_version, session_epoch, failures_until, email_verified_at
           FROM accounts
          WHERE id = $1"
    ))
    .bind(id)
    .optional(conn)
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

/// Remembers a sign-in and forgets the failures before it. Stores `rehashed` in place of the old hash, if given.
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

/// Counts a wrong password, unless the account has so many that the last is forgiven after `full`: what is not judged does
/// not count. Gives when the last is forgiven now. For an account that does not exist it does the same and finds nothing to
/// count.
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

/// Sets a new password, if the password is still the one of version `seen` (or whatever it is, where `seen` is `None`). Says
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

/// Deletes an account, if its password is still of version `seen` (or whatever it is, where that is `None`). Its
/// scopes, sessions and refresh tokens go with it.
pub async fn delete(tx: &mut Tx<'_>, id: AccountId, seen: Option<CredentialVersion>) -> Result<bool, StoreError> {
    let gone = query(sql!(
        "DELETE FROM accounts WHERE id = $1 AND credential_version = COALESCE($2, credential_version)"
    ))
    .bind(id)
    .bind(seen)
    .execute(tx)
    .await?;
    Ok(gone > 0)
}

/// The scopes that an account owns.
pub async fn scopes<'c>(conn: impl Into<Conn<'c>>, id: AccountId) -> Result<Scopes, StoreError> {
    let names: Vec<String> = query(sql!("SELECT scope FROM account_scopes WHERE account_id = $1"))
        .bind(id)
        .all(conn)
        .await?;
    Ok(names.into_iter().collect())
}

/// Gives a scope to an account. Says whether it did not have it before.
pub async fn grant(tx: &mut Tx<'_>, id: AccountId, scope: &str, now: Timestamp) -> Result<bool, StoreError> {
    let given = query(sql!(
        "INSERT INTO account_scopes (account_id, scope, granted_at)
         VALUES ($1, $2, $3)
         ON CONFLICT (account_id, scope) DO NOTHING"
    ))
    .bind(id)
    .bind(scope)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(given > 0)
}

/// Takes a scope back. Says whether the account had it.
pub async fn ungrant(tx: &mut Tx<'_>, id: AccountId, scope: &str) -> Result<bool, StoreError> {
    let gone = query(sql!("DELETE FROM account_scopes WHERE account_id = $1 AND scope = $2"))
        .bind(id)
        .bind(scope)
        .execute(tx)
        .await?;
    Ok(gone > 0)
}
