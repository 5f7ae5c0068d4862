//! A token for anyone. The session behind it is opened as a sign-in opens one, so that every door treats it as such.

use std::time::Duration;

use countersign_guard::{AccessTokenClaims, Scopes};
use countersign_jose::Audience;
use countersign_store::Error;

use super::users::find_or_make;
use crate::Context;
use crate::core::email::NewEmail;
use crate::core::ids::{AccountId, SessionId};
use crate::core::origin::Origin;
use crate::features::accounts::{self, AccountError};
use crate::features::audit::{self, Event, Kind};
use crate::features::keys::IssueError;
use crate::features::sessions::{self, Opening, RefreshSecret, Session};

/// How long before its end an expired token says that it was issued, in seconds.
const EXPIRED_TOKEN_LIVED: i64 = 60;

/// What a token is to be like.
pub(crate) struct Wanted {
    pub(crate) user: User,
    /// Exactly these, owned or not; what the account owns, if nothing is said.
    pub(crate) scopes: Option<Scopes>,
    /// What sign-in gives, if nothing is said.
    pub(crate) lifetime: Option<Lifetime>,
    /// That of the settings, if nothing is said.
    pub(crate) audience: Option<String>,
}

/// Whose a token is to be.
pub(crate) enum User {
    /// An account that must be there.
    Known(AccountId),
    /// An account that is made if need be.
    Address(NewEmail),
}

/// When a token ends.
pub(crate) enum Lifetime {
    /// So long from now, but never after its session.
    Left(Duration),
    /// So long ago. Its session lives.
    Over(Duration),
}

/// A token, and the session behind it.
pub(crate) struct Issued {
    pub(crate) access_token: String,
    pub(crate) expires_in: i64,
    pub(crate) refresh_token: RefreshSecret,
    pub(crate) session: Session,
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenError {
    /// An id was named that no account has.
    #[error("no account has this id")]
    NobodyWithThisId,
    /// Nobody gets a session for a disabled account, not even here.
    #[error("the account is disabled")]
    Disabled,
    /// The account could not be made.
    #[error(transparent)]
    Register(#[from] AccountError),
    /// The token could not be signed.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] Error),
}

/// Opens a session and issues its token.
///
/// # Errors
/// [`TokenError`].
pub(crate) async fn issue(context: &Context, wanted: Wanted, origin: &Origin) -> Result<Issued, TokenError> {
    let account = match wanted.user {
        User::Address(email) => find_or_make(context, email).await?.id,
        User::Known(id) => accounts::find(&context.db, id)
            .await?
            .map(|found| found.id)
            .ok_or(TokenError::NobodyWithThisId)?,
    };
    let refresh_token = RefreshSecret::generate(context.chance);
    let session = open(context, account, wanted.scopes.as_ref(), (&refresh_token, origin))
        .await?
        .ok_or(TokenError::Disabled)?;
    let mut claims = match wanted.lifetime {
        Some(Lifetime::Left(ttl)) => sessions::claims(context, &session, ttl),
        Some(Lifetime::Over(ago)) => expired(context, &session, ago),
        None => sessions::claims(context, &session, context.settings.tokens.access_ttl),
    };
    if let Some(audience) = wanted.audience {
        claims.aud = Audience::from(vec![audience]);
    }
    let now = context.clock.now();
    Ok(Issued {
        access_token: context.keys.issue(&claims, now).await?,
        expires_in: claims.exp.saturating_sub(now.seconds()),
        refresh_token,
        session,
    })
}

/// Ends a session of anybody. Says whether it lived.
///
/// # Errors
/// Those of the database.
pub(crate) async fn end_session(context: &Context, session: SessionId, origin: &Origin) -> Result<bool, Error> {
    sessions::revoke(context, session, None, origin).await
}

/// `scopes` are the session's, not the account's: what one test asks for changes nothing for the next one.
async fn open(
    context: &Context,
    account: AccountId,
    scopes: Option<&Scopes>,
    (refresh_token, origin): (&RefreshSecret, &Origin),
) -> Result<Option<Session>, Error> {
    let now = context.clock.now();
    let bit = context.revocations.allocate().await?;
    let opened = context
        .db
        .transact(|tx| {
            Box::pin(async move {
                let Some(standing) = accounts::may_sign_in(&mut *tx, account).await? else {
                    return Ok::<_, Error>(None);
                };
                accounts::sign_in(tx, account, now, None).await?;
                let owned = accounts::scopes(&mut *tx, account).await?;
                let opening = Opening {
                    account,
                    epoch: standing.session_epoch,
                    bit,
                    amr: "pwd",
                    scopes: scopes.unwrap_or(&owned),
                    origin,
                };
                let (session, revoked) = sessions::open(tx, context, &opening, refresh_token).await?;
                audit::record(
                    tx,
                    context,
                    Event::new(Kind::SignIn, account, origin).session(session.id),
                )
                .await?;
                Ok(Some((session, revoked)))
            })
        })
        .await?;
    let Some((session, revoked)) = opened else {
        return Ok(None);
    };
    context.revocations.announce(revoked).await;
    Ok(Some(session))
}

/// The token was issued before it ended, and its owner signed in then: in nothing but its age it looks like any other.
fn expired(context: &Context, session: &Session, ago: Duration) -> AccessTokenClaims {
    let exp = (context.clock.now() - ago).seconds();
    let iat = exp.saturating_sub(EXPIRED_TOKEN_LIVED);
    let mut claims = sessions::claims(context, session, Duration::ZERO);
    claims.exp = exp;
    claims.iat = iat;
    claims.auth_time = Some(iat);
    claims
}
