//! An email to be queued, and its parameters.

use serde::{Deserialize, Serialize};

use super::purpose::Purpose;
use crate::core::clock::Timestamp;
use crate::core::device_name::DeviceName;
use crate::core::email::Email;
use crate::core::handle::HandleHash;
use crate::core::ids::{AccountId, RegistrationId, SessionId};
use crate::core::language::Language;
use crate::core::request_info::RequestInfo;
use crate::core::versions::{CredentialVersion, SessionEpoch};

/// An email to be queued.
pub struct NewMail<'a> {
    pub purpose: Purpose,
    pub to: &'a Email,
    pub language: Language,
    pub params: MailParams,
}

/// The parameters of an email besides its purpose. They contain no secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailParams {
    /// The account that the email is about, if `binding` does not name it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// When the event happened, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<i64>,
    /// The IP address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The device: one of the names of [`DeviceName`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// The new email address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The state that the email's challenge is bound to.
    #[serde(rename = "asked", skip_serializing_if = "Option::is_none")]
    pub binding: Option<Binding>,
    /// The sign-up that the email confirms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registration: Option<RegistrationId>,
    /// Further events of this kind until the email is sent, the oldest first, up to [`MAX_GATHERED`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<Occurrence>,
    /// The number of further events beyond those.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more: u32,
    /// Where the recipient continues after answering it, as in [`RequestInfo`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_to: Option<String>,
}

/// The state of the account when the email was requested, and who requested it. In any other state, the challenge is
/// invalid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    pub account: AccountId,
    pub credential_version: CredentialVersion,
    /// The account's session epoch.
    pub session_epoch: SessionEpoch,
    /// The hash of the requester's handle. `None`: the code never works, and the link works for anyone who reads it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handle: Option<HandleHash>,
    /// The session that requested the email, if it matters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// The version of the password that the requester had entered, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_version: Option<CredentialVersion>,
}

/// When, from which IP address and from which device an event happened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occurrence {
    /// When it happened, in milliseconds.
    pub at: Option<i64>,
    pub address: Option<String>,
    pub device: Option<String>,
}

/// The maximum number of further events with details in one email; others are only counted.
const MAX_GATHERED: usize = 4;

fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl MailParams {
    /// The details of the current event, for a notice.
    pub fn of(account: AccountId, request: &RequestInfo, now: Timestamp) -> Self {
        Self {
            account: Some(account),
            ..Self::requested(request, now)
        }
    }

    /// Time, device and IP address of a request for an email, so that the recipient can tell whether it was theirs.
    pub fn requested(request: &RequestInfo, now: Timestamp) -> Self {
        Self {
            at: Some(now.millis()),
            address: request.address.map(|address| address.to_string()),
            device: DeviceName::of(request.user_agent.as_deref()).stored(),
            return_to: request.return_to.as_deref().map(str::to_owned),
            ..Self::default()
        }
    }

    /// Returns the account that the email is about, if it has one.
    pub fn about(&self) -> Option<AccountId> {
        self.account
            .or_else(|| self.binding.as_ref().map(|binding| binding.account))
    }

    pub(super) fn gather(&mut self, later: Self) {
        if self.others.len() < MAX_GATHERED {
            self.others.push(Occurrence {
                at: later.at,
                address: later.address,
                device: later.device,
            });
        } else {
            self.more = self.more.saturating_add(1);
        }
        // The newest event determines the rest.
        self.email = later.email.or(self.email.take());
    }
}
