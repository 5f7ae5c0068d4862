//! What the operator does to an account, on the command line. No password is asked for.

use std::time::Duration;

use countersign_guard::Scopes;
use countersign_store::Error;

use super::account::forget_mails;
use super::ask::asked;
use super::confirm::PasswordError;
use super::login::LoginError;
use super::opening::{Entrant, Holder, notify, notify_at, open_session};
use crate::Context;
use crate::core::email::{Email, NewEmail};
use crate::core::ids::AccountId;
use crate::core::language::Language;
use crate::core::origin::Origin;
use crate::core::password::Password;
use crate::features::accounts::{self, Account, New, State};
use crate::features::audit::{self, Event, Kind};
use crate::features::outbox::{self, Owed, Particulars, Purpose};
use crate::features::proofs;
use crate::features::sessions::{self, RefreshSecret, Tokens};

/// Sets a password and ends all sessions.
///
/// # Errors
/// [`PasswordError::Fault`], or that hashing or the database failed.
pub async fn set_password(context: &Context, account: &Account, new: Password) -> Result<(), PasswordError> {
    let new = context
        .check_password(&new, &account.email)
        .map_err(PasswordError::Fault)?;
    let hash = &context.hasher.hash(new).await?;
    let (id, now, origin) = (account.id, context.clock.now(), &context.command_line());
    let revoked = context
        .db
        .transact(|tx| {
            Box::pin(async move {
                accounts::change_password(tx, (id, None), hash, now).await?;
                proofs::void(tx, context, id).await?;
                let revoked = sessions::end_all(tx, id, None, now).await?;
                audit::record(tx, context, Event::new(Kind::PasswordChanged, id, origin)).await?;
                notify(tx, context, (id, Purpose::PasswordChanged), origin).await?;
                Ok::<_, Error>(revoked)
            })
        })
        .await?;
    context.revocations.announce(revoked).await;
    Ok(())
}

/// Disables an account with all its sessions, or enables it again. Says whether that changed anything.
///
/// # Errors
/// Those of the database.
pub async fn set_disabled(context: &Context, id: AccountId, disabled: bool) -> Result<bool, Error> {
    let (now, origin) = (context.clock.now(), &context.command_line());
    let kind = if disabled {
        Kind::AccountDisabled
    } else {
        Kind::AccountEnabled
    };
    let revoked = context
        .db
        .transact(|tx| {
            Box::pin(async move {
                if !accounts::set_disabled(tx, id, disabled.then_some(now), now).await? {
                    return Ok::<_, Error>(None);
                }
                proofs::void(tx, context, id).await?;
                let revoked = sessions::end_all(tx, id, None, now).await?;
                audit::record(tx, context, Event::new(kind, id, origin)).await?;
                Ok(Some(revoked))
            })
        })
        .await?;
    let has_changed = revoked.is_some();
    context.revocations.announce(revoked.unwrap_or_default()).await;
    Ok(has_changed)
}

/// Deletes an account and all that hangs on it.
///
/// # Errors
/// Those of the database.
pub async fn delete(context: &Context, account: &Account) -> Result<(), Error> {
    let (id, now, origin) = (account.id, context.clock.now(), &context.command_line());
    let revoked = context
        .db
        .transact(|tx| {
            Box::pin(async move {
                forget_mails(tx, &account.email).await?;
                let revoked = sessions::end_all(tx, id, None, now).await?;
                accounts::delete(tx, id, None).await?;
                notify_at(tx, context, (&Holder::from(account), Purpose::AccountDeleted), origin).await?;
                audit::record(tx, context, Event::new(Kind::AccountDeleted, id, origin)).await?;
                audit::forget(tx, context, id).await?;
                Ok::<_, Error>(revoked)
            })
        })
        .await?;
    context.revocations.announce(revoked).await;
    Ok(())
}

/// Gives scopes to an account. Says which of them are new to it.
///
/// # Errors
/// Those of the database.
pub async fn grant(context: &Context, id: AccountId, scopes: &Scopes) -> Result<Scopes, Error> {
    let (now, origin) = (context.clock.now(), &context.command_line());
    context
        .db
        .transact(|tx| {
            Box::pin(async move {
                let mut changed = Vec::new();
                for scope in scopes.iter() {
                    if accounts::grant(tx, id, scope, now).await? {
                        changed.push(scope.to_owned());
                    }
                }
                let changed: Scopes = changed.into_iter().collect();
                if !changed.is_empty() {
                    let event = Event::new(Kind::ScopesChanged, id, origin).detail(format!("granted {changed}"));
                    audit::record(tx, context, event).await?;
                }
                Ok::<_, Error>(changed)
            })
        })
        .await
}

