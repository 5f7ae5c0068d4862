//! Client authentication (RFC 6749 §2.3): which client a request comes from.

mod basic;
mod error;
mod presented;

use countersign_oauth::Parameters;
use countersign_store::StoreError;
use http::HeaderMap;

use self::basic::Secret;
pub use self::error::ClientAuthError;
use self::presented::{Credentials, Presented};
use super::Clients;
use crate::core::caller::Caller;
use crate::core::limits::{Key, Policy};
use crate::features::oauth::clients::client::Client;
use crate::features::oauth::clients::secret::SecretHash;
use crate::features::oauth::clients::store;
use crate::features::operations::audit::{Event, EventKind};

/// The most secrets of a client that are compared. As many comparisons are made for a client without any.
const MOST_SECRETS: usize = 2;

impl Clients {
    /// Returns the client that a request comes from: a public client by its `client_id`, a confidential one by its
    /// secret, in the `Authorization` header or in the body. Of these, a request has exactly one. An unknown client
    /// costs as much as a wrong secret. Only failures are limited: secrets have 256 bits, so they cannot be guessed,
    /// and failures must not lock out other clients in the same network.
    ///
    /// # Errors
    /// [`ClientAuthError`].
    pub async fn authenticate(
        &self,
        headers: &HeaderMap,
        body: &Parameters,
        caller: &Caller,
    ) -> Result<Client, ClientAuthError> {
        let presented = Presented::of(headers, body)?;
        let known = match self.identify(&presented).await? {
            Identity::Proven(client) => return Ok(*client),
            Identity::Claimed(known) => known,
        };
        if let Some(network) = caller.request.prefix() {
            let key = Key::of(Policy::ClientAuthPerAddress).address(network);
            let rate = key.rate(&self.platform.settings.limits);
            let spent = self.platform.limits.spend(key, rate).await;
            spent.map_err(ClientAuthError::Limited)?;
        }
        self.record_failure(known.as_deref(), caller).await?;
        Err(ClientAuthError::Refused)
    }

    async fn identify(&self, presented: &Presented) -> Result<Identity, StoreError> {
        // The secrets are read for any request, so that an unknown client takes as long as one that exists.
        let (db, now) = (&self.platform.db, self.platform.clock.now());
        let found = store::find_with_secrets(db, &presented.client_id, now).await?;
        let (client, hashes) = found.map_or_else(Default::default, |(client, hashes)| (Some(client), hashes));
        let has_secret = match &presented.credentials {
            Credentials::None => None,
            Credentials::Secret(spellings) => Some(is_one(spellings, &hashes)),
            Credentials::Unsupported => Some(false),
        };
        let known = client.as_ref().map(|client| client.client_id.clone());
        let is_proven = client.as_ref().is_some_and(|client| match has_secret {
            None => client.is_public(),
            Some(is_right) => is_right && !client.is_public(),
        });
        match client.filter(|client| is_proven && client.disabled_at.is_none()) {
            Some(client) => Ok(Identity::Proven(Box::new(client))),
            None => Ok(Identity::Claimed(known)),
        }
    }

    async fn record_failure(&self, client_id: Option<&str>, caller: &Caller) -> Result<(), StoreError> {
        self.platform
            .db
            .transact(|tx| {
                Box::pin(async move {
                    // The id that an unknown client sends is not recorded.
                    let event = Event::new(EventKind::ClientAuthenticationFailed, None, caller)
                        .refused()
                        .detail(client_id.unwrap_or("unknown client"));
                    self.audit.record(tx, event).await
                })
            })
            .await
    }
}

/// Which client a request comes from.
enum Identity {
    Proven(Box<Client>),
    /// It does not come from the client that it names, which may exist.
    Claimed(Option<String>),
}

/// Returns whether one spelling of a secret has one of the hashes. Takes the same time for any number of hashes.
fn is_one(spellings: &Secret, hashes: &[SecretHash]) -> bool {
    let mut found = false;
    for spelling in spellings {
        let presented = SecretHash::of(spelling);
        for place in 0..MOST_SECRETS {
            // No secret has this hash.
            let hash = hashes.get(place).copied().unwrap_or(SecretHash([0; 32]));
            found |= presented.is(&hash);
        }
    }
    found
}
