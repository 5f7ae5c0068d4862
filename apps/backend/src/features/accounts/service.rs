//! The rules of accounts: who may have one, and who may have a session.

use countersign_guard::{Denied, Reason};
use countersign_store::{Conn, Error, Tx};

use super::store::{self, Account, NewAccount, Standing};
use crate::Context;
use crate::core::email::NewEmail;
use crate::core::ids::AccountId;
use crate::core::origin::Origin;
use crate::core::password::{HashError, Password, PasswordFault};
use crate::features::audit::{self, Event, Kind};

/// A counter of an account that rises when something about it becomes void.
pub type Version = i64;

/// Why no account was made.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The password breaks a rule.
    #[error("the password breaks a rule")]
    Password(PasswordFault),
    /// There is an account with this address.
    #[error("the address is taken")]
    EmailTaken,
    /// The password could not be hashed just now.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] Error),
}

/// Whether an account may have a session. Every door asks it: signing in, refreshing, and each protected route.
///
/// `None`: there is no such account, or it is disabled.
///
/// # Errors
/// Those of the database.
pub async fn may_sign_in<'c>(conn: impl Into<Conn<'c>>, id: AccountId) -> Result<Option<Standing>, Error> {
    store::standing(conn, id).await
}

/// What an account is made of.
pub struct New<'a> {
    /// Its id.
    pub id: AccountId,
    /// Its address.
    pub email: &'a NewEmail,
    /// A PHC string.
    pub password_hash: &'a str,
    /// Who makes it.
    pub origin: &'a Origin,
}

/// Makes an account within a transaction. `None`: there is one with this address.
///
/// # Errors
/// Those of the database.
pub async fn add(tx: &mut Tx<'_>, context: &Context, new: &New<'_>) -> Result<Option<Account>, Error> {
    let row = NewAccount {
        id: new.id,
        email: new.email,
        password_hash: new.password_hash,
        created_at: context.clock.now(),
    };
    if store::insert(tx, &row).await?.is_none() {
        return Ok(None);
    }
    audit::record(tx, context, Event::new(Kind::AccountRegistered, new.id, new.origin)).await?;
    store::find(tx, new.id).await
}

/// Makes an account, whoever may sign up. The command line calls it.
///
/// # Errors
/// [`AccountError`].
pub async fn register(
    context: &Context,
    email: NewEmail,
    password: Password,
    origin: &Origin,
) -> Result<Account, AccountError> {
    let password = context
        .check_password(&password, email.typed())
        .map_err(AccountError::Password)?;
    let password_hash = &context.hasher.hash(password).await?;
    let (id, email) = (AccountId::new(context.clock.now(), context.chance), &email);
    let made = context
        .db
        .transact(|tx| {
            Box::pin(async move {
                let new = New {
                    id,
                    email,
                    password_hash,
                    origin,
                };
                add(tx, context, &new).await
            })
        })
        .await?;
    made.ok_or(AccountError::EmailTaken)
}

/// The account behind a token that was just verified. `forward` calls it too.
///
/// # Errors
/// [`Denied`] if the account was deleted meanwhile, or the database failed.
pub async fn profile(context: &Context, id: AccountId) -> Result<Account, Denied> {
    match store::find(&context.db, id).await {
        Ok(Some(account)) => Ok(account),
        // It was deleted between the check and now.
        Ok(None) => Err(context.guard.denied(Reason::Revoked)),
        Err(error) => {
            tracing::warn!(%error, "an account could not be read");
            Err(context.guard.denied(Reason::Unavailable))
        }
    }
}
