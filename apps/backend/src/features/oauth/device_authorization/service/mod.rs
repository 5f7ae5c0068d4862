//! The rules of device requests.

mod begin;
mod claim;
mod decide;
mod redeem;
mod stored;
mod wanted;

use std::time::Duration;

use countersign_oauth::UserCode;
use countersign_store::{Db, StoreError};

pub(super) use begin::{BeginError, Begun};
pub use claim::{Browser, ClaimError, Entered};
pub use decide::{Claimed, DecideError, Decision, DeviceRequest, Outcome};

use super::store;
use crate::core::cleanup;
use crate::core::platform::Platform;
use crate::core::secret::sha256;
use crate::features::oauth::clients::Clients;
use crate::features::operations::audit::Audit;
use crate::features::sign_in::revocation::Revocations;
use crate::features::sign_in::sessions::Sessions;

/// How long a device and its user have (RFC 8628 §3.2, `expires_in`).
const LIFETIME: Duration = Duration::from_secs(10 * 60);
/// How long an expired request is kept, so that its device gets `expired_token`.
const KEPT: Duration = Duration::from_secs(60 * 60);
/// How often expired requests are removed.
const SWEEP_EVERY: Duration = Duration::from_secs(60);
/// The values of `decision`.
const ALLOWED: &str = "allowed";
const CANCELED: &str = "canceled";

/// Access for devices without a browser. Cloning is cheap.
#[derive(Clone)]
pub struct DeviceAuthorization {
    pub(crate) platform: Platform,
    pub(crate) audit: Audit,
    pub(crate) revocations: Revocations,
    pub(crate) sessions: Sessions,
    pub(crate) clients: Clients,
}

/// Why a device gets no tokens (RFC 8628 §3.5).
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// The code is unknown, was issued to another client, or was already redeemed.
    #[error("the device code does not belong to this client")]
    InvalidGrant,
    /// The user has not decided yet.
    #[error("the user has not decided yet")]
    Pending,
    /// The device polls too fast, and must wait five seconds longer between polls from now on.
    #[error("the device polls too fast")]
    SlowDown,
    /// The user canceled the request, can give nothing of what it asks for, or may no longer sign in.
    #[error("the user denied the request")]
    Denied,
    /// The code has expired.
    #[error("the device code has expired")]
    Expired,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl DeviceAuthorization {
    /// Removes expired requests until the process ends. Nothing depends on it.
    pub async fn sweep_forever(self) {
        loop {
            tokio::time::sleep(SWEEP_EVERY).await;
            if let Err(error) = self.sweep_once().await {
                tracing::warn!(%error, "failed to remove expired device codes; will retry");
            }
        }
    }

    /// Removes expired requests.
    ///
    /// # Errors
    /// If the database failed.
    pub async fn sweep_once(&self) -> Result<(), StoreError> {
        let before = self.platform.clock.now() - KEPT;
        cleanup::in_batches(|limit| store::remove_ended(&self.platform.db, before, limit)).await
    }
}

/// Voids all requests, for use after restoring a backup or after a compromise.
///
/// # Errors
/// If the database failed.
pub async fn void_all(db: &Db) -> Result<(), StoreError> {
    store::void_all(db).await
}

/// Returns the hash by which a user code is found.
fn hash_of(code: &UserCode) -> [u8; 32] {
    sha256(code.as_str().as_bytes())
}
