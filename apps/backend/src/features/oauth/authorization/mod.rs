//! The authorization endpoint (RFC 6749 §4.1, OpenID Connect Core §3.1.2): a client's request, what the browser's user answers
//! to it, and the code.
//!
//! A request is a row until it is answered. [`Authorization::begin`] checks and stores it, [`Authorization::step`] says which
//! page it needs, [`Authorization::decide`] takes what the user decides on a page, and [`Authorization::redeem`] exchanges the
//! code. `pages` has the pages, and `token` the endpoint for the code. The tables are `authorization_requests` and
//! `authorization_codes`.

mod access;
mod code;
mod permission;
mod request;
mod service;
mod store;
mod target;

pub use access::{AccessRequest, GrantableAccess, are_given, consent_ids, is_covered, scopes_for};
pub use permission::Permission;
pub use request::{Audience, union};
#[cfg(feature = "testing")]
pub use service::Redeemed;
#[cfg(feature = "testing")]
pub use service::reference;
pub use service::{
    AnswerGoesTo, Authorization, AuthorizationResponse, BeginError, Begun, Carried, ConsentSummary, Decided, Decision,
    Interaction, Next, NextError, RedeemError, Redemption, Visit, void_all,
};
pub use target::{Target, TargetError, TargetOf};
