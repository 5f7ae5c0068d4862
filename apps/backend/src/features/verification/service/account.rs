//! Verifying the address of an account that is there.

use countersign_store::Tx;

use super::{Claim, VerifyError};
use crate::Context;
use crate::core::ids::{AccountId, SessionId};
use crate::core::origin::Origin;
use crate::core::password::Password;
use crate::features::accounts::{self, Version};
use crate::features::audit::{self, Event, Kind};
use crate::features::auth::{self, PasswordError};
use crate::features::outbox::Purpose;
use crate::features::proofs::{self, Checked};
use crate::features::sessions;

/// What says that the account is theirs who confirm.
enum Own {
    /// They are signed in.
    Session(SessionId),
    /// They know the password of this version.
    Password(Version),
}

/// The handle of who asked for the mail says nothing here: anybody may ask for it, and the password was set by who signed
/// up, possibly somebody else.
pub(super) async fn verify(
    context: &Context,
    (account, checked): (AccountId, &Checked),
    claim: Claim,
    origin: &Origin,
) -> Result<(), VerifyError> {
    if let Some(new) = claim.new_password {
        return settle(context, (account, checked), new, origin).await;
    }
    let own = &match (claim.user, claim.password) {
        (Some((user, session)), _) if user == account => Own::Session(session),
        (_, Some(password)) => {
            let asked = (Kind::EmailVerified, origin);
            Own::Password(
                auth::confirm(context, account, password, asked)
                    .await?
                    .count()
                    .credential_version,
            )
        }
        _ => return Err(VerifyError::PasswordRequired),
    };
    context
        .db
        .transact(|tx| {
            Box::pin(async move {
                let now = context.clock.now();
                let proven = proofs::spend(tx, context, Purpose::VerifyEmail, checked).await?;
                still_own(tx, context, own, proven.credential_version).await?;
                if accounts::set_verified(tx, proven.account, &proven.email, now).await? {
                    audit::record(tx, context, Event::new(Kind::EmailVerified, proven.account, origin)).await?;
                }
                Ok(())
            })
        })
        .await
}

/// The session may have ended, or the password changed, since they were looked at.
async fn still_own(tx: &mut Tx<'_>, context: &Context, own: &Own, version: Version) -> Result<(), VerifyError> {
    match own {
        Own::Session(session) => match sessions::lock_living(tx, *session, context.clock.now()).await? {
            Some(_) => Ok(()),
            None => Err(PasswordError::Ended.into()),
        },
        Own::Password(seen) if *seen == version => Ok(()),
        Own::Password(_) => Err(PasswordError::Wrong.into()),
    }
}

/// Whoever reads the mail takes the account over, as a recovery does.
async fn settle(
    context: &Context,
    (account, checked): (AccountId, &Checked),
    new: Password,
    origin: &Origin,
) -> Result<(), VerifyError> {
    let email = accounts::find(&context.db, account)
        .await?
        .map_or_else(String::new, |account| account.email);
    let new = context.check_password(&new, &email).map_err(PasswordError::Fault)?;
    let hash = &context.hasher.hash(new).await?;
    let revoked = context
        .db
        .transact(|tx| {
            Box::pin(async move {
                let proven = proofs::spend(tx, context, Purpose::VerifyEmail, checked).await?;
                let whose = (proven.account, &proven.email);
                Ok::<_, VerifyError>(auth::settle(tx, context, whose, (hash, origin)).await?)
            })
        })
        .await?;
    context.revocations.announce(revoked).await;
    Ok(())
}
