//! The beginning of a request: its checks, and its row.

use std::time::Duration;

use countersign_oauth::{ErrorCode, OauthError, Parameters};
use countersign_store::StoreError;

use super::Authorization;
use super::checks::{self, Draft, Facts, Refused, error, invalid};
use super::issue::Issued;
use super::loaded::{Loaded, On, written};
use super::next_step::Step;
use super::response::AuthorizationResponse;
use super::visit::Visit;
use crate::core::ids::AuthorizationRequestId;
use crate::core::limits::{Exceeded, Key, Policy};
use crate::core::metrics::AuthorizeOutcome;
use crate::features::oauth::apis;
use crate::features::oauth::authorization::request::AuthorizationRequest;
use crate::features::oauth::authorization::store::{self, RequestRow};
use crate::features::oauth::clients::{self, Client};

/// How long a user may take.
const LIFETIME: Duration = Duration::from_secs(30 * 60);

/// What became of a request.
pub enum Begun {
    /// It is refused with a page, because its redirect URI is not known to be the client's.
    Page(OauthError),
    /// The client is answered at once.
    Answer(AuthorizationResponse),
    /// The user is asked.
    Interaction(AuthorizationRequestId),
}

/// Why a request was not checked.
#[derive(Debug, thiserror::Error)]
pub enum BeginError {
    /// Too many requests from this network.
    #[error("too many authorization requests")]
    Limited(#[from] Exceeded),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Authorization {
    /// Checks a request, whose parameters are in `query`, and answers it or stores it for this browser.
    ///
    /// # Errors
    /// [`BeginError`].
    pub async fn begin(&self, query: &str, visit: &Visit<'_>) -> Result<Begun, BeginError> {
        let begun = self.begin_within_limits(query, visit).await;
        let outcome = match &begun {
            Ok(Begun::Page(_)) => AuthorizeOutcome::Page,
            Ok(Begun::Answer(answer)) if answer.is_error() => AuthorizeOutcome::Refused,
            Ok(Begun::Answer(_)) => AuthorizeOutcome::Silent,
            Ok(Begun::Interaction(_)) => AuthorizeOutcome::Begun,
            Err(BeginError::Limited(_)) => AuthorizeOutcome::Limited,
            Err(BeginError::Store(_)) => AuthorizeOutcome::Failed,
        };
        self.platform.metrics.authorize(outcome);
        begun
    }

    async fn begin_within_limits(&self, query: &str, visit: &Visit<'_>) -> Result<Begun, BeginError> {
        if let Some(prefix) = visit.caller.request.prefix() {
            let key = Key::of(Policy::AuthorizePerAddress).address(prefix);
            self.platform
                .limits
                .spend(key, key.rate(&self.platform.settings.limits))
                .await?;
        }
        let parameters = match checks::parse(query) {
            Ok(parameters) => parameters,
            Err(error) => return Ok(Begun::Page(error)),
        };
        let client = match parameters.one("client_id") {
            Ok(Some(client_id)) => clients::may_use(&self.platform.db, client_id).await?,
            _ => None,
        };
        match (self.check(&parameters, client.as_ref()).await?, client) {
            (Ok(request), Some(client)) => Ok(self.accept(request, client, visit).await?),
            (Err(Refused::Client(to, error)), _) => {
                let answer = AuthorizationResponse::error(to, &error, self.issuer());
                Ok(Begun::Answer(answer))
            }
            (Err(Refused::Page(error)), _) => Ok(Begun::Page(error)),
            (Ok(_), None) => Ok(Begun::Page(invalid("no enabled client has this client_id"))),
        }
    }

    async fn check(
        &self,
        parameters: &Parameters,
        client: Option<&Client>,
    ) -> Result<Result<AuthorizationRequest, Refused>, StoreError> {
        let apis = match client {
            Some(_) => apis::all(&self.platform.db).await?,
            None => Vec::new(),
        };
        let hint = match (client, parameters.one("id_token_hint")) {
            (Some(_), Ok(Some(hint))) => self.keys.verify_id_token_hint(hint),
            _ => None,
        };
        let userinfo = self.userinfo();
        let facts = Facts {
            userinfo: &userinfo,
            client,
            apis: &apis,
            hint: hint.as_ref(),
        };
        Ok(checks::check(Draft::new(parameters, facts)))
    }

    /// Answers a request at once if nothing is to be asked or no page may be shown. Otherwise, stores it for this browser.
    async fn accept(
        &self,
        request: AuthorizationRequest,
        client: Client,
        visit: &Visit<'_>,
    ) -> Result<Begun, StoreError> {
        let now = self.platform.clock.now();
        let row = RequestRow {
            id: AuthorizationRequestId::new(now, self.platform.random),
            client_id: client.client_id.clone(),
            request: written(&request)?,
            session_id: visit.signed_in.map(|who| who.session.id),
            chosen_at: None,
            consented_at: None,
            clicked_at: None,
            created_at: now,
            expires_at: now + LIFETIME,
        };
        let silently = request.prompts.is_none();
        let loaded = Loaded {
            row,
            request,
            client,
            is_stored: false,
        };
        let step = match self.next_at_best(&loaded, visit.session()) {
            // Nothing comes back to the request, so it is not stored.
            Step::Issue => match self.issue(&loaded, visit).await? {
                Issued::Code(answer) => return Ok(Begun::Answer(answer)),
                Issued::Instead(found) => found.step,
                // As of now, the redirect URI is not registered, so it must not be redirected to (RFC 6749 §4.1.2.1).
                Issued::Gone => return Ok(Begun::Page(invalid("the client or its redirect URI was removed"))),
            },
            _ if silently => {
                self.next(On::Db(&self.platform.db), &loaded, visit.session())
                    .await?
                    .step
            }
            step => step,
        };
        if !silently {
            store::insert(&self.platform.db, &loaded.row, visit.browser).await?;
            return Ok(Begun::Interaction(loaded.row.id));
        }
        let error = match step {
            Step::Refuse(error) => error,
            _ => error(ErrorCode::InteractionRequired, "a page must be shown to the user"),
        };
        let to = loaded.request.answer_to.clone();
        Ok(Begun::Answer(AuthorizationResponse::error(to, &error, self.issuer())))
    }
}
