//! Countersign: a self-hosted authentication server.
//!
//! It manages accounts and sessions and issues ES256 tokens, which services verify offline and which can be revoked at once. This
//! library is the whole server; the binary only parses the command line. An axum application can mount it: build [`Services`],
//! merge [`app()`] and serve both with [`Server`]. Only what this needs is exported; the tests of this repository use the rest
//! through the feature `testing`, which has no stability guarantee.

#![expect(
    clippy::disallowed_macros,
    reason = "core/layers/span.rs has the one thread-local of the program, which the test `architecture` holds; Clippy takes \
              this lint at the crate alone"
)]
#![cfg_attr(
    feature = "testing",
    expect(missing_docs, reason = "what only tests reach is documented where a reader needs it")
)]

mod app;
mod assembly;
mod documented;
mod installation;

#[cfg(not(feature = "testing"))]
mod commands;
#[cfg(not(feature = "testing"))]
mod core;
#[cfg(not(feature = "testing"))]
mod features;
#[cfg(not(feature = "testing"))]
mod migrations;
#[cfg(not(feature = "testing"))]
mod settings;

#[cfg(feature = "testing")]
pub mod commands;
#[cfg(feature = "testing")]
pub mod core;
#[cfg(feature = "testing")]
pub mod features;
#[cfg(feature = "testing")]
pub mod migrations;
#[cfg(feature = "testing")]
pub mod settings;

pub use app::{app, openapi};
pub use assembly::Services;
pub use commands::run;
pub use core::clock::Clock;
pub use core::server::{Server, Shutdown};
pub use countersign_store::Role;
pub use installation::StartError;
pub use settings::{Settings, SettingsError, Sources};
