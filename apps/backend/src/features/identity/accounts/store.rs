//! The rows of `accounts` and `account_scopes`.

mod changes;
mod credentials;

use countersign_guard::Scopes;
use countersign_store::{Conn, Db, Lookup, StoreError, Tx, query, row, sql};

pub use self::changes::{change_email, raise_epochs, raise_session_epoch, set_disabled, set_profile, set_verified};
pub use self::credentials::{
    StoredCredentials, change_password, count_failure, credentials_by_email, credentials_by_id, lock_unless_full,
    outdated_hashes, sign_in,
};
use crate::core::clock::Timestamp;
use crate::core::email::{Email, NewEmail};
use crate::core::ids::AccountId;
use crate::core::profile::{Metadata, PersonName, Profile};
use crate::core::versions::{CredentialVersion, SessionEpoch};

row! {
    /// An account, without its password hash.
    #[derive(Clone, Debug)]
    pub struct Account {
        /// Its id; `sub` in its tokens.
        pub id: AccountId,
        /// The email address as typed by the user.
        pub email: String,
        /// When the email address was verified.
        pub email_verified_at: Option<Timestamp>,
        /// The name that the user has given, if any.
        pub name: Option<PersonName>,
        /// The application's data about the user.
        pub metadata: Metadata,
        pub created_at: Timestamp,
        pub updated_at: Timestamp,
        /// When the user last signed in.
        pub last_sign_in_at: Option<Timestamp>,
        /// When it was disabled.
        pub disabled_at: Option<Timestamp>,
    }
}

row! {
    /// The versions of an account that may have sessions.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct AccountVersions {
        /// A password that was checked at another version is not accepted.
        pub credential_version: CredentialVersion,
        /// A session of another epoch is not active.
        pub session_epoch: SessionEpoch,
        /// When the user last signed in; `None` if never.
        pub last_sign_in_at: Option<Timestamp>,
    }
}

row! {
    /// What a requested email is bound to: an enabled account and its versions.
    #[derive(Clone, Debug)]
    pub struct State {
        pub id: AccountId,
        /// The email address as typed by the user.
        pub email: String,
        /// When the email address was verified.
        pub email_verified_at: Option<Timestamp>,
        /// Increases with each change of the password or the email address.
        pub credential_version: CredentialVersion,
        /// Increases whenever all sessions are ended.
        pub session_epoch: SessionEpoch,
    }
}

/// A new row.
pub(super) struct AccountRow<'a> {
    pub id: AccountId,
    pub email: &'a NewEmail,
    pub profile: &'a Profile,
    pub password_hash: &'a str,
    pub created_at: Timestamp,
}

/// Creates the account. Returns `None` if its email address is taken.
pub(super) async fn insert(tx: &mut Tx<'_>, new: &AccountRow<'_>) -> Result<Option<AccountId>, StoreError> {
    query(sql!(
        "INSERT INTO accounts
            (id, email, email_key, name, metadata, password_hash, credential_version, session_epoch, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, 1, 1, $7, $7)
         ON CONFLICT (email_key) DO NOTHING
         RETURNING id"
    ))
    .bind(new.id)
    .bind(new.email.typed())
    .bind(new.email.key())
    .bind(new.profile.name.as_ref())
    .bind(&new.profile.metadata)
    .bind(new.password_hash)
    .bind(new.created_at)
    .optional(tx)
    .await
}

/// Returns the versions of an account that is not disabled.
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

/// SQL for the session epoch of an account, `NULL` if it may not have a session. `sessions` uses it in its `WHERE` clauses.
macro_rules! session_epoch_of {
    ($id:literal) => {
        concat!(
            "(SELECT session_epoch FROM accounts WHERE accounts.id = ",
            $id,
            " AND disabled_at IS NULL)"
        )
    };
}

pub(crate) use session_epoch_of;

/// SQL: the columns of an account in a statement that joins other tables, see [`JoinedAccount`].
macro_rules! joined_account {
    () => {
        "accounts.email AS account_email, accounts.email_verified_at AS account_email_verified_at,
                accounts.name AS account_name, accounts.metadata AS account_metadata,
                accounts.created_at AS account_created_at, accounts.updated_at AS account_updated_at,
                accounts.last_sign_in_at AS account_last_sign_in_at, accounts.disabled_at AS account_disabled_at"
    };
}

pub(crate) use joined_account;

/// SQL: joins the account with an id.
macro_rules! join_account {
    ($id:literal) => {
        concat!("JOIN accounts ON accounts.id = ", $id)
    };
}

