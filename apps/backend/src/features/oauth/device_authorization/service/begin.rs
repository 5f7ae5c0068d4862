//! The request of a device (RFC 8628 §3.1, §3.2).

use countersign_oauth::{ErrorCode, GrantType, OauthError, Parameters, UserCode};
use countersign_store::StoreError;

use super::stored::written;
use super::{DeviceAuthorization, LIFETIME, hash_of};
use crate::core::caller::Caller;
use crate::core::ids::DeviceRequestId;
use crate::core::limits::{Exceeded, Key, Policy};
use crate::features::oauth::clients::Client;
use crate::features::oauth::device_authorization::secret::DeviceCode;
use crate::features::oauth::device_authorization::store::{self, New};

/// The seconds between two polls at first (RFC 8628 §3.2, `interval`).
const INTERVAL_S: u64 = 5;
const INTERVAL_MS: i64 = 5_000;
/// The maximum number of requests of one client that have not expired, and of all clients.
const PENDING_OF_CLIENT: i64 = 1_000;
const PENDING_IN_ALL: i64 = 10_000;

/// The codes of a new request (RFC 8628 §3.2). No `Debug`.
pub struct Begun {
    pub device_code: DeviceCode,
    pub user_code: UserCode,
    pub expires_in: u64,
    pub interval: u64,
}

/// Why a device gets no codes.
#[derive(Debug, thiserror::Error)]
pub enum BeginError {
    /// The request is not valid, or the client may not make it.
    #[error(transparent)]
    Refused(#[from] OauthError),
    /// Too many requests from this network.
    #[error(transparent)]
    Limited(#[from] Exceeded),
    /// Too many requests have not been decided yet.
    #[error("too many device requests are pending")]
    Full,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl DeviceAuthorization {
    /// Creates the codes for a device. `client` has been authenticated.
    ///
    /// # Errors
    /// [`BeginError`].
    pub async fn begin(&self, client: &Client, asked: &Parameters, caller: &Caller) -> Result<Begun, BeginError> {
        if let Some(network) = caller.request.prefix() {
            let key = Key::of(Policy::DeviceBeginPerAddress).address(network);
            let rate = key.rate(&self.platform.settings.limits);
            self.platform.limits.spend(key, rate).await?;
        }
        if !client.metadata.may_use(GrantType::DeviceCode) {
            let text = "the client is not registered for the grant type urn:ietf:params:oauth:grant-type:device_code";
            return Err(OauthError::new(ErrorCode::UnauthorizedClient, text).into());
        }
        let wanted = self.wanted(client, asked).await?;
        let (db, now) = (&self.platform.db, self.platform.clock.now());
        if store::count_of(db, &client.client_id, now, PENDING_OF_CLIENT).await? >= PENDING_OF_CLIENT
            || store::count(db, now, PENDING_IN_ALL).await? >= PENDING_IN_ALL
        {
            return Err(BeginError::Full);
        }
        let device_code = DeviceCode::generate(self.platform.random);
        let user_code = UserCode::from_random(u64::from_le_bytes(self.platform.random.bytes()));
        let request = &caller.request;
        let new = New {
            id: DeviceRequestId::new(now, self.platform.random),
            hash: device_code.hash(),
            user_code_hash: hash_of(&user_code),
            client_id: &client.client_id,
            audiences: written(&wanted)?,
            user_agent: request.user_agent.clone(),
            address: request.address.map(|address| address.to_string()),
            wait_ms: INTERVAL_MS,
            now,
            expires_at: now + LIFETIME,
        };
        store::insert(db, new).await?;
        Ok(Begun {
            device_code,
            user_code,
            expires_in: LIFETIME.as_secs(),
            interval: INTERVAL_S,
        })
    }
}
