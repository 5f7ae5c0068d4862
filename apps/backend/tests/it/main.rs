//! The tests of the whole server through its public interface: one module per feature.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and may ask its environment, wait and tell figures"
)]

mod accounts;
mod application_inputs;
mod architecture;
mod attacks;
mod audit;
mod auth;
mod authorization;
mod backchannel_logout;
mod browser_sessions;
mod claims;
mod clients;
mod crash;
mod dev;
mod devices;
mod discovery;
mod doctor;
mod documents;
mod early_refusals;
mod empty_folder;
mod every_endpoint;
mod faults;
mod forward;
mod grants;
mod health;
mod held;
mod http_face;
mod keys;
mod limits;
mod lines;
mod lockout;
mod mail;
mod names;
mod nodes;
mod oauth_token;
mod operators;
mod pages;
mod passwords;
#[path = "../../src/core/server/tests/probes.rs"]
mod probes;
mod profile;
mod raw;
mod refresh;
mod request_log;
mod revocation;
mod rotation;
mod rsa_keys;
mod sealing;
mod secrecy;
mod secrets;
mod sessions;
mod shutdown;
mod sql;
mod stalled;
mod starting;
mod storm;
mod supply;
mod sweeping;
mod tokens;
mod traces;
mod transfer;
mod untouched;
mod userinfo;
mod web_applications;
