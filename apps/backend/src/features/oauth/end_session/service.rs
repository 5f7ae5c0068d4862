//! Decides about a request to sign out.

use countersign_jose::IdTokenHint;
use countersign_oauth::{Parameters, ResponseMode};
use countersign_store::StoreError;

use crate::core::caller::Caller;
use crate::core::ids::{SessionId, SessionRef};
use crate::core::metrics::SignOutOutcome;
use crate::core::platform::Platform;
use crate::features::oauth::clients::{self, Client};
use crate::features::oauth::consents;
use crate::features::operations::audit::{self, Event, EventKind};
use crate::features::operations::keys::Keys;
use crate::features::sign_in::sessions;

/// Why an ID token of another server is refused, and one of another client.
const FOREIGN_HINT: &str = "id_token_hint is not an ID token that this server issued to the client";

/// Sign-out that applications ask for. Cloning is cheap.
#[derive(Clone)]
pub struct EndSession {
    pub(crate) platform: Platform,
    pub(crate) keys: Keys,
}

/// A valid request.
pub struct LogoutRequest {
    /// The application that asks, if it is known.
    pub client: Option<Client>,
    pub situation: Situation,
    /// Where the browser continues afterwards: a URI that the client has registered, with `state`.
    pub return_to: Option<String>,
}

/// What a request allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Situation {
    /// The ID token belongs to this browser's session, and the application still has access: it may end the session without a
    /// question (§2).
    Own,
    /// The browser has another session, or the request does not say which: the user is asked.
    Asks,
    /// The browser has no session.
    SignedOut,
}

/// Why a request is refused.
#[derive(Debug, thiserror::Error)]
pub enum EndSessionError {
    /// It is not valid. The reason is for the log and for the page; the browser is not redirected.
    #[error("invalid sign-out request: {0}")]
    Invalid(&'static str),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl EndSession {
    /// Decides about a request with this query, from a browser with this session.
    ///
    /// # Errors
    /// [`EndSessionError`].
    pub async fn decide(&self, query: &str, browser: Option<SessionRef>) -> Result<LogoutRequest, EndSessionError> {
        let decided = self.check(query, browser).await;
        self.count(&decided, |situation| match situation {
            Situation::Own => SignOutOutcome::SignedOut,
            Situation::Asks => SignOutOutcome::Asked,
            Situation::SignedOut => SignOutOutcome::NoSession,
        });
        decided
    }

    /// Decides again about a request, once the user has agreed to sign out.
    ///
    /// # Errors
    /// [`EndSessionError`].
    pub async fn confirm(&self, query: &str, browser: Option<SessionRef>) -> Result<LogoutRequest, EndSessionError> {
        let decided = self.check(query, browser).await;
        self.count(&decided, |situation| match situation {
            Situation::Own | Situation::Asks => SignOutOutcome::SignedOut,
            Situation::SignedOut => SignOutOutcome::NoSession,
        });
        decided
    }

    /// Counts the outcome in the metrics.
    fn count(
        &self,
        decided: &Result<LogoutRequest, EndSessionError>,
        outcome: impl FnOnce(Situation) -> SignOutOutcome,
    ) {
        self.platform.metrics.sign_out_request(match decided {
            Ok(asked) => outcome(asked.situation),
            Err(EndSessionError::Invalid(_)) => SignOutOutcome::Refused,
            Err(EndSessionError::Store(_)) => SignOutOutcome::Failed,
        });
    }

    async fn check(&self, query: &str, browser: Option<SessionRef>) -> Result<LogoutRequest, EndSessionError> {
        let invalid = EndSessionError::Invalid;
        let parameters = Parameters::parse(query).map_err(|_| invalid("too many parameters, or one is too long"))?;
        let one = |name| parameters.one(name).map_err(|_| invalid("a parameter is repeated"));
        let (hint, client_id) = (one("id_token_hint")?, one("client_id")?);
        let (to, state) = (one("post_logout_redirect_uri")?, one("state")?);
        one("logout_hint")?;
        one("ui_locales")?;
        let hint = hint
            .map(|token| self.read(token).ok_or(invalid(FOREIGN_HINT)))
            .transpose()?;
        let named = match &hint {
            Some(Hint::Ours(hint)) => Some(hint.client_id.as_str()),
            Some(Hint::Unverifiable { client_id }) => client_id.as_deref(),
            None => None,
        };
        if let (Some(named), Some(client_id)) = (named, client_id)
            && named != client_id
        {
            return Err(invalid(FOREIGN_HINT));
        }
        let client = match named.or(client_id) {
            Some(id) => Some(
                clients::may_use(&self.platform.db, id)
                    .await?
                    .ok_or(invalid("unknown client"))?,
            ),
            None => None,
        };
        let return_to = to.map(|to| registered(client.as_ref(), to, state)).transpose()?;
        let situation = match (browser, &hint, &client) {
            (None, ..) => Situation::SignedOut,
            (Some(browser), Some(Hint::Ours(hint)), Some(client))
                if self.may_sign_out(client, SessionId(hint.sid), browser).await? =>
            {
                Situation::Own
            }
            (Some(_), ..) => Situation::Asks,
        };
        Ok(LogoutRequest {
            client,
            situation,
            return_to,
        })
    }
}

/// The `id_token_hint` of a request.
enum Hint {
    /// A verified one. Its age does not matter (§2), because it only shows which session is meant.
    Ours(IdTokenHint),
    /// Its key was retired or revoked. It shows no session, so the user is asked. The client that it names counts as much as
    /// the parameter `client_id`.
    Unverifiable { client_id: Option<String> },
}

impl EndSession {
    /// Reads `id_token_hint`. `None`: it is not an ID token of this server.
    fn read(&self, token: &str) -> Option<Hint> {
        if let Some(hint) = self.keys.verify_id_token_hint(token) {
            return Some(Hint::Ours(hint));
        }
        let claims = self.keys.claimed_with_former_key(token)?;
        // PostgreSQL rejects this character, and no client id contains it.
        let client_id = claims["aud"]
            .as_str()
            .filter(|id| !id.contains('\0'))
            .map(str::to_owned);
        Some(Hint::Unverifiable { client_id })
    }

