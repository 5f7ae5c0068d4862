//! Protects the routes of any tower or axum service with access tokens of Countersign.
//!
//! A [`Guard`] verifies a bearer token (RFC 9068) against the keys of an [`Authority`] and asks it whether the
//! session behind the token still lives. The extractors [`CurrentUser`] and [`OptionalUser`] and the layer
//! [`RequireScope`] (feature `axum`) answer in the words of RFC 6750 when it does not.
//!
//! Countersign protects its own routes with this very crate; it must never see a database.

mod authority;
#[cfg(feature = "axum")]
mod axum;
mod bearer;
mod denied;
mod guard;
mod scopes;

pub use authority::{Authority, FixedKeys, Standing};
#[cfg(feature = "axum")]
pub use axum::{CurrentUser, GuardLayer, OptionalUser, RequireScope};
pub use bearer::bearer_token;
pub use denied::{Denied, Reason};
pub use guard::{Guard, VerifiedUser};
pub use scopes::{Scopes, UnknownScopeCharacter};

pub use countersign_jose::{AccessTokenClaims, StatusListClaims, StatusReference};
