//! The messages of OAuth 2.1 and OpenID Connect: parsing and checking them. No I/O, no clock, no async.
//!
//! Everything that a client or a browser sends to the provider is parsed here into types that are always valid. What is
//! allowed for a particular client or installation is decided by the server.

mod api;
mod claims_request;
mod client_metadata;
mod discovery;
mod error;
mod metadata_error;
mod parameters;
mod pkce;
mod prompt;
mod redirect_uri;
mod request_object;
mod resource;
mod response_mode;
mod scope;
mod seconds;
mod standard_claims;
mod text;
mod uri;
mod user_code;
mod values;

pub use api::{ApiMetadata, ApiMetadataError, ApiScope, ClientAccess, ScopeGrant};
pub use claims_request::{ClaimRequest, ClaimsRequest, InvalidClaimsRequest};
pub use client_metadata::{ClientMetadata, LocalizedNames, Policy};
pub use discovery::Discovery;
pub use error::{ErrorCode, OauthError};
pub use metadata_error::MetadataError;
pub use parameters::{Doubled, MAX_PARAMETERS_LENGTH, Parameters, ParametersError};
pub use pkce::{CodeChallenge, InvalidCodeChallenge};
pub use prompt::{InvalidPrompt, Prompt, Prompts};
pub use redirect_uri::{InvalidRedirectUri, Kind, RedirectUri};
pub use request_object::response_mode_of_unsigned;
pub use resource::{InvalidResource, ResourceIndicator};
pub use response_mode::{InvalidResponseMode, ResponseMode};
pub use scope::{MAX_SCOPES, OPENID_SCOPES, is_scope};
pub use seconds::Seconds;
pub use standard_claims::{InvalidClaim, STANDARD_CLAIMS, StandardClaims};
pub use user_code::{InvalidUserCode, UserCode};
pub use values::{AuthMethod, GrantType, IdTokenClaimsMode};

pub use countersign_jose::SigningAlg;
