//! The rules for creating accounts and for allowing them a session.

mod change;

use std::time::Duration;

use countersign_guard::{Denied, Guard, Reason};
use countersign_store::{Conn, Lookup, StoreError, Tx};
use uuid::Uuid;

pub use self::change::ProfileError;
use super::store::{self, Account, AccountRow, AccountVersions};
use crate::core::caller::Caller;
use crate::core::email::NewEmail;
use crate::core::ids::AccountId;
use crate::core::password::{HashError, Hasher, Password, PasswordFault};
use crate::core::platform::Platform;
use crate::core::profile::Profile;
use crate::features::operations::audit::{Audit, Event, EventKind};

/// How often the kinds of stored password hashes are read.
const LEARN_EVERY: Duration = Duration::from_secs(60 * 60);
/// The number of hashes read per statement.
const LEARN_AT_A_TIME: i64 = 1_000;

/// Why an account could not be created.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The password does not meet the requirements.
    #[error("the password does not meet the requirements")]
    Password(PasswordFault),
    /// The email address already has an account.
    #[error("the email address is already taken")]
    EmailTaken,
    /// The password could not be hashed at the moment.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Returns the versions of an account if it may have a session. Signing in, refreshing and each protected route check this.
///
/// `None`: the account does not exist or is disabled.
pub async fn may_sign_in<'c>(conn: impl Into<Conn<'c>>, id: AccountId) -> Result<Option<AccountVersions>, StoreError> {
    store::versions(conn, id).await
}

/// Creates accounts. Cloning is cheap.
#[derive(Clone)]
pub struct Accounts {
    pub(crate) platform: Platform,
    pub(crate) audit: Audit,
}

/// The data of a new account.
pub struct NewAccount<'a> {
    pub id: AccountId,
    pub email: &'a NewEmail,
    pub profile: &'a Profile,
    /// A PHC string.
    pub password_hash: &'a str,
    pub caller: &'a Caller,
}

impl Accounts {
    /// Creates an account within a transaction. `None`: the email address already has one.
    pub async fn add(&self, tx: &mut Tx<'_>, new: &NewAccount<'_>) -> Result<Option<Account>, StoreError> {
        let row = AccountRow {
            id: new.id,
            email: new.email,
            profile: new.profile,
            password_hash: new.password_hash,
            created_at: self.platform.clock.now(),
        };
        if store::insert(tx, &row).await?.is_none() {
            return Ok(None);
        }
        self.audit
            .record(tx, Event::new(EventKind::AccountRegistered, new.id, new.caller))
            .await?;
        store::find(tx, new.id).await
    }

    /// Creates an account even if sign-ups are closed. The command line calls it.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn register(
        &self,
        email: NewEmail,
        password: Password,
        profile: &Profile,
        caller: &Caller,
    ) -> Result<Account, AccountError> {
        let password = self
            .platform
            .check_password(&password, email.typed())
            .map_err(AccountError::Password)?;
        let password_hash = &self.platform.hasher.hash(password).await?;
        let (id, email) = (AccountId::new(self.platform.clock.now(), self.platform.random), &email);
        let made = self
            .platform
            .db
            .transact(|tx| {
                Box::pin(async move {
                    let new = NewAccount {
                        id,
                        email,
                        profile,
                        password_hash,
                        caller,
                    };
                    self.add(tx, &new).await
                })
            })
            .await?;
        made.ok_or(AccountError::EmailTaken)
    }

    /// Reads which kinds of password hashes are stored, so that checking any password costs as much as the most expensive
    /// of them. Called at startup and then every hour, because hashes are imported, and replaced when their owners sign in.
    pub async fn learn_schemes(&self) -> Result<(), StoreError> {
        let (db, hasher) = (&self.platform.db, &self.platform.hasher);
        let (current, mut kinds, mut after) = (hasher.current_prefix(), Vec::<String>::new(), AccountId(Uuid::nil()));
        loop {
            // Usually no hash is outdated. Keep one of each kind.
            let outdated = store::outdated_hashes(db, &current, after, LEARN_AT_A_TIME).await?;
            let Some(last) = outdated.last() else { break };
            after = last.id;
            for found in outdated {
                if !kinds.iter().any(|kind| Hasher::are_alike(kind, &found.password_hash)) {
                    kinds.push(found.password_hash);
                }
            }
        }
        hasher.learn(&kinds);
        Ok(())
    }

    /// Calls [`learn_schemes`](Self::learn_schemes) every hour until the process ends.
    pub async fn learn_schemes_forever(self) {
        loop {
            tokio::time::sleep(LEARN_EVERY).await;
            if let Err(error) = self.learn_schemes().await {
                tracing::warn!(%error, "failed to read the kinds of stored password hashes; will retry");
            }
        }
    }
}

/// The accounts of verified tokens. Cloning is cheap.
#[derive(Clone)]
pub struct Profiles {
    pub(super) accounts: Accounts,
    pub(super) guard: Guard,
    lookup: Lookup<Account>,
}

impl AsRef<Platform> for Profiles {
    fn as_ref(&self) -> &Platform {
        &self.accounts.platform
    }
}

impl Profiles {
    /// Creates the service for tokens that `guard` accepts.
    pub fn new(accounts: Accounts, guard: Guard) -> Self {
        let lookup = store::lookup(accounts.platform.db.clone());
        Self {
            accounts,
            guard,
            lookup,
        }
    }

    /// Returns the account of a verified token. `forward` calls it too.
    ///
    /// # Errors
    /// [`Denied`] if the account was deleted meanwhile, or the database failed.
    pub async fn of(&self, id: AccountId) -> Result<Account, Denied> {
        match self.lookup.find(id.0).await {
            Ok(Some(account)) => Ok(account),
            // It was deleted after the token was checked.
            Ok(None) => Err(self.guard.denied(Reason::Revoked)),
            Err(error) => {
                tracing::warn!(%error, "failed to read an account; responding with 503");
                Err(self.guard.denied(Reason::Unavailable))
            }
        }
    }
}
