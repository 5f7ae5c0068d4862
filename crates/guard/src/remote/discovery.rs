//! Finds the issuer's keys (RFC 8414).

use countersign_jose::is_unambiguous_object;
use http::{HeaderMap, StatusCode, Uri};
use serde::Deserialize;

use super::fetch::{FETCH_TIME, FetchError, FetchRequest, FetchResponse};
use super::issuer::Issuer;
use crate::shown::shown;

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
        return Err(FetchError::OtherIssuer {
            server: issuer.addresses.base().to_owned(),
            issuer: shown(&metadata.issuer),
        });
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_server_and_the_issuer_that_it_claims_to_be() {
        let error = FetchError::OtherIssuer {
            server: "http://localhost:8000".to_owned(),
            issuer: shown("http://127.0.0.1:8000"),
        };
        assert_eq!(
            error.to_string(),
            "the server at http://localhost:8000 says that its issuer is http://127.0.0.1:8000: configure that as the issuer"
        );
    }
}
