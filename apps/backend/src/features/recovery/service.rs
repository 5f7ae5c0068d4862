//! The rules of setting a new password without the old one.

use countersign_store::Error;

use crate::Context;
use crate::core::handle::HandleHash;
use crate::core::origin::Origin;
use crate::core::password::{HashError, Password, PasswordFault};
use crate::features::auth;
use crate::features::outbox::Purpose;
use crate::features::proofs::{self, Answer, Presenter, ProofError};

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
    (answer, handle): (Answer, Option<HandleHash>),
    password: Password,
    origin: &Origin,
) -> Result<(), RecoverError> {
    let (purpose, email) = subject(context, &answer).await?;
    // Judged by the address that was typed or mailed to: so it tells nothing about accounts, and costs no guess.
    let password = context.check_password(&password, &email).map_err(RecoverError::Fault)?;
    let presenter = Presenter { handle, account: None };
    let checked = &proofs::check(context, purpose, (&answer, &presenter), origin).await?;
    // Who has proven the address is no stranger.
    let hash = &context.hasher.hash_for(password, checked.lane().into()).await?;
    let revoked = context
        .db
        .transact(|tx| {
            Box::pin(async move {
                let proven = proofs::spend(tx, context, purpose, checked).await?;
                let whose = (proven.account, &proven.email);
                Ok::<_, RecoverError>(auth::settle(tx, context, whose, (hash, origin)).await?)
            })
        })
        .await?;
    context.revocations.announce(revoked).await;
    Ok(())
}

/// What the answer is to, and the address that it went to. Links of an invitation, and of the mail that tells of too
/// many wrong passwords, are such too.
async fn subject(context: &Context, answer: &Answer) -> Result<(Purpose, String), RecoverError> {
    let link = match answer {
        Answer::Link(link) => link,
        Answer::Code(guess) => {
            let email = guess.as_ref().map(|(email, _)| email.typed().to_owned());
            return Ok((Purpose::ResetPassword, email.unwrap_or_default()));
        }
    };
    for purpose in [Purpose::ResetPassword, Purpose::Invitation, Purpose::SignInBlocked] {
        match proofs::peek(context, purpose, link).await {
            Ok(proven) => return Ok((purpose, proven.email.typed().to_owned())),
            Err(ProofError::Invalid) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(ProofError::Invalid.into())
}
