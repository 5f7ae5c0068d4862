//! The pages, each at its path. They are in no OpenAPI document: no program calls them.

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, get, post};

use super::service::Pages;
use super::under_way::UnderWay;
use super::{account, done, files, landing, mailed, reply, signin};

/// The routes of this feature.
pub fn router(pages: &Pages) -> Router {
    Router::new()
        .route("/", get(landing::landing))
        .route("/language", get(|| reply::leads("/")).post(landing::choose_language))
        .route("/signin", get(signin::sign_in_page).post(signin::sign_in))
        .route("/signin/email", get(mailed::sign_in_page).post(mailed::sign_in))
        .route(
            "/signin/email/ask",
            get(|| reply::leads("/signin/email")).post(mailed::ask_to_sign_in),
        )
        .route("/signin/email/code", get(mailed::code_page))
        .route("/signup", get(signin::sign_up_page).post(signin::sign_up))
        .route("/signout", get(signin::sign_out_page).post(signin::sign_out))
        .route("/verify", get(mailed::verify_page).post(mailed::verify))
        .route(
            "/verify/ask",
            get(|| reply::leads("/verify")).post(mailed::ask_to_verify),
        )
        .route("/verify/code", get(mailed::code_page))
        .route("/recover", get(mailed::recover_page).post(mailed::ask_to_recover))
        .route("/recover/code", get(mailed::code_page))
        .route("/recover/password", get(mailed::password_page).post(mailed::recover))
        .route(
            "/change-email",
            get(mailed::change_email_page).post(mailed::change_email),
        )
        .route("/change-email/code", get(mailed::code_page))
        .route("/account", get(account::account_page))
        .route("/account/password", of_account(post(account::change_password)))
        .route("/account/email", of_account(post(account::change_email)))
        .route("/account/sessions", of_account(post(account::end_sessions)))
        .route("/account/export", of_account(post(account::export)))
        .route("/account/delete", of_account(post(account::delete)))
        .route("/done/{what}", get(done::done_page))
        .route_layer(from_fn_with_state(
            (pages.clone(), UnderWay::default()),
            reply::as_pages,
        ))
        .route("/pages/{name}", get(files::file))
        .with_state(pages.clone())
}

/// A form of the account's page, which is what its address shows.
fn of_account(form: MethodRouter<Pages>) -> MethodRouter<Pages> {
    form.get(|| reply::leads("/account"))
}
