//! The rules of setting a new password without the old one.

use countersign_store::Error;

use crate::Context;
use crate::core::origin::Origin;
use crate::core::password::{HashError, Lane, Password, PasswordFault};
use crate::features::accounts;
use crate::features::audit::{self, Event, Kind};
use crate::features::auth;
use crate::features::devices;
use crate::features::outbox::Purpose;
use crate::features::proofs::{self, Answer, ProofError};
use crate::features::sessions;

/// Why no password was set.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// The link or the code is not valid.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// The new password breaks a rule. Nothing is spent: it can be tried again.
    #[error("the password breaks a rule")]
    Fault(PasswordFault),
    /// The password could not be hashed just now.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] Error),
}

/// Sets a new password for whoever brings what was mailed, and ends every session. The address is proven by it too.
///
/// # Errors
/// [`RecoverError`].
pub async fn recover(
    context: &Context,
    (answer, password): (Answer, Password),
    origin: &Origin,
) -> Result<(), RecoverError> {
    let (purpose, email) = subject(context, &answer).await?;
    // Judged by the address that was typed or mailed to: so it tells nothing about accounts, and costs no guess.
    let password = context.check_password(&password, &email).map_err(RecoverError::Fault)?;
    let checked = proofs::check(context, purpose, &answer, origin).await?;
    // Who has proven the address is no stranger.
    let lane = Lane::Known(checked.account.0);
    let hash = context.hasher.hash_for(password, lane.into()).await?;
    let now = context.clock.now();
    let revoked = context
        .db
        .transact(
            (context, checked, hash, origin),
            |tx, (context, checked, hash, origin)| {
                Box::pin(async move {
                    let proven = proofs::spend(tx, context, purpose, checked).await?;
                    accounts::change_password(tx, (proven.account, None), hash, now).await?;
                    let account = proven.account;
                    if accounts::set_verified(tx, account, &proven.email, now).await? {
                        audit::record(tx, context, Event::new(Kind::EmailVerified, account, origin)).await?;
                    }
                    audit::record(tx, context, Event::new(Kind::PasswordReset, account, origin)).await?;
                    auth::notify(tx, context, (account, Purpose::PasswordChanged), origin).await?;
                    let revoked = sessions::end_all(tx, account, None, now).await?;
                    // Every device was forgotten with its sessions. The one that reads the mailbox may sign in next.
                    devices::remember(tx, context, account, origin).await?;
                    Ok::<_, RecoverError>(revoked)
                })
            },
        )
        .await?;
    context.revocations.announce(revoked).await;
    Ok(())
}

/// Whether a link would be taken, without spending it.
///
/// # Errors
/// [`RecoverError::Proof`], if it would not.
pub async fn is_live(context: &Context, answer: &Answer) -> Result<(), RecoverError> {
    subject(context, answer).await.map(drop)
}

/// What the answer is to, and the address that it went to. A link of an invitation is one too.
async fn subject(context: &Context, answer: &Answer) -> Result<(Purpose, String), RecoverError> {
    let link = match answer {
        Answer::Link(link) => link,
        Answer::Code(guess) => {
            let email = guess.as_ref().map(|(email, _)| email.typed().to_owned());
            return Ok((Purpose::ResetPassword, email.unwrap_or_default()));
        }
    };
    for purpose in [Purpose::ResetPassword, Purpose::Invitation] {
        match proofs::peek(context, purpose, link).await {
            Ok(proven) => return Ok((purpose, proven.email.typed().to_owned())),
            Err(ProofError::Invalid) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(ProofError::Invalid.into())
}
