//! The files of the pages, which browsers cache permanently.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};

use super::service::Pages;
use crate::core::problem::{Code, Problem};

const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; sandbox";

/// Serves a file by its name.
pub(super) async fn file(State(pages): State<Pages>, Path(name): Path<String>) -> Response {
    let Some((kind, content)) = pages.assets.find(&format!("/pages/{name}")) else {
        return Problem::new(Code::NotFound).into_response();
    };
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(kind)),
        (
            CACHE_CONTROL,
            HeaderValue::from_static("public, max-age=31536000, immutable"),
        ),
        // The logo is provided by the operator. This prevents it from running scripts when opened directly.
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    ];
    (headers, content.to_owned()).into_response()
}
