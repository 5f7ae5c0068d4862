//! The paths of the pages. They are not in the OpenAPI document, because programs do not call them.

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, get, post};

use super::service::Pages;
use super::single_flight::SingleFlight;
use super::{
    account, again, apps, authorize, device, done, email, files, landing, logout, reply, signin, signout, signup,
};

/// The routes of this feature.
pub fn router(pages: &Pages) -> Router {
    Router::new()
        .route("/", get(landing::landing))
        .route("/language", get(landing::language_page).post(landing::choose_language))
        .route("/language/", get(landing::language_page).post(landing::choose_language))
        .route(
            "/language/{*page}",
            get(landing::language_page).post(landing::choose_language),
        )
        .route("/signin", get(signin::sign_in_page).post(signin::sign_in))
        .route("/signup", get(signup::sign_up_page).post(signup::sign_up))
        .route("/signout", get(signout::sign_out_page).post(signout::sign_out))
        .route("/signin/other", get(signin::other_page))
        .route("/signin/again", get(again::again_page).post(again::by_password))
        .route(
            "/signin/again/email",
            get(|| reply::redirect("/signin/again")).post(again::send_code),
        )
        .route(again::CODE_PAGE, get(again::code_page).post(again::by_code))
        .merge(email::routes())
        .route("/account", get(account::account_page))
        .route("/account/name", of_account(post(account::change_name)))
        .route("/account/password", of_account(post(account::change_password)))
        .route("/account/email", of_account(post(account::change_email)))
        .route("/account/sessions", of_account(post(account::end_sessions)))
        .route("/account/export", of_account(post(account::export)))
        .route("/account/delete", of_account(post(account::delete)))
        .route(apps::PATH, get(apps::apps_page).post(apps::withdraw))
        .merge(of_provider(pages))
        .route("/done/{what}", get(done::done_page))
        .route_layer(from_fn_with_state(
            (pages.clone(), SingleFlight::default()),
            reply::as_pages,
        ))
        .route("/pages/{name}", get(files::file))
        .with_state(pages.clone())
}

/// Returns the route of a form of the account page. Opening its URL redirects to that page.
fn of_account(form: MethodRouter<Pages>) -> MethodRouter<Pages> {
    form.get(|| reply::redirect("/account"))
}

/// Returns the routes for applications and devices, which exist only if the OpenID provider is enabled.
fn of_provider(pages: &Pages) -> Router<Pages> {
    if !pages.platform.settings.provider.enabled {
        return Router::new();
    }
    authorize::routes()
        .route(device::PAGE, get(device::code_page).post(device::enter_code))
        .route("/device/{id}", get(device::decision_page).post(device::decide))
        .route(logout::LOGOUT, get(logout::logout).post(logout::logout_by_form))
        .route(logout::CONFIRM, get(logout::ask_again).post(logout::confirm))
}
