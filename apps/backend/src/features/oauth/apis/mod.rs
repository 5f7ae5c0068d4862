//! APIs (resource servers, RFC 6749 §1.1) that clients may request access to, and their scopes. They are registered on
//! the command line or in `[[apis]]` of the settings file, at most 200. A client asks for one by its identifier (RFC
//! 8707), which is the only audience of the access token. Its table is `apis`.

mod api;
mod service;
mod store;

pub use api::{Api, Origin};
pub use service::{ApiError, Apis, Applied, Comparison, Difference, differences, validate};
pub use store::{all, find, resolve};
