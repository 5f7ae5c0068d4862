// The README's examples need both features.
#![cfg_attr(all(feature = "axum", feature = "http"), doc = include_str!("../README.md"))]
#![cfg_attr(
    not(all(feature = "axum", feature = "http")),
    doc = "Verifies the access tokens of Countersign; the README shows how, with all features."
)]

mod authority;
#[cfg(feature = "axum")]
mod axum;
mod bearer;
#[cfg(feature = "cache")]
mod cache;
mod denied;
mod guard;
#[cfg(feature = "http")]
mod remote;
mod scopes;
mod shown;
mod verified;
mod wrong_audience;

pub use authority::{Authority, FixedKeys, KeyLookup, StatusFault, TokenStatus};
#[cfg(feature = "axum")]
pub use axum::{CurrentUser, GuardLayer, OptionalUser, RequireScope};
pub use bearer::bearer_token;
pub use denied::{Denied, Reason};
pub use guard::Guard;
#[cfg(feature = "http")]
pub use remote::{BuildError, GuardBuilder, WhenStale};
pub use scopes::{Scopes, UnknownScopeCharacter};
pub use verified::{Caller, VerifiedClient, VerifiedToken, VerifiedUser};

// Types in the signatures of this crate.
pub use countersign_jose::{AccessTokenClaims, JwkError, JwkSet, StatusReference, Subject, TokenError, VerifyingKey};
