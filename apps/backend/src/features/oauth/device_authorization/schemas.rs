//! Wire types (RFC 8628 §3.1, §3.2).

use serde::Serialize;
use utoipa::ToSchema;

use super::service::Begun;
use crate::settings::Origin;

/// A device's request for codes.
#[derive(ToSchema)]
#[schema(as = DeviceAuthorizationRequest)]
#[expect(dead_code, reason = "it describes the form in the OpenAPI document")]
pub(super) struct DeviceAuthorizationForm {
    /// The client.
    client_id: String,
    /// Its secret, unless it is public or sends it in the `Authorization` header.
    client_secret: Option<String>,
    /// The requested scopes, separated by spaces.
    #[schema(example = "openid email offline_access")]
    scope: Option<String>,
    /// The identifier of an API (RFC 8707). Can be repeated.
    resource: Option<String>,
}

/// A device's codes.
#[derive(Serialize, ToSchema)]
#[schema(as = DeviceAuthorizationResponse)]
pub(super) struct DeviceAuthorizationBody {
    /// The code that the device sends to the token endpoint.
    device_code: String,
    /// The code that the user enters.
    #[schema(example = "WDJB-MJHT")]
    user_code: String,
    /// The page where the user enters `user_code`.
    verification_uri: String,
    /// The same page with the code already filled in, for a QR code or a link.
    verification_uri_complete: String,
    /// How long both codes are valid, in seconds.
    expires_in: u64,
    /// The time between two polls, in seconds.
    interval: u64,
}

impl DeviceAuthorizationBody {
    pub(super) fn new(issuer: &Origin, begun: &Begun) -> Self {
        let page = format!("{}/device", issuer.as_str());
        Self {
            device_code: begun.device_code.reveal(),
            verification_uri_complete: format!("{page}?user_code={}", begun.user_code),
            user_code: begun.user_code.to_string(),
            verification_uri: page,
            expires_in: begun.expires_in,
            interval: begun.interval,
        }
    }
}
