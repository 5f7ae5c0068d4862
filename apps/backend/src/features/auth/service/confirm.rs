//! Proving a password once more, by somebody who is signed in; and what a wrong one leaves behind.

use countersign_store::Error;
use uuid::Uuid;

use crate::Context;
use crate::core::ids::AccountId;
use crate::core::limits::{Exceeded, Key, Policy};
use crate::core::origin::Origin;
use crate::core::password::{HashError, Password, PasswordFault};
use crate::features::accounts::{self, Credentials};
use crate::features::audit::{self, Event, Kind};
use crate::features::sessions;

/// NIST SP 800-63B-4 §3.2.2: no more failures in a row than this on one account.
const TRIED_TOO_OFTEN: i64 = 100;

const CHANGE_PASSWORD_PER_ACCOUNT: Policy = Policy::named("change_password_per_account");

/// Why something that needs the password was not done.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// The password is not right, or was changed meanwhile.
    #[error("the password is not right")]
    Wrong,
    /// The session that asks was ended meanwhile.
    #[error("the session has ended")]
    Ended,
    /// The new password breaks a rule.
    #[error("the password breaks a rule")]
    Fault(PasswordFault),
    /// Too many attempts.
    #[error("too many attempts")]
    Limited(Exceeded),
    /// The password could not be checked just now.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] Error),
}

/// Checks the password of a signed-in account. A stolen token must not become a way to guess it, so the attempts
/// are limited per account, and failures count like those at the front door.
///
/// # Errors
/// [`PasswordError`].
pub async fn confirm(
    context: &Context,
    account: AccountId,
    password: Password,
    (kind, origin): (Kind, &Origin),
) -> Result<Credentials, PasswordError> {
    let rate = context.settings.limits.change_password_per_account;
    // From each network by itself: whoever holds a stolen token cannot use up the owner's attempts.
    let key = Key::of(CHANGE_PASSWORD_PER_ACCOUNT).account(account.0);
    let key = origin.prefix().map_or(key, |prefix| key.address(prefix));
    let spent = context.limits.spend(key, rate).await.map_err(PasswordError::Limited)?;
    let stored = accounts::credentials_by_id(&context.db, account).await?;
    let may_try = match &stored {
        Some(stored) => may_try_from(context, stored, origin).await?,
        None => false,
    };
    let hash = stored
        .as_ref()
        .filter(|_| may_try)
        .map(|stored| stored.password_hash.as_str());
    let verdict = context.hasher.verify(password, hash).await?;
    match stored {
        Some(stored) if verdict.is_right() => {
            context.limits.refund(spent).await;
            Ok(stored)
        }
        stored => {
            record_failure(context, kind, stored.as_ref(), origin).await?;
            Err(PasswordError::Wrong)
        }
    }
}

/// After too many failures in a row, only networks that signed in lately may go on trying.
pub(super) async fn may_try_from(context: &Context, stored: &Credentials, origin: &Origin) -> Result<bool, Error> {
    if stored.failed_sign_ins < TRIED_TOO_OFTEN {
        return Ok(true);
    }
    match origin.prefix() {
        Some(prefix) => sessions::signed_in_lately(&context.db, context, stored.id, prefix).await,
        None => Ok(true),
    }
}

/// Counts a failure and records it, in a transaction of its own that nothing rolls back. For an unknown account it
/// makes the same steps.
pub(super) async fn record_failure(
    context: &Context,
    kind: Kind,
    stored: Option<&Credentials>,
    origin: &Origin,
) -> Result<(), Error> {
    let account = stored.map(|stored| stored.id);
    context
        .db
        .transact((context, origin), |tx, &(context, origin)| {
            Box::pin(async move {
                accounts::count_failure(tx, account.unwrap_or(AccountId(Uuid::nil()))).await?;
                let event = Event {
                    account,
                    ..Event::new(kind, AccountId(Uuid::nil()), origin).refused()
                };
                audit::record(tx, context, event).await
            })
        })
        .await
}
