//! The pages, each at its path. They are in no OpenAPI document: no program calls them.

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};

use super::{account, assets, landing, mailed, reply, signin};
use crate::Context;

/// The routes of this feature.
pub fn router(context: &Context) -> Router {
    Router::new()
        .route("/", get(landing::landing))
        .route("/language", post(landing::choose_language))
        .route("/signin", get(signin::sign_in_page).post(signin::sign_in))
        .route("/signin/email", get(mailed::sign_in_page).post(mailed::sign_in))
        .route("/signin/email/ask", post(mailed::ask_to_sign_in))
        .route("/signup", get(signin::sign_up_page).post(signin::sign_up))
        .route("/signout", get(signin::sign_out_page).post(signin::sign_out))
        .route("/verify", get(mailed::verify_page).post(mailed::verify))
        .route("/verify/ask", post(mailed::ask_to_verify))
        .route("/recover", get(mailed::recover_page).post(mailed::ask_to_recover))
        .route("/recover/password", get(mailed::password_page).post(mailed::recover))
        .route(
            "/change-email",
            get(mailed::change_email_page).post(mailed::change_email),
        )
        .route("/account", get(account::account_page))
        .route("/account/password", post(account::change_password))
        .route("/account/email", post(account::change_email))
        .route("/account/sessions", post(account::end_sessions))
        .route("/account/export", post(account::export))
        .route("/account/delete", post(account::delete))
        .route_layer(from_fn_with_state(context.clone(), reply::as_pages))
        .route("/pages/{name}", get(assets::file))
        .with_state(context.clone())
}
