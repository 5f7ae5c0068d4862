//! The rules of proving and of changing an address.

use countersign_store::Error;

use crate::Context;
use crate::core::email::Email;
use crate::core::ids::AccountId;
use crate::core::origin::Origin;
use crate::core::password::Password;
use crate::features::accounts;
use crate::features::audit::{self, Event, Kind};
use crate::features::auth::{self, AskError, PasswordError};
use crate::features::outbox::{self, Owed, Particulars, Purpose};
use crate::features::proofs::{self, Answer, ProofError};

/// Why an address was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// The password is not right, or may not be tried.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// Too many mails were asked for.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// The link or the code is not valid.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// Another account has got the address meanwhile.
    #[error("the address is taken")]
    EmailTaken,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] Error),
}

/// Proves that the address of an account is its owner's.
///
/// # Errors
/// [`ProofError`].
pub async fn verify(context: &Context, answer: Answer, origin: &Origin) -> Result<(), ProofError> {
    let checked = proofs::check(context, Purpose::VerifyEmail, &answer, origin).await?;
    context
        .db
        .transact((context, checked, origin), |tx, (context, checked, origin)| {
            Box::pin(async move {
                let proven = proofs::spend(tx, context, Purpose::VerifyEmail, checked).await?;
                let now = context.clock.now();
                if accounts::set_verified(tx, proven.account, &proven.email, now).await? {
                    audit::record(tx, context, Event::new(Kind::EmailVerified, proven.account, origin)).await?;
                }
                Ok(())
            })
        })
        .await
}

/// Asks for another address, which has to be proven first. Whether it is another account's shows when the mail is sent.
///
/// # Errors
/// [`ChangeError::Password`], [`ChangeError::Ask`].
pub async fn ask_to_change(
    context: &Context,
    account: AccountId,
    (email, password): (&Email, Password),
    origin: &Origin,
) -> Result<(), ChangeError> {
    auth::confirm(context, account, password, (Kind::EmailChanged, origin)).await?;
    Ok(auth::ask_for(context, (Purpose::ChangeEmail, Some(account)), email, origin).await?)
}

/// Changes the address to the one that was proven. The old one is told, so that its holder can object.
///
/// # Errors
/// [`ChangeError`].
pub async fn change(context: &Context, answer: Answer, origin: &Origin) -> Result<(), ChangeError> {
    let checked = proofs::check(context, Purpose::ChangeEmail, &answer, origin).await?;
    context
        .db
        .transact((context, checked, origin), |tx, (context, checked, origin)| {
            Box::pin(async move {
                let now = context.clock.now();
                let proven = proofs::spend(tx, context, Purpose::ChangeEmail, checked).await?;
                let before = accounts::find(&mut *tx, proven.account)
                    .await?
                    .ok_or(ProofError::Invalid)?;
                if !accounts::change_email(tx, proven.account, &proven.email, now).await? {
                    return Err(ChangeError::EmailTaken);
                }
                audit::record(tx, context, Event::new(Kind::EmailChanged, proven.account, origin)).await?;
                if let Ok(old) = before.email.parse() {
                    let particulars = Particulars {
                        account: Some(proven.account),
                        at: Some(now.millis()),
                        address: origin.address.map(|address| address.to_string()),
                        device: origin.user_agent.clone(),
                        email: Some(proven.email.typed().to_owned()),
                    };
                    let owed = Owed {
                        purpose: Purpose::EmailChanged,
                        to: &old,
                        language: origin.language,
                        particulars,
                    };
                    outbox::owe(tx, &owed, now).await?;
                }
                Ok(())
            })
        })
        .await
}
