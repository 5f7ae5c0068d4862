//! `/openapi.json`, `/docs` and `/errors`.

use std::io::Read;
use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use flate2::bufread::GzDecoder;
use http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, VARY};
use http::{HeaderMap, HeaderName, HeaderValue};
use utoipa_swagger_ui::{Config, SwaggerFile};

use super::errors_page::errors_page;
use crate::core::problem::{Code, Problem};

/// Swagger UI styles its elements by `style` attributes and shows icons from `data:` URLs; scripts and requests
/// stay on this origin.
const SWAGGER_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// An hour is short enough for what changes with a release.
const CACHED: (HeaderName, HeaderValue) = (CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));

/// The routes of this feature: the list of codes always, the rest if `docs.enabled` is set.
pub fn router(openapi: fn() -> utoipa::openapi::OpenApi, enabled: bool) -> Router {
    let page = errors_page();
    let errors = Router::new().route("/errors", get(move || async move { ([CACHED], Html(page)) }));
    if !enabled {
        return errors;
    }
    // Built from the code, so it always serializes. Built on the first request, because that takes more time and memory than
    // the rest of the startup.
    let document = Arc::new(LazyLock::new(move || openapi().to_json().unwrap_or_default()));
    let config = Config::new(["/openapi.json"])
        .use_base_layout()
        .persist_authorization(false);
    let docs = Router::new()
        .route(
            "/openapi.json",
            get(move || async move { ([CACHED, json()], String::clone(&document)) }),
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

async fn index(state: State<Arc<Config<'static>>>, headers: HeaderMap) -> Response {
    file(state, Path("index.html".to_owned()), headers).await
}

async fn file(State(config): State<Arc<Config<'static>>>, Path(name): Path<String>, headers: HeaderMap) -> Response {
    match utoipa_swagger_ui::serve(&name, config) {
        Ok(Some(file)) => {
            answer(file, accepts_gzip(&headers)).unwrap_or_else(|error| Problem::internal(error).into_response())
        }
        Ok(None) => Problem::new(Code::NotFound).into_response(),
        Err(error) => Problem::internal(error).into_response(),
    }
}

/// Serves a file. Files are embedded compressed, and decompressed for clients that do not accept gzip.
fn answer(file: SwaggerFile<'_>, accepts_gzip: bool) -> Result<Response, Box<dyn std::error::Error>> {
    let headers = [
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static(SWAGGER_POLICY)),
        CACHED,
        (CONTENT_TYPE, HeaderValue::try_from(file.content_type)?),
        (VARY, HeaderValue::from_static("Accept-Encoding")),
    ];
    if !file.gzpipped {
        return Ok((headers, file.bytes.into_owned()).into_response());
    }
    if accepts_gzip {
        let gzip = [(CONTENT_ENCODING, HeaderValue::from_static("gzip"))];
        return Ok((headers, gzip, file.bytes.into_owned()).into_response());
    }
    let mut unpacked = Vec::new();
    GzDecoder::new(&*file.bytes).read_to_end(&mut unpacked)?;
    Ok((headers, unpacked).into_response())
}

/// Returns whether `Accept-Encoding` names gzip with a weight above zero (RFC 9110 §12.5.3).
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(ACCEPT_ENCODING).iter();
    let mut codings = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','));
    codings.any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, "q=1"));
        let weight = weight
            .trim()
            .strip_prefix("q=")
            .and_then(|weight| weight.parse::<f32>().ok());
        name.trim().eq_ignore_ascii_case("gzip") && weight.is_some_and(|weight| weight > 0.0)
    })
}
