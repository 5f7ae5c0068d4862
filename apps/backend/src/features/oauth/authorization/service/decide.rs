//! The pages of a request: what is shown next, and what the user answers.

use countersign_oauth::{ErrorCode, OauthError};
use countersign_store::StoreError;

use super::Authorization;
use super::checks::error;
use super::issue::Issued;
use super::loaded::{Found, Loaded, On, is_registered};
use super::next_step::Step;
use super::response::AuthorizationResponse;
use super::shown::ConsentSummary;
use super::visit::Visit;
use crate::core::ids::AuthorizationRequestId;
use crate::features::oauth::authorization::access::GrantableAccess;
use crate::features::oauth::authorization::store::{self, Answer};
use crate::features::oauth::clients;
use crate::features::oauth::consents;
use crate::features::operations::audit::{Event, EventKind};
use crate::features::sign_in::browser_sessions::SignedIn;
use crate::features::sign_in::sessions;

/// What a request needs next.
pub enum Next {
    /// The user signs in.
    SignIn,
    /// The user creates an account.
    SignUp,
    /// The user signs in with the account that the client expects, instead of the present one.
    SignInAsOther,
    /// The user continues with this account, or uses another one.
    ChooseAccount(ConsentSummary),
    /// The user proves again who they are.
    Reauthenticate,
    /// The user allows what is shown, or cancels.
    Consent(ConsentSummary),
    /// The user clicks to go to a native application.
    Confirm(ConsentSummary),
    /// The browser takes this to the client.
    Answer(AuthorizationResponse),
}

/// What the user decided on a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// To continue with this account or to the native application, with the digest of what was shown.
    Continue(String),
    /// To agree to what was shown, identified by its digest.
    Allow(String),
    /// To send the client away without access.
    Cancel,
}

