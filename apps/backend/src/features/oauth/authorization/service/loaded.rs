//! A request with its client, and what it needs next.

use countersign_guard::Scopes;
use countersign_oauth::{Prompt, RedirectUri};
use countersign_store::{Conn, Db, StoreError, Tx};

use super::Authorization;
use super::next_step::{Person, Progress, Situation, Step, expected, next_step};
use crate::core::handle::HandleHash;
use crate::core::ids::{AccountId, AuthorizationRequestId};
use crate::features::identity::accounts;
use crate::features::oauth::apis;
use crate::features::oauth::authorization::access::{GrantableAccess, is_covered};
use crate::features::oauth::authorization::request::AuthorizationRequest;
use crate::features::oauth::authorization::store::{self, RequestRow};
use crate::features::oauth::clients::{self, Client};
use crate::features::oauth::consents::{self, Consent};
use crate::features::sign_in::sessions::{self, Session};
use crate::settings::Signup;

/// A request with its client.
#[derive(Clone)]
pub(super) struct Loaded {
    pub row: RequestRow,
    pub request: AuthorizationRequest,
    pub client: Client,
    /// Whether its row is in the database. A request that is answered at once is never stored.
    pub is_stored: bool,
}

/// What a request needs next, and what was read to find out.
pub(super) struct Found {
    pub step: Step,
    /// What is asked of the account; nothing if no one is signed in.
    pub asked: GrantableAccess,
    /// What the user has allowed the client. Read only if the step depends on it.
    pub given: Vec<Consent>,
}

impl Found {
    /// A step that needs nothing of an account.
    pub fn without_account(step: Step) -> Self {
        Self {
            step,
            asked: GrantableAccess::default(),
            given: Vec::new(),
        }
    }
}

/// The session that is answering a request, and what decides about it.
struct Answering<'s> {
    session: &'s Session,
    is_target_gone: bool,
    has_consented: bool,
    may_give_nothing: bool,
}

/// A request that a browser is answering, for the pages that lead to it.
pub struct Interaction(Loaded);

impl Interaction {
    pub fn client(&self) -> &Client {
        &self.0.client
    }

    pub fn login_hint(&self) -> Option<&str> {
        self.0.request.login_hint.as_deref()
    }

    pub fn ui_locales(&self) -> Option<&str> {
        self.0.request.ui_locales.as_deref()
    }

    /// Returns the account that the client expects.
    pub fn expected(&self) -> Option<AccountId> {
        expected(&self.0.request).flatten().map(AccountId)
    }

    /// Returns the request as it was read, if it is the one with this id.
    pub(super) fn loaded(&self, id: AuthorizationRequestId) -> Option<&Loaded> {
        (self.0.row.id == id).then_some(&self.0)
    }
}

/// Where the statements run: on the database itself, or in a transaction.
pub(super) enum On<'o, 't> {
    Db(&'o Db),
    Tx(&'o mut Tx<'t>),
}

impl On<'_, '_> {
    pub fn conn(&mut self) -> Conn<'_> {
        match self {
            Self::Db(db) => Conn::from(*db),
            Self::Tx(tx) => Conn::from(&mut **tx),
        }
    }
}

impl Authorization {
    /// Returns what other pages may say about a request of this browser.
    pub async fn interaction(
        &self,
        id: AuthorizationRequestId,
        browser: HandleHash,
    ) -> Result<Option<Interaction>, StoreError> {
        Ok(self.load(id, browser).await?.map(Interaction))
    }

    /// Returns a request of this browser that is still to be answered, if its client and its redirect URI still exist.
    pub(super) async fn load(
        &self,
        id: AuthorizationRequestId,
        browser: HandleHash,
    ) -> Result<Option<Loaded>, StoreError> {
        let (db, now) = (&self.platform.db, self.platform.clock.now());
        let Some(row) = store::find(db, id, browser, now).await? else {
            return Ok(None);
        };
        let Some(client) = clients::may_use(db, &row.client_id).await? else {
            return Ok(None);
        };
        let request = read(&row)?;
        let is_there = is_registered(&client, &request);
        Ok(is_there.then_some(Loaded {
            row,
            request,
            client,
            is_stored: true,
        }))
    }

