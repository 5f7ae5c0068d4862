//! `/openapi.json`, `/docs` and `/errors`.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, StatusCode};
use utoipa_swagger_ui::Config;

use super::errors_page::errors_page;
use crate::core::problem::{Code, Problem};

/// Swagger UI styles its elements by `style` attributes and shows icons from `data:` URLs; scripts and requests
/// stay on this origin.
const SWAGGER_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// An hour is short enough for what changes with a release.
const CACHED: (HeaderName, HeaderValue) = (CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));

/// The routes of this feature: the list of codes always, the rest where `docs.enabled` is.
pub fn router(openapi: utoipa::openapi::OpenApi, enabled: bool) -> Router {
    let page = errors_page();
    let errors = Router::new().route("/errors", get(move || async move { ([CACHED], Html(page)) }));
    if !enabled {
        return errors;
    }
    // It is built from the code and always serialises.
    let document: Arc<str> = openapi.to_json().unwrap_or_default().into();
    let config = Config::new(["/openapi.json"])
        .use_base_layout()
        .persist_authorization(false);
    let docs = Router::new()
        .route(
            "/openapi.json",
            get(move || async move { ([CACHED, json()], document.to_string()) }),
        )
        .route("/docs", get(|| async { Redirect::permanent("/docs/") }))
        .route("/docs/", get(index))
        .route("/docs/{*file}", get(file))
        .with_state(Arc::new(config));
    errors.merge(docs)
}

fn json() -> (HeaderName, HeaderValue) {
    (CONTENT_TYPE, HeaderValue::from_static("application/json"))
}

async fn index(state: State<Arc<Config<'static>>>) -> Response {
    file(state, Path("index.html".to_owned())).await
}

async fn file(State(config): State<Arc<Config<'static>>>, Path(name): Path<String>) -> Response {
    match utoipa_swagger_ui::serve(&name, config) {
        Ok(Some(file)) => {
            let policy = (CONTENT_SECURITY_POLICY, HeaderValue::from_static(SWAGGER_POLICY));
            let Ok(kind) = HeaderValue::try_from(file.content_type) else {
                return StatusCode::INTERNAL_SERVER_ERROR.into_response();
            };
            ([policy, CACHED, (CONTENT_TYPE, kind)], file.bytes.into_owned()).into_response()
        }
        Ok(None) => Problem::new(Code::NotFound).into_response(),
        Err(error) => Problem::internal(error).into_response(),
    }
}
