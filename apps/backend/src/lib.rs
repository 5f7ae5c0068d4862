//! Countersign: the authentication server that a team owns itself.
//!
//! Accounts in, ES256 tokens out, verified anywhere, revoked at once. This library is the whole server; the binary
//! only reads its command line. An axum application can mount it: build a [`Services`] and merge [`app()`].

mod app;
mod assembly;
pub mod commands;
pub mod core;
mod documented;
pub mod features;
mod installation;
pub mod migrations;
pub mod settings;

pub use app::{app, openapi};
pub use assembly::Services;
pub use core::clock::Clock;
pub use countersign_store::Role;
pub use installation::{Access, Opening, StartError};
pub use settings::Settings;
