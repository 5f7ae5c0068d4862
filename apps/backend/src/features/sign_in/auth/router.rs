//! Signing up, in and out, changing the password, exporting and deleting the account.

mod account;
mod problems;
mod sign_in;
mod sign_out;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::service::Auth;

/// The routes of this feature.
pub fn router() -> OpenApiRouter<Auth> {
    OpenApiRouter::new()
        .routes(routes!(account::register))
        .routes(routes!(sign_in::login))
        .routes(routes!(sign_in::ask_to_sign_in))
        .routes(routes!(sign_in::login_by_email))
        .routes(routes!(sign_out::logout))
        .routes(routes!(sign_out::logout_all))
        .routes(routes!(account::change_password))
        .routes(routes!(account::export))
        .routes(routes!(account::delete))
}
