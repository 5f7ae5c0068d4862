//! Reading client metadata as operators write it.

use serde_json::{Map, Value};

use super::ClientMetadata;
use super::localized_names::NAME_IN;
use crate::metadata_error::MetadataError;

/// Members that are accepted and have no effect.
const WITHOUT_EFFECT: [&str; 4] = ["application_type", "logo_uri", "software_id", "software_version"];
/// Members of unsupported extensions, and the only value that is accepted: it asks for nothing.
const OFF: [(&str, Value); 6] = [
    ("dpop_bound_access_tokens", Value::Bool(false)),
    ("frontchannel_logout_session_required", Value::Bool(false)),
    ("require_pushed_authorization_requests", Value::Bool(false)),
    ("require_signed_request_object", Value::Bool(false)),
    ("tls_client_certificate_bound_access_tokens", Value::Bool(false)),
    ("backchannel_user_code_parameter", Value::Bool(false)),
];

impl ClientMetadata {
    /// Reads metadata as operators write it. Members that are unknown, or that would only seem to work, are refused.
    /// [`validate`](Self::validate) checks the values that depend on each other and on the installation.
    ///
    /// # Errors
    /// The first member that is not acceptable.
    pub fn from_object(mut object: Map<String, Value>) -> Result<Self, MetadataError> {
        let names: Vec<String> = object.keys().cloned().collect();
        for name in names {
            if Self::MEMBERS.contains(&name.as_str()) || name.starts_with(NAME_IN) {
                continue;
            }
            let value = object.remove(&name).unwrap_or_default();
            let is_off = OFF.iter().any(|(own, off)| *own == name && *off == value);
            let is_public = name == "subject_type" && value == "public";
            if WITHOUT_EFFECT.contains(&name.as_str()) || is_off || is_public {
                continue;
            }
            return Err(MetadataError::new(name.clone(), unsupported(&name)));
        }
        serde_path_to_error::deserialize(Value::Object(object)).map_err(|error| {
            let member = error.path().to_string();
            let problem = error.into_inner().to_string();
            let is_sentence = problem.starts_with("must ");
            MetadataError::new(
                member,
                if is_sentence {
                    problem
                } else {
                    format!("is invalid: {problem}")
                },
            )
        })
    }
}

/// Returns why a member is not accepted.
fn unsupported(name: &str) -> &'static str {
    match name {
        "jwks" | "jwks_uri" | "token_endpoint_auth_signing_alg" => {
            "is not supported: clients authenticate with client_secret_basic, client_secret_post or none"
        }
        "subject_type" | "sector_identifier_uri" => {
            "is not supported: a user has the same sub for all clients (public)"
        }
        "request_uris" | "request_object_signing_alg" | "require_signed_request_object" => {
            "is not supported: requests are sent as parameters, not as request objects"
        }
        "dpop_bound_access_tokens" | "tls_client_certificate_bound_access_tokens" => {
            "is not supported: access tokens are bearer tokens"
        }
        "require_pushed_authorization_requests" => "is not supported: there is no endpoint for pushed requests",
        "frontchannel_logout_uri" | "frontchannel_logout_session_required" => {
            "is not supported: use backchannel_logout_uri"
        }
        "software_statement" => "is not supported",
        name if name.contains("_encrypted_response_") || name.contains("_encryption_") => {
            "is not supported: tokens are signed, not encrypted"
        }
        name if name.starts_with("tls_client_auth_") => {
            "is not supported: clients do not authenticate with certificates"
        }
        _ => "is not a client metadata field",
    }
}