    /// Returns whether a client may sign a browser out without a question: its grant was opened in this session, and the user
    /// has not removed its access since. The grant may have ended: some applications revoke their tokens before they sign the
    /// user out.
    async fn may_sign_out(&self, client: &Client, grant: SessionId, browser: SessionRef) -> Result<bool, StoreError> {
        let (db, SessionRef { account, session }) = (&self.platform.db, browser);
        if !sessions::opened_in(db, grant, account, session).await? {
            return Ok(false);
        }
        Ok(client.trusted || !consents::find(db, account, &client.client_id).await?.is_empty())
    }

    /// Records that an application signed a user out.
    ///
    /// # Errors
    /// If the database failed.
    pub async fn record(&self, client: &Client, ended: SessionRef, caller: &Caller) -> Result<(), StoreError> {
        let event = Event::new(EventKind::SignOutByClient, ended.account, caller)
            .session(ended.session)
            .detail(&*client.client_id);
        audit::record_alone(&self.platform.db, &self.platform.clock, event).await
    }
}

/// Returns the URI with `state`, if the client has registered exactly this one (§3).
fn registered(client: Option<&Client>, to: &str, state: Option<&str>) -> Result<String, EndSessionError> {
    let client = client.ok_or(EndSessionError::Invalid(
        "post_logout_redirect_uri needs an id_token_hint or a client_id",
    ))?;
    if !client.metadata.may_return_to(to) {
        return Err(EndSessionError::Invalid(
            "post_logout_redirect_uri is not registered for the client",
        ));
    }
    let state = state.map(|state| ("state", state));
    Ok(ResponseMode::Query.append(to, state))
}