pub(crate) use join_account;

row! {
    /// An account, except for its id, in a row of joined tables. `browser_sessions` reads it with the session.
    pub struct JoinedAccount {
        account_email: String,
        account_email_verified_at: Option<Timestamp>,
        account_name: Option<PersonName>,
        account_metadata: Metadata,
        account_created_at: Timestamp,
        account_updated_at: Timestamp,
        account_last_sign_in_at: Option<Timestamp>,
        account_disabled_at: Option<Timestamp>,
    }
}

impl JoinedAccount {
    /// Returns the account, which has this id.
    pub fn with_id(self, id: AccountId) -> Account {
        Account {
            id,
            email: self.account_email,
            email_verified_at: self.account_email_verified_at,
            name: self.account_name,
            metadata: self.account_metadata,
            created_at: self.account_created_at,
            updated_at: self.account_updated_at,
            last_sign_in_at: self.account_last_sign_in_at,
            disabled_at: self.account_disabled_at,
        }
    }
}

/// SQL: selects accounts by a condition on their id.
macro_rules! account_by_id {
    ($condition:literal) => {
        concat!(
            "SELECT id, email, email_verified_at, name, metadata, created_at, updated_at, last_sign_in_at, disabled_at
           FROM accounts
          WHERE id ",
            $condition
        )
    };
}

/// Returns an account by its id.
///
/// # Errors
/// If the database failed, as for all functions here.
pub async fn find<'c>(conn: impl Into<Conn<'c>>, id: AccountId) -> Result<Option<Account>, StoreError> {
    query(sql!(account_by_id!("= $1"))).bind(id).optional(conn).await
}

/// Returns the lookup of accounts by id, for requests that find the account of a token.
pub(super) fn lookup(db: Db) -> Lookup<Account> {
    let several = sql! {
        // Not run on SQLite, which has no arrays.
        sqlite: account_by_id!("= $1"),
        postgres: account_by_id!("= ANY ($1)"),
    };
    Lookup::new(db, sql!(account_by_id!("= $1")), several, |account| account.id.0)
}

/// Returns an account by its email address, in any spelling. The command line calls it.
pub async fn find_by_email<'c>(conn: impl Into<Conn<'c>>, email: &Email) -> Result<Option<Account>, StoreError> {
    query(sql!(
        "SELECT id, email, email_verified_at, name, metadata, created_at, updated_at, last_sign_in_at, disabled_at
           FROM accounts
          WHERE email_key = $1"
    ))
    .bind(email.key())
    .optional(conn)
    .await
}

/// Returns the state of an account that is not disabled. `mail` and `auth` call it.
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

/// Returns the same by email address, in any spelling.
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

/// Returns whether there are no accounts yet.
pub async fn is_empty<'c>(conn: impl Into<Conn<'c>>) -> Result<bool, StoreError> {
    let first: Option<AccountId> = query(sql!("SELECT id FROM accounts LIMIT 1")).optional(conn).await?;
    Ok(first.is_none())
}

/// Returns up to `limit` accounts created after the account `after`, oldest first. The command line calls it.
pub async fn list<'c>(conn: impl Into<Conn<'c>>, after: AccountId, limit: i64) -> Result<Vec<Account>, StoreError> {
    query(sql!(
        "SELECT id, email, email_verified_at, name, metadata, created_at, updated_at, last_sign_in_at, disabled_at
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

/// Deletes an account if its password is still of version `seen` (or of any version, if that is `None`). Its scopes,
/// sessions and refresh tokens are deleted too.
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

/// Returns the scopes of an account.
pub async fn scopes<'c>(conn: impl Into<Conn<'c>>, id: AccountId) -> Result<Scopes, StoreError> {
    let names: Vec<String> = query(sql!("SELECT scope FROM account_scopes WHERE account_id = $1"))
        .bind(id)
        .few(conn)
        .await?;
    Ok(names.into_iter().collect())
}

/// Grants a scope to an account. Returns whether it is new.
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

/// Revokes a scope. Returns whether the account had it.
pub async fn ungrant(tx: &mut Tx<'_>, id: AccountId, scope: &str) -> Result<bool, StoreError> {
    let gone = query(sql!("DELETE FROM account_scopes WHERE account_id = $1 AND scope = $2"))
        .bind(id)
        .bind(scope)
        .execute(tx)
        .await?;
    Ok(gone > 0)
}