/// What became of a decision.
pub enum Decided {
    /// The page of the request shows what it needs now.
    Again,
    /// The browser takes this to the client.
    Answer(AuthorizationResponse),
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum NextError {
    /// The request is unknown, was answered, has expired, is another browser's, or its client is gone.
    #[error("this browser has no such pending request")]
    Gone,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a consent was not stored, and its transaction rolled back.
enum NotStored {
    /// The session has ended.
    Ended,
    Store(StoreError),
}

impl From<StoreError> for NotStored {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Authorization {
    /// Returns what a request of this browser needs next. If nothing is missing, the client gets its response.
    ///
    /// # Errors
    /// [`NextError`].
    pub async fn step(&self, id: AuthorizationRequestId, visit: &Visit<'_>) -> Result<Next, NextError> {
        let known = visit.interaction.and_then(|read| read.loaded(id));
        let mut loaded = match known {
            Some(known) => known.clone(),
            None => self.load(id, visit.browser).await?.ok_or(NextError::Gone)?,
        };
        if let Some(session) = visit
            .session()
            .filter(|session| loaded.row.session_id != Some(session.id))
        {
            store::begin_with(&self.platform.db, id, session.id, self.platform.clock.now()).await?;
            loaded.row.session_id = Some(session.id);
            (loaded.row.chosen_at, loaded.row.consented_at, loaded.row.clicked_at) = (None, None, None);
        }
        // Most requests need nothing else. The transaction that issues the code computes the step anyway.
        let mut found = None;
        if self.next_at_best(&loaded, visit.session()) == Step::Issue {
            match self.issue(&loaded, visit).await? {
                Issued::Code(answer) => return Ok(Next::Answer(answer)),
                Issued::Instead(instead) => found = Some(*instead),
                Issued::Gone => return Err(NextError::Gone),
            }
        }
        let Found { step, asked, .. } = match found {
            Some(found) => found,
            None => self.next(On::Db(&self.platform.db), &loaded, visit.session()).await?,
        };
        Ok(match (step, visit.signed_in) {
            (Step::SignUp, _) => Next::SignUp,
            // It is never `Issue` here. The sign-in page would lead back to this one.
            (Step::SignIn | Step::Issue, _) | (_, None) => Next::SignIn,
            (Step::SignInAsOther, _) => Next::SignInAsOther,
            (Step::ChooseAccount, Some(who)) => Next::ChooseAccount(shown(&loaded, asked, who)),
            (Step::Reauthenticate, _) => Next::Reauthenticate,
            (Step::Consent, Some(who)) => Next::Consent(shown(&loaded, asked, who)),
            (Step::Confirm, Some(who)) => Next::Confirm(shown(&loaded, asked, who)),
            (Step::Refuse(error), _) => Next::Answer(self.refuse(&loaded, &error).await?),
        })
    }

    /// Takes a decision of the user. It counts only if it answers what the request needs now, for the session that is
    /// answering; otherwise nothing changes.
    ///
    /// # Errors
    /// [`NextError`].
    pub async fn decide(
        &self,
        id: AuthorizationRequestId,
        decision: &Decision,
        visit: &Visit<'_>,
    ) -> Result<Decided, NextError> {
        // Not what was read before the form arrived.
        let loaded = self.load(id, visit.browser).await?.ok_or(NextError::Gone)?;
        let Some(who) = visit
            .signed_in
            .filter(|who| loaded.row.session_id == Some(who.session.id))
        else {
            return Ok(Decided::Again);
        };
        let found = self.next(On::Db(&self.platform.db), &loaded, visit.session()).await?;
        let Found { step, asked, .. } = found;
        // Consent compares the digest in its transaction.
        if let Decision::Continue(shown) = decision
            && asked.digest(who.account.id, &loaded.client) != *shown
        {
            return Ok(Decided::Again);
        }
        let (db, now) = (&self.platform.db, self.platform.clock.now());
        match (step, decision) {
            (Step::ChooseAccount, Decision::Continue(_)) => {
                store::note(db, id, who.session.id, Answer::Chosen, now).await?;
                return Ok(Decided::Again);
            }
            (Step::Consent, Decision::Allow(shown)) => {
                if !self.consent(&loaded, who, shown, visit).await? {
                    return Ok(Decided::Again);
                }
            }
            (Step::Confirm, Decision::Continue(_)) => {
                store::note(db, id, who.session.id, Answer::Clicked, now).await?;
            }
            (Step::Consent | Step::Confirm, Decision::Cancel) => {
                return Ok(Decided::Answer(self.cancel(&loaded, who, visit).await?));
            }
            _ => return Ok(Decided::Again),
        }
        // The transaction reads the request again, with the answer that has just been noted.
        match self.issue(&loaded, visit).await? {
            Issued::Code(answer) => Ok(Decided::Answer(answer)),
            Issued::Instead(_) => Ok(Decided::Again),
            Issued::Gone => Err(NextError::Gone),
        }
    }

    /// Stores a consent, if nothing has changed since it was asked for. Returns whether it was stored.
    async fn consent(
        &self,
        loaded: &Loaded,
        who: &SignedIn,
        shown: &str,
        visit: &Visit<'_>,
    ) -> Result<bool, StoreError> {
        let (id, session, account) = (loaded.row.id, who.session.id, who.account.id);
        let now = self.platform.clock.now();
        let by = &visit.caller.proven(account);
        fail::fail_point!("authorization::consent");
        let stored = self
            .platform
            .db
            .transact(|tx| {
                Box::pin(async move {
                    let client = clients::may_use(&mut *tx, &loaded.client.client_id).await?;
                    let Some(client) = client.filter(|client| is_registered(client, &loaded.request)) else {
                        return Ok(false);
                    };
                    let loaded = &Loaded {
                        client,
                        ..loaded.clone()
                    };
                    let asked = self.asked(&mut On::Tx(tx), loaded, account).await?;
                    if asked.is_gone || asked.digest(account, &loaded.client) != shown {
                        return Ok(false);
                    }
                    if !store::note(&mut *tx, id, session, Answer::Consented, now).await? {
                        return Ok(false);
                    }
                    // As for a code: a session that ends meanwhile consents to nothing.
                    if sessions::lock_active(tx, session, now).await?.is_none() {
                        return Err(NotStored::Ended);
                    }
                    let client_id = &loaded.client.client_id;
                    for audience in &asked.audiences {
                        consents::give(tx, account, client_id, &audience.identifier, &audience.consented(), now)
                            .await?;
                    }
                    let detail = format!("{client_id}: {}", scopes_of(&asked));
                    let event = Event::new(EventKind::ApplicationAllowed, account, by);
                    self.audit.record(tx, event.session(session).detail(detail)).await?;
                    Ok(true)
                })
            })
            .await;
        match stored {
            Ok(stored) => Ok(stored),
            Err(NotStored::Ended) => Ok(false),
            Err(NotStored::Store(error)) => Err(error),
        }
    }

    async fn cancel(
        &self,
        loaded: &Loaded,
        who: &SignedIn,
        visit: &Visit<'_>,
    ) -> Result<AuthorizationResponse, NextError> {
        let (id, now) = (loaded.row.id, self.platform.clock.now());
        let by = &visit.caller.proven(who.account.id);
        let refused = self
            .platform
            .db
            .transact(|tx| {
                Box::pin(async move {
                    if !store::refuse(&mut *tx, id, now).await? {
                        return Ok(false);
                    }
                    let event = Event::new(EventKind::ApplicationCanceled, who.account.id, by);
                    let event = event.session(who.session.id).detail(&loaded.client.client_id);
                    self.audit.record(tx, event).await?;
                    Ok::<_, StoreError>(true)
                })
            })
            .await?;
        if !refused {
            return Err(NextError::Gone);
        }
        let denied = error(ErrorCode::AccessDenied, "the user canceled the request");
        Ok(self.error(loaded, &denied))
    }

    /// Answers a request with an error, once.
    async fn refuse(&self, loaded: &Loaded, error: &OauthError) -> Result<AuthorizationResponse, NextError> {
        let now = self.platform.clock.now();
        match store::refuse(&self.platform.db, loaded.row.id, now).await? {
            true => Ok(self.error(loaded, error)),
            false => Err(NextError::Gone),
        }
    }

    fn error(&self, loaded: &Loaded, error: &OauthError) -> AuthorizationResponse {
        AuthorizationResponse::error(loaded.request.answer_to.clone(), error, self.issuer())
    }
}

/// Returns what a page shows.
fn shown(loaded: &Loaded, asked: GrantableAccess, who: &SignedIn) -> ConsentSummary {
    ConsentSummary::new(loaded, asked, who.account.id)
}

/// Returns the scopes that are asked for, for the audit log.
fn scopes_of(asked: &GrantableAccess) -> String {
    let texts: Vec<_> = asked.audiences.iter().map(|one| one.consented().to_string()).collect();
    texts.join(" ")
}
