//! `GET /.well-known/openid-configuration` and `GET /.well-known/oauth-authorization-server`. Every origin may read them (by a
//! layer).

use axum::extract::State;
use axum::response::Response;
use countersign_oauth::{Discovery, SigningAlg};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG};
use http::{HeaderMap, HeaderValue, StatusCode};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::document::document;
use crate::core::conditional::etag_matches;
use crate::core::platform::Platform;
use crate::core::problem::Problem;
use crate::core::secret::sha256;
use crate::features::operations::keys::Keys;

/// The state of the routes of this feature. Cloning is cheap.
#[derive(Clone)]
pub struct ServerMetadata {
    pub(crate) platform: Platform,
    pub(crate) keys: Keys,
}

/// The routes of this feature.
pub fn router() -> OpenApiRouter<ServerMetadata> {
    OpenApiRouter::new()
        .routes(routes!(openid_configuration))
        .routes(routes!(oauth_authorization_server))
}

/// Server metadata (OpenID Connect Discovery)
///
/// Clients find the endpoints and what they support here. Cache it as long as `Cache-Control` says, then revalidate it with
/// `If-None-Match`.
#[utoipa::path(get, path = "/.well-known/openid-configuration", tag = "keys",
    params(("If-None-Match" = Option<String>, Header, description = "The ETag of the client's copy")),
    responses(
        (status = OK, description = "The metadata", body = Discovery,
            headers(("ETag" = String, description = "The version of the document"), ("Cache-Control" = String))),
        (status = NOT_MODIFIED, description = "The client's copy is current"),
        Problem,
    ))]
async fn openid_configuration(State(metadata): State<ServerMetadata>, headers: HeaderMap) -> Result<Response, Problem> {
    metadata.respond(&headers)
}

/// Server metadata (RFC 8414)
///
/// The same document.
#[utoipa::path(get, path = "/.well-known/oauth-authorization-server", tag = "keys",
    params(("If-None-Match" = Option<String>, Header, description = "The ETag of the client's copy")),
    responses(
        (status = OK, description = "The metadata", body = Discovery,
            headers(("ETag" = String, description = "The version of the document"), ("Cache-Control" = String))),
        (status = NOT_MODIFIED, description = "The client's copy is current"),
        Problem,
    ))]
async fn oauth_authorization_server(
    State(metadata): State<ServerMetadata>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    metadata.respond(&headers)
}

impl ServerMetadata {
    fn respond(&self, headers: &HeaderMap) -> Result<Response, Problem> {
        let body = serde_json::to_vec(&document(&self.platform.settings, self.algs())).map_err(Problem::internal)?;
        let etag = etag(&body)?;
        let cached = format!("public, max-age={}", self.keys.max_age().as_secs());
        let mut response = Response::default();
        let own = response.headers_mut();
        own.insert(CACHE_CONTROL, HeaderValue::try_from(cached).map_err(Problem::internal)?);
        own.insert(ETAG, etag.clone());
        if etag_matches(headers, &etag) {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        } else {
            own.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            *response.body_mut() = body.into();
        }
        Ok(response)
    }

    /// Without an RSA key, and where none can be made, no token is signed with RS256.
    fn algs(&self) -> &'static [SigningAlg] {
        match self.keys.offers_rs256() {
            true => &[SigningAlg::Rs256, SigningAlg::Es256],
            false => &[SigningAlg::Es256],
        }
    }
}

/// The same document has the same ETag on every node.
fn etag(body: &[u8]) -> Result<HeaderValue, Problem> {
    let hash: String = sha256(body)[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    HeaderValue::try_from(format!("\"{hash}\"")).map_err(Problem::internal)
}
