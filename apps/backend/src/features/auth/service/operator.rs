//! What the operator does to an account, on the command line. No password is asked for.

use std::time::Duration;

use countersign_guard::Scopes;
use countersign_store::Error;

use super::confirm::PasswordError;
use super::login::LoginError;
use crate::Context;
use crate::core::ids::AccountId;
use crate::core::origin::Origin;
use crate::core::password::Password;
use crate::features::accounts::{self, Account};
use crate::features::audit::{self, Event, Kind};
use crate::features::sessions::{self, Opening, RefreshSecret, Tokens};

/// Sets a password and ends all sessions.
///
/// # Errors
/// [`PasswordError::Fault`], or that hashing or the database failed.
pub async fn set_password(context: &Context, account: &Account, new: Password) -> Result<(), PasswordError> {
    let new = context
        .check_password(&new, &account.email)
        .map_err(PasswordError::Fault)?;
    let hash = context.hasher.hash(new).await?;
    let (id, now, origin) = (account.id, context.clock.now(), Origin::command_line());
    let revoked = context
        .db
        .transact((context, hash, origin), |tx, (context, hash, origin)| {
            Box::pin(async move {
                accounts::change_password(tx, (id, None), hash, now).await?;
                let revoked = sessions::end_all(tx, id, None, now).await?;
                audit::record(tx, context, Event::new(Kind::PasswordChanged, id, origin)).await?;
                Ok::<_, Error>(revoked)
            })
        })
        .await?;
    context.revocations.announce(revoked).await;
    Ok(())
}

/// Disables an account with all its sessions, or enables it again.
///
/// # Errors
/// Those of the database.
pub async fn set_disabled(context: &Context, id: AccountId, disabled: bool) -> Result<(), Error> {
    let (now, origin) = (context.clock.now(), Origin::command_line());
    let kind = if disabled {
        Kind::AccountDisabled
    } else {
        Kind::AccountEnabled
    };
    let revoked = context
        .db
        .transact((context, origin), |tx, (context, origin)| {
            Box::pin(async move {
                accounts::set_disabled(tx, id, disabled.then_some(now), now).await?;
                let revoked = sessions::end_all(tx, id, None, now).await?;
                audit::record(tx, context, Event::new(kind, id, origin)).await?;
                Ok::<_, Error>(revoked)
            })
        })
        .await?;
    context.revocations.announce(revoked).await;
    Ok(())
}

/// Deletes an account and all that hangs on it.
///
/// # Errors
/// Those of the database.
pub async fn delete(context: &Context, id: AccountId) -> Result<(), Error> {
    let now = context.clock.now();
    let revoked = context
        .db
        .transact((context, Origin::command_line()), |tx, (context, origin)| {
            Box::pin(async move {
                let revoked = sessions::end_all(tx, id, None, now).await?;
                accounts::delete(tx, id, None).await?;
                audit::record(tx, context, Event::new(Kind::AccountDeleted, id, origin)).await?;
                audit::forget(tx, context, id).await?;
                Ok::<_, Error>(revoked)
            })
        })
        .await?;
    context.revocations.announce(revoked).await;
    Ok(())
}

/// Gives scopes to an account.
///
/// # Errors
/// Those of the database.
pub async fn grant(context: &Context, id: AccountId, scopes: &Scopes) -> Result<(), Error> {
    let now = context.clock.now();
    context
        .db
        .transact(
            (context, scopes, Origin::command_line()),
            |tx, (context, scopes, origin)| {
                Box::pin(async move {
                    for scope in scopes.iter() {
                        accounts::grant(tx, id, scope, now).await?;
                    }
                    let event = Event::new(Kind::ScopesChanged, id, origin).detail(format!("granted {scopes}"));
                    audit::record(tx, context, event).await
                })
            },
        )
        .await
}

/// Takes scopes back from an account. Tokens that carry them go on carrying them until they end.
///
/// # Errors
/// Those of the database.
pub async fn ungrant(context: &Context, id: AccountId, scopes: &Scopes) -> Result<(), Error> {
    context
        .db
        .transact(
            (context, scopes, Origin::command_line()),
            |tx, (context, scopes, origin)| {
                Box::pin(async move {
                    for scope in scopes.iter() {
                        accounts::ungrant(tx, id, scope).await?;
                    }
                    let event = Event::new(Kind::ScopesChanged, id, origin).detail(format!("took back {scopes}"));
                    audit::record(tx, context, event).await
                })
            },
        )
        .await
}

/// Opens a session for an account and gives its tokens, as if its owner had signed in. `None`: it is disabled.
///
/// # Errors
/// [`LoginError::Issue`] and [`LoginError::Store`].
pub async fn issue_token(
    context: &Context,
    id: AccountId,
    asked: &Scopes,
    ttl: Duration,
) -> Result<Option<Tokens>, LoginError> {
    let refresh_token = RefreshSecret::generate(context.chance);
    let bit = context.revocations.allocate().await?;
    let opened = context
        .db
        .transact((context, asked, &refresh_token, Origin::command_line()), |tx, input| {
            Box::pin(async move {
                let (context, asked, refresh_token, origin) = input;
                let Some(standing) = accounts::may_sign_in(&mut *tx, id).await? else {
                    return Ok::<_, Error>(None);
                };
                let owned = accounts::scopes(&mut *tx, id).await?;
                let scopes = if asked.is_empty() {
                    owned
                } else {
                    owned.intersection(asked)
                };
                let opening = Opening {
                    account: id,
                    epoch: standing.session_epoch,
                    bit,
                    amr: "",
                    scopes: &scopes,
                    origin,
                };
                let (session, revoked) = sessions::open(tx, context, &opening, refresh_token).await?;
                audit::record(tx, context, Event::new(Kind::SignIn, id, origin).session(session.id)).await?;
                Ok(Some((session, revoked)))
            })
        })
        .await?;
    match opened {
        Some((session, revoked)) => {
            context.revocations.announce(revoked).await;
            Ok(Some(sessions::issue(context, &session, refresh_token, ttl).await?))
        }
        None => Ok(None),
    }
}
