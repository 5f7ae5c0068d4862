//! Protects the routes of any tower or axum service with access tokens of Countersign.
//!
//! ```no_run
//! # #[cfg(all(feature = "axum", feature = "http"))]
//! # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
//! use axum::{Router, routing::{get, post}};
//! use countersign_guard::{CurrentUser, Guard, RequireScope};
//!
//! async fn list(user: CurrentUser) -> String {
//!     format!("the products of {}", user.id)
//! }
//!
//! async fn add(_user: CurrentUser) {}
//!
//! let guard = Guard::discover("https://auth.example.com").audience("https://api.example.com").build().await?;
//! let app: Router = Router::new()
//!     .route("/products", post(add).route_layer(RequireScope::new("products:write")))
//!     .route("/products", get(list))
//!     .layer(guard.layer());
//! # drop(app); Ok(())
//! # }
//! ```
//!
//! A token is verified here, without a call to the issuer: its signature (ES256, RFC 9068) with the issuer's published
//! keys, and whether it was taken back with the issuer's status lists (draft-ietf-oauth-status-list), which are followed
//! by long-poll. Both are kept when the issuer is down; [`WhenStale`] says for how long. Refusals are in the words of
//! RFC 6750.
//!
//! Without axum, ask the guard yourself:
//!
//! ```no_run
//! # #[cfg(feature = "http")]
//! # async fn handle(guard: &countersign_guard::Guard, headers: &http::HeaderMap) -> Result<(), countersign_guard::Denied> {
//! use countersign_guard::bearer_token;
//!
//! let token = bearer_token(headers).map_err(|reason| guard.denied(reason))?;
//! let user = guard.verify(token).await?.require_user()?; // `Denied` knows status, challenge and code
//! println!("{} may {}", user.id, user.scopes);
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//! `axum` ([`CurrentUser`] and the layers) and `http` ([`Guard::discover`]) are on by default. Without them there is the
//! check alone, for an [`Authority`] of your own: Countersign protects its own routes with it, out of its own memory.
//! `cache` is [`Guard::with_cache`] for such an authority; `http` brings it. This crate must never see a database.

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
mod verified;

pub use authority::{Authority, FixedKeys, KeyLookup, StatusFault, TokenStatus};
#[cfg(feature = "axum")]
pub use axum::{CurrentUser, GuardLayer, OptionalUser, RequireScope};
pub use bearer::bearer_token;
pub use denied::{Denied, Reason};
pub use guard::Guard;
#[cfg(feature = "http")]
pub use remote::{BuildError, GuardBuilder, WhenStale};
pub use scopes::{Scopes, UnknownScopeCharacter};
pub use verified::{VerifiedToken, VerifiedUser};

pub use countersign_jose::{AccessTokenClaims, StatusListClaims, StatusReference, Subject};
