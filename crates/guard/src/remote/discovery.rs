//! Finds the issuer's keys (RFC 8414).

use countersign_jose::is_unambiguous_object;
use http::{HeaderMap, StatusCode, Uri};
use serde::Deserialize;

use super::fetch::{FETCH_TIME, FetchError, FetchRequest, FetchResponse};
use super::issuer::Issuer;

const LIMIT: usize = 256 * 1024;

/// Returns the URL of the keys from the issuer's metadata.
pub(super) async fn keys_address(issuer: &Issuer) -> Result<Uri, FetchError> {
    let wrong = |what: &str| FetchError::Content(what.to_owned());
    let uri = issuer.addresses.metadata().ok_or_else(|| wrong("no metadata URL"))?;
    let response = document(issuer, uri).await?;
    if !is_unambiguous_object(&response.body) {
        return Err(wrong("not a JSON object, or one with duplicate members"));
    }
    let metadata: Metadata =
        serde_json::from_slice(&response.body).map_err(|_| wrong("not authorization server metadata"))?;
    // RFC 8414 §3.3: metadata of another issuer must not be used.
    if metadata.issuer != issuer.addresses.issuer() {
        return Err(wrong("metadata of another issuer"));
    }
    let keys = issuer.addresses.of_keys(&metadata.jwks_uri);
    keys.ok_or_else(|| wrong("a jwks_uri that is not an https URL (http is accepted only on the issuer's own origin)"))
}

/// Fetches a small document of the issuer that is available at once.
pub(super) async fn document(issuer: &Issuer, uri: Uri) -> Result<FetchResponse, FetchError> {
    let request = FetchRequest {
        uri,
        headers: HeaderMap::new(),
        limit: LIMIT,
        within: FETCH_TIME,
    };
    let response = issuer.http.fetch(request).await?;
    match response.status {
        StatusCode::OK => Ok(response),
        other => Err(FetchError::Status(other)),
    }
}

#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
}