/// Takes scopes back from an account, and says which of them it had. Tokens that carry them go on carrying them until
/// they end.
///
/// # Errors
/// Those of the database.
pub async fn ungrant(context: &Context, id: AccountId, scopes: &Scopes) -> Result<Scopes, Error> {
    let origin = &context.command_line();
    context
        .db
        .transact(|tx| {
            Box::pin(async move {
                let mut changed = Vec::new();
                for scope in scopes.iter() {
                    if accounts::ungrant(tx, id, scope).await? {
                        changed.push(scope.to_owned());
                    }
                }
                let changed: Scopes = changed.into_iter().collect();
                if !changed.is_empty() {
                    let event = Event::new(Kind::ScopesChanged, id, origin).detail(format!("took back {changed}"));
                    audit::record(tx, context, event).await?;
                }
                Ok::<_, Error>(changed)
            })
        })
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
    let (refresh_token, origin) = (RefreshSecret::generate(context.chance), &context.command_line());
    let first = &refresh_token;
    let bit = context.revocations.allocate().await?;
    let opened = context
        .db
        .transact(|tx| {
            Box::pin(async move {
                let Some(standing) = accounts::may_sign_in(&mut *tx, id).await? else {
                    return Ok::<_, Error>(None);
                };
                let entrant = Entrant {
                    account: id,
                    standing,
                    amr: "",
                    asked,
                    origin,
                    bit,
                };
                let (session, revoked) = open_session(tx, context, &entrant, first).await?;
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

/// Says by hand that an address is its owner's. Says whether that was news.
///
/// # Errors
/// Those of the database.
pub async fn verify_email(context: &Context, account: &Account) -> Result<bool, Error> {
    let (now, origin) = (context.clock.now(), &context.command_line());
    let email = &parsed(&account.email)?;
    context
        .db
        .transact(|tx| {
            Box::pin(async move {
                if !accounts::set_verified(tx, account.id, email, now).await? {
                    return Ok::<_, Error>(false);
                }
                audit::record(tx, context, Event::new(Kind::EmailVerified, account.id, origin)).await?;
                Ok(true)
            })
        })
        .await
}

/// Owes an account the mail by which its owner proves the address, or sets a new password, whatever was sent before.
///
/// # Errors
/// Those of the database.
pub async fn owe_mail(context: &Context, account: &Account, purpose: Purpose) -> Result<(), Error> {
    let (now, email, id) = (context.clock.now(), &parsed(&account.email)?, account.id);
    context
        .db
        .transact(|tx| {
            Box::pin(async move {
                let state = accounts::state(&mut *tx, id).await?;
                outbox::owe(tx, &mail_of(purpose, email, state.as_ref()), now).await
            })
        })
        .await
}

/// Makes an account that nobody knows the password of, and owes its owner a mail with which to set one. `None`: there is
/// an account with this address.
///
/// # Errors
/// That hashing or the database failed.
pub async fn invite(context: &Context, email: &NewEmail, origin: &Origin) -> Result<Option<Account>, PasswordError> {
    let hash = &context.unusable_password_hash().await?;
    let now = context.clock.now();
    let id = AccountId::new(now, context.chance);
    let made = context
        .db
        .transact(|tx| {
            Box::pin(async move {
                let new = New {
                    id,
                    email,
                    password_hash: hash,
                    origin,
                };
                let Some(account) = accounts::add(tx, context, &new).await? else {
                    return Ok::<_, Error>(None);
                };
                audit::record(tx, context, Event::new(Kind::Invited, id, origin)).await?;
                let state = accounts::state(&mut *tx, id).await?;
                outbox::owe(tx, &mail_of(Purpose::Invitation, email, state.as_ref()), now).await?;
                Ok(Some(account))
            })
        })
        .await?;
    Ok(made)
}

/// The operator asks for it, and has no handle: its code works for nobody, its link for who reads the mail.
fn mail_of<'a>(purpose: Purpose, to: &'a Email, state: Option<&State>) -> Owed<'a> {
    Owed {
        purpose,
        to,
        language: Language::default(),
        particulars: Particulars {
            asked: state.map(|state| asked(state, None)),
            ..Particulars::default()
        },
    }
}

fn parsed(email: &str) -> Result<Email, Error> {
    email.parse().map_err(|_| Error::Inconsistent {
        table: "accounts",
        column: "email",
    })
}
