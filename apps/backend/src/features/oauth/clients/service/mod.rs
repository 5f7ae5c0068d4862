//! The use cases, one per file.

mod apply;
mod authenticate;
mod codes;
mod error;
mod machine;
mod register;
mod rotate;
mod scope;

use countersign_oauth::{ClientMetadata, GrantType, Policy, SigningAlg};
use countersign_store::{Conn, StoreError};

pub use self::apply::differences;
pub use self::authenticate::ClientAuthError;
pub use self::error::ClientError;
pub use self::register::{Made, NewClient};
use super::client::Client;
use super::store;
use crate::core::platform::Platform;
use crate::features::operations::audit::Audit;
use crate::features::operations::keys::Keys;
use crate::features::sign_in::revocation::Revocations;

/// The clients of this server. Cloning is cheap.
#[derive(Clone)]
pub struct Clients {
    pub(crate) platform: Platform,
    pub(crate) audit: Audit,
    pub(crate) keys: Keys,
    pub(crate) revocations: Revocations,
}

/// Returns the client if it exists and is enabled. Every endpoint asks this before the client gets anything.
///
/// # Errors
/// If the database failed.
pub async fn may_use<'c>(conn: impl Into<Conn<'c>>, client_id: &str) -> Result<Option<Client>, StoreError> {
    let client = store::find(conn, client_id).await?;
    Ok(client.filter(|client| client.disabled_at.is_none()))
}

impl Clients {
    /// Returns what client metadata may contain in this installation.
    pub fn policy(&self) -> Policy<'_> {
        Policy {
            native_schemes: &self.platform.settings.provider.native_schemes,
        }
    }

    /// Makes the RSA key with which tokens for a client are signed, if it is the first that needs one.
    async fn ensure_key(&self, metadata: &ClientMetadata) -> Result<(), ClientError> {
        let algorithms = [
            Some(metadata.id_token_signed_response_alg),
            metadata.userinfo_signed_response_alg,
        ];
        let signs_in = [GrantType::AuthorizationCode, GrantType::DeviceCode];
        let gets_id_tokens = signs_in.into_iter().any(|grant| metadata.may_use(grant));
        if gets_id_tokens && algorithms.contains(&Some(SigningAlg::Rs256)) {
            self.keys.ensure_rsa().await?;
        }
        Ok(())
    }
}
