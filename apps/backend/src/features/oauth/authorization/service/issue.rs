//! Issuing a code, in one transaction that checks everything again.

use std::time::Duration;

use countersign_store::{StoreError, Tx};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Authorization;
use super::loaded::{Found, Loaded, On, is_registered, read};
use super::next_step::Step;
use super::response::AuthorizationResponse;
use super::visit::Visit;
use crate::core::ids::SessionId;
use crate::core::versions::SessionEpoch;
use crate::features::oauth::authorization::access::consent_ids;
use crate::features::oauth::authorization::code::{AuthorizationCode, CodeHash};
use crate::features::oauth::authorization::request::{Audience, OFFLINE_ACCESS};
use crate::features::oauth::authorization::store;
use crate::features::oauth::authorization::store::codes::{self, CodeRow};
use crate::features::oauth::clients;
use crate::features::sign_in::sessions;

/// The lifetime of a code, which the client exchanges at once (RFC 9700 §2.1.1).
const LIFETIME: Duration = Duration::from_secs(60);

/// What became of issuing a code.
pub(super) enum Issued {
    Code(AuthorizationResponse),
    /// Nothing was issued, because the request needs this first.
    Instead(Box<Found>),
    /// The request was answered before, has expired, or its client is gone.
    Gone,
}

/// What the grant of a code will be for, as JSON.
#[derive(Serialize, Deserialize)]
pub(super) struct GrantParameters {
    /// The session epoch of the account: ending all sessions, as a change of the password does, ends the code too.
    pub epoch: SessionEpoch,
    /// The epoch of the client: disabling it ends the code too.
    pub client_epoch: Uuid,
    /// The ids of the user's consents, all of which must still be given. A trusted client has none.
    pub consents: Vec<Uuid>,
    pub audiences: Vec<Audience>,
    pub nonce: Option<String>,
    pub claims: Option<countersign_oauth::ClaimsRequest>,
    /// Whether it ends with the browser's session.
    pub bound: bool,
    /// The browser that it was given in.
    pub address: Option<std::net::IpAddr>,
    pub user_agent: Option<String>,
    pub language: String,
}

/// Why the transaction was rolled back.
enum Undone {
    Instead(Box<Found>),
    Store(StoreError),
}

impl From<StoreError> for Undone {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Authorization {
    /// Answers a request with a code.
    ///
    /// # Errors
    /// If the database failed.
    pub(super) async fn issue(&self, loaded: &Loaded, visit: &Visit<'_>) -> Result<Issued, StoreError> {
        let Some(session) = visit.session().map(|session| session.id) else {
            return Ok(Issued::Instead(self.signed_out(loaded)));
        };
        let code = AuthorizationCode::generate(self.platform.random);
        fail::fail_point!("authorization::issue");
        let hash = code.hash();
        let written = self
            .platform
            .db
            .transact(|tx| Box::pin(async move { self.write(tx, loaded, session, hash, visit).await }))
            .await;
        match written {
            Ok(true) => {
                let to = loaded.request.answer_to.clone();
                Ok(Issued::Code(AuthorizationResponse::code(
                    to,
                    code.reveal(),
                    self.issuer(),
                )))
            }
            Ok(false) => Ok(Issued::Gone),
            Err(Undone::Instead(found)) => Ok(Issued::Instead(found)),
            Err(Undone::Store(error)) => Err(error),
        }
    }

    /// What a request needs if its session has ended.
    fn signed_out(&self, loaded: &Loaded) -> Box<Found> {
        Box::new(Found::without_account(self.next_at_best(loaded, None)))
    }

    /// Spends the request and stores the code, if everything still holds.
    async fn write(
        &self,
        tx: &mut Tx<'_>,
        loaded: &Loaded,
        session: SessionId,
        hash: CodeHash,
        visit: &Visit<'_>,
    ) -> Result<bool, Undone> {
        let now = self.platform.clock.now();
        let row = match loaded.is_stored {
            true => store::spend(tx, loaded.row.id, session, now).await?,
            false => Some(loaded.row.clone()),
        };
        let Some(row) = row else { return Ok(false) };
        // A transaction that ends the session or disables the account commits before this one, or waits for it.
        let Some(session) = sessions::lock_active(tx, session, now).await? else {
            return Err(Undone::Instead(self.signed_out(loaded)));
        };
        let request = read(&row)?;
        let Some(client) = clients::may_use(&mut *tx, &row.client_id).await? else {
            return Ok(false);
        };
        if !is_registered(&client, &request) {
            return Ok(false);
        }
        let loaded = Loaded {
            row,
            request,
            client,
            is_stored: loaded.is_stored,
        };
        let found = self.next(On::Tx(tx), &loaded, Some(&session)).await?;
        if found.step != Step::Issue {
            return Err(Undone::Instead(Box::new(found)));
        }
        let Found { asked, given, .. } = found;
        let Loaded { request, client, .. } = loaded;
        let consents = match client.trusted {
            true => Vec::new(),
            false => consent_ids(&given),
        };
        let from = &visit.caller.request;
        let grant = GrantParameters {
            epoch: session.epoch,
            client_epoch: client.epoch,
            consents,
            bound: !request.scopes().contains(OFFLINE_ACCESS),
            audiences: asked.audiences,
            nonce: request.nonce,
            claims: request.claims,
            address: from.address,
            user_agent: from.user_agent.clone(),
            language: from.language.tag().to_owned(),
        };
        let code = CodeRow {
            client_id: client.client_id,
            account_id: session.account_id,
            parent_id: session.id,
            redirect_uri: request.answer_to.redirect_uri,
            challenge: request.challenge.map(|challenge| challenge.to_string()),
            grant_of: serde_json::to_string(&grant).map_err(|_| codes::inconsistent("grant_of"))?,
            auth_time: session.auth_time,
            amr: session.amr,
            created_at: now,
            expires_at: now + LIFETIME,
            spent_at: None,
            session_id: None,
        };
        codes::insert(tx, hash, &code).await?;
        Ok(true)
    }
}