    /// Returns what a request needs next of the session that is answering it, if any.
    pub(super) async fn next(
        &self,
        mut on: On<'_, '_>,
        loaded: &Loaded,
        session: Option<&Session>,
    ) -> Result<Found, StoreError> {
        let Loaded { request, client, .. } = loaded;
        let Some(session) = session else {
            return Ok(Found::without_account(self.step_of(loaded, None)));
        };
        let asked = self.asked(&mut on, loaded, session.account_id).await?;
        let given = match client.trusted && !request.prompts.contains(Prompt::Consent) {
            true => Vec::new(),
            false => consents::find(on.conn(), session.account_id, &client.client_id).await?,
        };
        let answer = Answering {
            session,
            is_target_gone: asked.is_gone,
            has_consented: is_covered(&asked.audiences, &given),
            may_give_nothing: asked.is_nothing(&request.scopes()),
        };
        Ok(Found {
            step: self.step_of(loaded, Some(&answer)),
            asked,
            given,
        })
    }

    /// Returns what a request needs next if the account can give what is requested and has consented to it, without reading
    /// anything. If that is a code, the transaction that issues it reads the rest.
    pub(super) fn next_at_best(&self, loaded: &Loaded, session: Option<&Session>) -> Step {
        let answer = session.map(|session| Answering {
            session,
            is_target_gone: false,
            has_consented: true,
            may_give_nothing: false,
        });
        self.step_of(loaded, answer.as_ref())
    }

    fn step_of(&self, loaded: &Loaded, answer: Option<&Answering<'_>>) -> Step {
        let Loaded {
            row, request, client, ..
        } = loaded;
        let answers = answer.is_some_and(|answer| row.session_id == Some(answer.session.id));
        let progress = Progress {
            opened_at: row.created_at,
            chosen: answers && row.chosen_at.is_some(),
            consented: answers && row.consented_at.is_some(),
            clicked: answers && row.clicked_at.is_some(),
        };
        let acr = answer.map(|answer| sessions::acr(&answer.session.amr));
        let situation = Situation {
            is_trusted: client.trusted,
            is_sign_up_open: self.platform.settings.signup == Signup::Open,
            is_target_gone: answer.is_some_and(|answer| answer.is_target_gone),
            person: answer.zip(acr.as_ref()).map(|(answer, acr)| Person {
                account: answer.session.account_id.0,
                auth_time: answer.session.auth_time,
                acr: acr.name(),
                has_consented: answer.has_consented,
                may_give_nothing: answer.may_give_nothing,
            }),
            now: self.platform.clock.now(),
        };
        next_step(request, &progress, &situation)
    }

    /// Returns what is asked of an account, as of now.
    pub(super) async fn asked(
        &self,
        on: &mut On<'_, '_>,
        Loaded { request, client, .. }: &Loaded,
        account: AccountId,
    ) -> Result<GrantableAccess, StoreError> {
        let userinfo = self.userinfo();
        let known = match request.audiences.iter().all(|audience| audience.identifier == userinfo) {
            true => Vec::new(),
            false => apis::all(on.conn()).await?,
        };
        let held = match GrantableAccess::depends_on_held(&request.audiences, &known) {
            true => accounts::scopes(on.conn(), account).await?,
            false => Scopes::default(),
        };
        Ok(GrantableAccess::of(
            &request.audiences,
            client,
            &userinfo,
            &known,
            &held,
        ))
    }
}

/// Reads the request of a row.
///
/// # Errors
/// If the row makes no sense.
pub(super) fn read(row: &RequestRow) -> Result<AuthorizationRequest, StoreError> {
    serde_json::from_str(&row.request).map_err(|_| unreadable())
}

/// Writes a request for its row.
///
/// # Errors
/// If it cannot be written.
pub(super) fn written(request: &AuthorizationRequest) -> Result<String, StoreError> {
    serde_json::to_string(request).map_err(|_| unreadable())
}

fn unreadable() -> StoreError {
    StoreError::Inconsistent {
        table: "authorization_requests",
        column: "request",
    }
}

/// Returns whether the redirect URI of a request is still the client's.
pub(super) fn is_registered(client: &Client, request: &AuthorizationRequest) -> bool {
    registered(client, request).is_some()
}

fn registered<'c>(client: &'c Client, request: &AuthorizationRequest) -> Option<&'c RedirectUri> {
    client.metadata.redirect_uri(&request.answer_to.redirect_uri)
}

impl Loaded {
    /// Returns the redirect URI as it is registered.
    pub fn registered(&self) -> Option<&RedirectUri> {
        registered(&self.client, &self.request)
    }
}
