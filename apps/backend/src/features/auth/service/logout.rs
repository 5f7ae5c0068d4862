//! Signing out: here, by a refresh token, or everywhere.

use countersign_store::Error;

use crate::Context;
use crate::core::ids::{AccountId, SessionId};
use crate::core::origin::Origin;
use crate::features::accounts;
use crate::features::audit::{self, Event, Kind};
use crate::features::sessions::{self, RefreshSecret};

/// Ends the session that asks. Whether it lived does not matter: it is over now.
///
/// # Errors
/// Those of the database: then it may live on, and nobody is told otherwise.
pub async fn logout(context: &Context, session: SessionId, account: AccountId, origin: &Origin) -> Result<(), Error> {
    sessions::revoke(context, session, Some(account), origin)
        .await
        .map(drop)
}

/// Ends the session of a refresh token. Says whether the token was ever one of ours.
///
/// # Errors
/// Those of the database.
pub async fn logout_by_refresh_token(
    context: &Context,
    presented: &RefreshSecret,
    origin: &Origin,
) -> Result<bool, Error> {
    sessions::revoke_by_refresh_token(context, presented, origin).await
}

/// Ends every session of the account, also one that is just being opened. Says how many there were.
///
/// # Errors
/// Those of the database.
pub async fn logout_all(context: &Context, account: AccountId, origin: &Origin) -> Result<usize, Error> {
    let now = context.clock.now();
    let revoked = context
        .db
        .transact(|tx| {
            Box::pin(async move {
                accounts::end_sessions(tx, account, now).await?;
                let revoked = sessions::end_all(tx, account, None, now).await?;
                if revoked.count() > 0 {
                    audit::record(tx, context, Event::new(Kind::SessionsRevoked, account, origin)).await?;
                }
                Ok::<_, Error>(revoked)
            })
        })
        .await?;
    let ended = revoked.count();
    context.revocations.announce(revoked).await;
    Ok(ended)
}
