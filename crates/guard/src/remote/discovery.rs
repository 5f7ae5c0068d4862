//! Where the issuer's keys are (RFC 8414).

use countersign_jose::is_unambiguous_object;
use http::{HeaderMap, StatusCode, Uri};
use serde::Deserialize;

use super::fetch::{FETCH_TIME, FetchError, FetchRequest, FetchResponse};
use super::issuer::Issuer;

const LIMIT: usize = 256 * 1024;

/// Asks the issuer where its keys are.
pub(super) async fn keys_address(issuer: &Issuer) -> Result<Uri, FetchError> {
    let wrong = |what: &str| FetchError::Content(what.to_owned());
    let uri = issuer.addresses.metadata().ok_or_else(|| wrong("no metadata URL"))?;
    let response = document(issuer, uri).await?;
    if !is_unambiguous_object(&response.body) {
        return Err(wrong("not a JSON object without duplicate members"));
    }
    let metadata: Metadata =
        serde_json::from_slice(&response.body).map_err(|_| wrong("not authorization server metadata"))?;
    // RFC 8414 §3.3: what another issuer says of itself is not to be used.
    if metadata.issuer != issuer.addresses.issuer() {
        return Err(wrong("metadata of another issuer"));
    }
    let keys = issuer.addresses.of_keys(&metadata.jwks_uri);
    keys.ok_or_else(|| wrong("a jwks_uri on another origin"))
}

/// A document of the issuer's, which is small and at hand.
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
