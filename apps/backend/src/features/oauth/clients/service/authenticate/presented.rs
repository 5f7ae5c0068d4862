//! What a request presents to authenticate its client.

use countersign_oauth::Parameters;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use zeroize::Zeroizing;

use super::basic::{self, Secret};
use super::error::ClientAuthError;

/// What a request presents.
pub(super) struct Presented {
    pub client_id: String,
    pub credentials: Credentials,
}

/// How a request authenticates its client. No `Debug`.
pub(super) enum Credentials {
    /// Only the client is named.
    None,
    /// By a secret, of which there may be several readings.
    Secret(Secret),
    /// By a method that is not supported.
    Unsupported,
}

impl Presented {
    /// Reads the `Authorization` header and the body.
    ///
    /// # Errors
    /// [`ClientAuthError::Malformed`] if a parameter or the header is doubled or there is more than one method, and
    /// [`ClientAuthError::Refused`] if no client is named.
    pub(super) fn of(headers: &HeaderMap, body: &Parameters) -> Result<Self, ClientAuthError> {
        let named = once(body, "client_id")?;
        let secret = once(body, "client_secret")?;
        let asserts = once(body, "client_assertion")?.is_some() || once(body, "client_assertion_type")?.is_some();
        let header = header(headers)?;
        let methods = [header.is_some(), secret.is_some(), asserts];
        if methods.into_iter().filter(|is_used| *is_used).count() > 1 {
            return Err(malformed("the client must authenticate in only one way"));
        }
        let Some(header) = header else {
            let client_id = named.ok_or(ClientAuthError::Refused)?.to_owned();
            let credentials = match secret {
                _ if asserts => Credentials::Unsupported,
                Some(secret) => Credentials::Secret(vec![Zeroizing::new(secret.as_bytes().to_vec())]),
                None => Credentials::None,
            };
            return Ok(Self { client_id, credentials });
        };
        let Some(basic) = basic::read(header) else {
            return match named {
                Some(named) => Ok(Self {
                    client_id: named.to_owned(),
                    credentials: Credentials::Unsupported,
                }),
                None => Err(ClientAuthError::Refused),
            };
        };
        if named.is_some_and(|named| named != basic.client_id) {
            return Err(malformed("client_id differs from the one in the Authorization header"));
        }
        // Some libraries send the `client_id` of a public client like this.
        let credentials = match basic.secret.iter().all(|secret| secret.is_empty()) {
            true => Credentials::None,
            false => Credentials::Secret(basic.secret),
        };
        Ok(Self {
            client_id: basic.client_id,
            credentials,
        })
    }
}

/// Returns the `Authorization` header. One that has only the scheme `Basic` counts as absent.
fn header(headers: &HeaderMap) -> Result<Option<&[u8]>, ClientAuthError> {
    let mut lines = headers.get_all(AUTHORIZATION).iter();
    let line = lines.next().map(|line| line.as_bytes().trim_ascii());
    if lines.next().is_some() {
        return Err(malformed("the Authorization header must not be sent more than once"));
    }
    Ok(line.filter(|line| !line.is_empty() && !line.eq_ignore_ascii_case(b"basic")))
}

fn once<'b>(body: &'b Parameters, name: &'static str) -> Result<Option<&'b str>, ClientAuthError> {
    body.one(name).map_err(|doubled| malformed(doubled.to_string()))
}

fn malformed(what: impl Into<std::borrow::Cow<'static, str>>) -> ClientAuthError {
    ClientAuthError::Malformed(what.into())
}
