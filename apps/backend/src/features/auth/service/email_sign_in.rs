//! Signing in by a mailed link or code.

use countersign_guard::Scopes;
use countersign_store::{Error, Tx};

use super::login::LoginError;
use super::opening::{Entrant, open_session};
use crate::Context;
use crate::core::handle::HandleHash;
use crate::core::origin::Origin;
use crate::features::accounts;
use crate::features::audit::{self, Event, Kind};
use crate::features::outbox::Purpose;
use crate::features::proofs::{self, Answer, Presenter, ProofError, Proven, Whose};
use crate::features::revocation::Revoked;
use crate::features::sessions::{self, RefreshSecret, Session, Tokens};

/// Signs in whoever brings what was mailed, and gives the tokens of the new session.
///
/// # Errors
/// [`LoginError::Proof`], or that signing or the database failed.
pub async fn sign_in_by_email(
    context: &Context,
    (answer, handle): (Answer, Option<HandleHash>),
    scopes: &Scopes,
    origin: &Origin,
) -> Result<Tokens, LoginError> {
    let (session, refresh_token) = open_by_email(context, (answer, handle), scopes, origin).await?;
    Ok(sessions::issue(context, &session, refresh_token, context.settings.tokens.access_ttl).await?)
}

/// The same for a browser, which needs no tokens.
///
/// # Errors
/// [`LoginError::Proof`], or that the database failed.
pub async fn enter_by_email(
    context: &Context,
    (answer, handle): (Answer, Option<HandleHash>),
    scopes: &Scopes,
    origin: &Origin,
) -> Result<Session, LoginError> {
    let entered = open_by_email(context, (answer, handle), scopes, origin).await;
    context
        .metrics
        .login(entered.as_ref().err().map_or("success", LoginError::outcome));
    entered.map(|(session, _)| session)
}

/// What was mailed proves the address too; and an account whose address nobody had proven loses its password and its
/// sessions, because a stranger may have made it before its owner came.
async fn open_by_email(
    context: &Context,
    (answer, handle): (Answer, Option<HandleHash>),
    scopes: &Scopes,
    origin: &Origin,
) -> Result<(Session, RefreshSecret), LoginError> {
    let purpose = purpose(context, &answer).await?;
    let presenter = Presenter { handle, account: None };
    let checked = &proofs::check(context, purpose, (&answer, &presenter), origin).await?;
    let Whose::Account(account) = checked.whose else {
        return Err(ProofError::Invalid.into());
    };
    let refresh_token = RefreshSecret::generate(context.chance);
    let bit = context.revocations.allocate().await?;
    // Made beforehand: a transaction waits for no hash.
    let nobodys = match accounts::find(&context.db, account).await? {
        Some(account) if account.email_verified_at.is_none() => Some(context.unusable_password_hash().await?),
        _ => None,
    };
    let (first, nobodys) = (&refresh_token, nobodys.as_deref());
    let opened = context
        .db
        .transact(|tx| {
            Box::pin(async move {
                let proven = proofs::spend(tx, context, purpose, checked).await?;
                let ended = unbless(tx, context, &proven, (nobodys, origin)).await?;
                let standing = accounts::may_sign_in(&mut *tx, proven.account)
                    .await?
                    .ok_or(ProofError::Invalid)?;
                accounts::sign_in(tx, proven.account, context.clock.now(), None).await?;
                let entrant = Entrant {
                    account: proven.account,
                    standing,
                    amr: "otp",
                    asked: scopes,
                    origin,
                    bit,
                };
                let (session, revoked) = open_session(tx, context, &entrant, first).await?;
                Ok::<_, LoginError>((session, [ended, revoked]))
            })
        })
        .await;
    let (session, revoked) = opened?;
    for revoked in revoked {
        context.revocations.announce(revoked).await;
    }
    Ok((session, refresh_token))
}

/// What the answer is to. The mail that tells of too many wrong passwords has a link that signs in too.
async fn purpose(context: &Context, answer: &Answer) -> Result<Purpose, ProofError> {
    if let Answer::Link(link) = answer {
        match proofs::peek(context, Purpose::SignInBlocked, link).await {
            Ok(_) => return Ok(Purpose::SignInBlocked),
            Err(ProofError::Invalid) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Purpose::SignIn)
}

/// The address is proven now. If it was not before, what anybody did with the account until now is over.
async fn unbless(
    tx: &mut Tx<'_>,
    context: &Context,
    proven: &Proven,
    (nobodys, origin): (Option<&str>, &Origin),
) -> Result<Revoked, Error> {
    let now = context.clock.now();
    if !accounts::set_verified(tx, proven.account, &proven.email, now).await? {
        return Ok(Revoked::default());
    }
    audit::record(tx, context, Event::new(Kind::EmailVerified, proven.account, origin)).await?;
    // An address that was proven never becomes unproven again, so there is one where it is needed.
    let Some(nobodys) = nobodys else {
        return Err(Error::Conflict);
    };
    accounts::change_password(tx, (proven.account, None), nobodys, now).await?;
    sessions::end_all(tx, proven.account, None, now).await
}
