//! Signing in to applications: the authorization endpoint for browsers, the pages of a request, and what takes its answer to
//! the client. The rules are those of `authorization`.
//!
//! `endpoint` is `/oauth2/authorize`, `interaction` is `/authorize/{id}`, and `answer` redirects to the client or sends it a
//! form.

mod answer;
mod endpoint;
mod interaction;

use axum::Router;
use axum::routing::get;

use super::service::Pages;

/// The routes of signing in to applications.
pub(super) fn routes() -> Router<Pages> {
    Router::new()
        .route("/oauth2/authorize", get(endpoint::begin).post(endpoint::begin_by_post))
        .route("/authorize/{id}", get(interaction::show).post(interaction::decide))
}
