//! The document of an export.

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::core::clock::Timestamp;
use crate::features::identity::accounts::UserBody;
use crate::features::identity::devices;
use crate::features::identity::profiles::StandardProfile;
use crate::features::messaging::outbox;
use crate::features::oauth::clients::Client;
use crate::features::oauth::consents::Consent;
use crate::features::operations::audit::EntryBody;
use crate::features::sign_in::sessions::{GrantBody, SessionBody};

/// All data stored about an account.
#[derive(Serialize, ToSchema)]
#[schema(as = Export)]
pub struct ExportBody {
    pub(super) user: UserBody,
    /// The time of the last change of the account.
    #[schema(value_type = String, format = DateTime)]
    pub(super) updated_at: Timestamp,
    /// The standard claims of OpenID Connect that were set for the user.
    pub(super) profile: ClaimsBody,
    /// The scopes of the account.
    pub(super) scopes: Vec<String>,
    /// The active sessions, newest first.
    pub(super) sessions: Vec<SessionBody>,
    /// What clients may do for the user, newest first.
    pub(super) grants: Vec<GrantBody>,
    /// The known devices of the account, most recently used first.
    pub(super) devices: Vec<DeviceBody>,
    /// What the user has allowed other applications.
    pub(super) consents: Vec<ConsentBody>,
    /// Recent emails about the account, newest first.
    pub(super) emails: Vec<MailBody>,
    /// The audit log entries about the account, newest first.
    pub(super) events: Vec<EntryBody>,
    /// Whether these are all entries; an export contains the newest 10,000.
    pub(super) events_complete: bool,
}

/// The claims that clients can learn about the user, besides the name and the email address.
#[derive(Serialize, ToSchema)]
#[schema(as = ExportedClaims)]
pub struct ClaimsBody {
    /// As in OpenID Connect Core, section 5.1.
    #[schema(value_type = Object, example = json!({ "given_name": "Ada", "locale": "en-GB" }))]
    claims: Map<String, Value>,
    /// When the telephone number was last verified.
    #[schema(value_type = Option<String>, format = DateTime, required = true)]
    phone_verified_at: Option<Timestamp>,
    /// The time of the last change; null if no claim was ever set.
    #[schema(value_type = Option<String>, format = DateTime, required = true)]
    updated_at: Option<Timestamp>,
}

impl From<StandardProfile> for ClaimsBody {
    fn from(profile: StandardProfile) -> Self {
        Self {
            claims: profile.claims.to_object(),
            phone_verified_at: profile.phone_verified_at,
            updated_at: profile.updated_at,
        }
    }
}

/// A device on which the account has signed in: a browser, or a client on a network. Only a hash of it is stored.
#[derive(Serialize, ToSchema)]
#[schema(as = ExportedDevice)]
pub struct DeviceBody {
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// The time of the last sign-in on this device.
    #[schema(value_type = String, format = DateTime)]
    seen_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

impl From<devices::KnownDevice> for DeviceBody {
    fn from(known: devices::KnownDevice) -> Self {
        Self {
            created_at: known.created_at,
            seen_at: known.seen_at,
            expires_at: known.expires_at,
        }
    }
}

/// What the user has allowed an application at one API, or at the endpoint for the claims of users.
#[derive(Serialize, ToSchema)]
#[schema(as = ExportedConsent)]
pub struct ConsentBody {
    client_id: String,
    /// The application's name.
    name: String,
    /// The API, or the endpoint.
    audience: String,
    scopes: Vec<String>,
    #[schema(value_type = String, format = DateTime)]
    given_at: Timestamp,
    /// The time when something was last added.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl ConsentBody {
    pub(super) fn new(consent: Consent, client: Option<Client>) -> Self {
        Self {
            name: client.map_or_else(|| consent.client_id.clone(), |client| client.name),
            client_id: consent.client_id,
            audience: consent.audience,
            scopes: consent.scopes.iter().map(str::to_owned).collect(),
            given_at: consent.given_at,
            updated_at: consent.updated_at,
        }
    }
}

/// An email that was sent or is queued.
#[derive(Serialize, ToSchema)]
#[schema(as = ExportedEmail)]
pub struct MailBody {
    purpose: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// `sent`, or another outcome.
    #[schema(required = true)]
    outcome: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime, required = true)]
    ended_at: Option<Timestamp>,
}

impl From<outbox::MailRecord> for MailBody {
    fn from(mail: outbox::MailRecord) -> Self {
        Self {
            purpose: mail.purpose,
            created_at: mail.created_at,
            outcome: mail.outcome,
            ended_at: mail.ended_at,
        }
    }
}
