//! A client as it is registered.

use countersign_guard::Scopes;
use countersign_oauth::{ClientAccess, ClientMetadata};
use uuid::Uuid;

use crate::core::clock::Timestamp;
use crate::core::language::Language;
use crate::features::oauth::apis::{Api, Origin};
use crate::features::sign_in::revocation::Bit;

/// A client (RFC 6749 §2).
#[derive(Clone, Debug)]
pub struct Client {
    pub client_id: String,
    pub origin: Origin,
    /// The name that users see; the `client_id` where it has none. [`name_in`](Self::name_in) has the name in a language.
    pub name: String,
    /// Whether users are not asked for their consent.
    pub trusted: bool,
    pub metadata: ClientMetadata,
    /// Replaced whenever the client is disabled or its grants are revoked. A code that was issued in another epoch is void.
    pub epoch: Uuid,
    pub created_at: Timestamp,
    /// Of its metadata.
    pub updated_at: Timestamp,
    /// When it was disabled. A disabled client can do nothing.
    pub disabled_at: Option<Timestamp>,
    /// The bit of the tokens that it has got for itself.
    pub(super) machine_bit: Option<Bit>,
}

impl Client {
    /// Returns whether the client cannot keep a secret, so that it does not authenticate itself (RFC 6749 §2.1).
    pub fn is_public(&self) -> bool {
        self.metadata.is_public()
    }

    /// Returns whether the client may request access to an API.
    pub fn may_use_api(&self, api: &Api) -> bool {
        api.clients == ClientAccess::Any || self.metadata.apis.iter().any(|named| api.is_named(named))
    }

    /// Returns those of some scopes that the client may ask for: all, unless its metadata restrict them.
    pub fn allowed(&self, scopes: &Scopes) -> Scopes {
        let Some(most) = &self.metadata.scope else {
            return scopes.clone();
        };
        let is_allowed = |scope: &&str| most.split(' ').any(|one| one == *scope);
        scopes.iter().filter(is_allowed).map(str::to_owned).collect()
    }

    /// Returns the client's name in a language.
    pub fn name_in(&self, language: Language) -> &str {
        self.metadata.name_in(language.tag()).unwrap_or(&self.client_id)
    }
}
