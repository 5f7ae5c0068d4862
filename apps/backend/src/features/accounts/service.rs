//! The rules of accounts: who may have one, and who may have a session.

use countersign_guard::{Denied, Reason};
use countersign_store::{Conn, Error};

use super::schemas::Registration;
use super::store::{self, Account, NewAccount, Standing};
use crate::Context;
use crate::core::email::Email;
use crate::core::ids::AccountId;
use crate::core::limits::{Exceeded, Key, Policy};
use crate::core::origin::Origin;
use crate::core::password::{HashError, Password, PasswordFault};
use crate::features::audit::{self, Event, Kind};
use crate::settings::Signup;

const REGISTER_PER_ADDRESS: Policy = Policy::named("register_per_address");

/// A counter of an account that rises when something about it becomes void.
pub type Version = i64;

/// Why nobody was registered.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// The operator takes no new accounts.
    #[error("sign-up is closed")]
    Closed,
    /// Too many registrations from this network.
    #[error("too many registrations")]
    Limited(Exceeded),
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

/// Makes an account for whoever asks.
pub(super) async fn sign_up(
    context: &Context,
    registration: Registration,
    origin: &Origin,
) -> Result<Account, RegisterError> {
    if context.settings.signup == Signup::Closed {
        return Err(RegisterError::Closed);
    }
    if let Some(prefix) = origin.prefix() {
        let rate = context.settings.limits.register_per_address;
        let key = Key::of(REGISTER_PER_ADDRESS).address(prefix);
        context.limits.spend(key, rate).await.map_err(RegisterError::Limited)?;
    }
    register(context, registration.email, registration.password, origin).await
}

/// Makes an account, whoever may sign up. `sign_up` and the command line call it.
///
/// # Errors
/// [`RegisterError::Password`], [`RegisterError::EmailTaken`], or that hashing or the database failed.
pub async fn register(
    context: &Context,
    email: Email,
    password: Password,
    origin: &Origin,
) -> Result<Account, RegisterError> {
    let password = context
        .check_password(&password, email.typed())
        .map_err(RegisterError::Password)?;
    let password_hash = context.hasher.hash(password).await?;
    let now = context.clock.now();
    let id = AccountId::new(now, context.chance);
    let made = context
        .db
        .transact(
            (context, &email, password_hash, origin),
            |tx, (context, email, password_hash, origin)| {
                Box::pin(async move {
                    let new = NewAccount {
                        id,
                        email,
                        password_hash,
                        created_at: now,
                    };
                    if store::insert(tx, &new).await?.is_none() {
                        return Ok::<_, Error>(None);
                    }
                    audit::record(tx, context, Event::new(Kind::AccountRegistered, id, origin)).await?;
                    store::find(tx, id).await
                })
            },
        )
        .await?;
    made.ok_or(RegisterError::EmailTaken)
}

/// The account behind a token that was just verified. `forward` calls it too.
///
/// # Errors
/// [`Denied`] if the account was deleted meanwhile, or the database failed.
pub async fn profile(context: &Context, id: AccountId) -> Result<Account, Denied> {
    match store::find(&context.db, id).await {
        Ok(Some(account)) => Ok(account),
        // It was deleted between the check and now.
        Ok(None) => Err(context.guard.denied(Reason::Ended)),
        Err(error) => {
            tracing::warn!(%error, "an account could not be read");
            Err(context.guard.denied(Reason::Unavailable))
        }
    }
}
