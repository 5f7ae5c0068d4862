//! An email that is about to be queued, and what it tells.

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

/// An email that is about to be queued.
pub struct NewMail<'a> {
    pub purpose: Purpose,
    pub to: &'a Email,
    pub language: Language,
    pub params: MailParams,
}

/// What a mail tells beside its purpose. Never a secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailParams {
    /// Whose account it is about, where the recipient's address does not say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// When it happened, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<i64>,
    /// The IP address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// From which device: one of the names of [`DeviceName`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// The new e-mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// What an email with a challenge is bound to.
    #[serde(rename = "asked", skip_serializing_if = "Option::is_none")]
    pub binding: Option<Binding>,
    /// The sign-up that it confirms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registration: Option<RegistrationId>,
    /// What else of this kind happened before the mail left, the oldest first, up to [`MAX_GATHERED`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<Occurrence>,
    /// How many more of this kind happened, which nothing more is told of.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more: u32,
}

/// An account as it was when a mail was asked for, and who asked. What the mail proves is void in any other state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    pub account: AccountId,
    pub credential_version: CredentialVersion,
    /// Its session epoch.
    pub session_epoch: SessionEpoch,
    /// The hash of the handle of whoever asked. None: its code works for nobody, and its link for who reads it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handle: Option<HandleHash>,
    /// The session that asked, where that matters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
}

/// When, from where and from which device something happened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occurrence {
    /// When, in milliseconds.
    pub at: Option<i64>,
    pub address: Option<String>,
    pub device: Option<String>,
}

/// A mail tells of as many like happenings beside the first; of more it tells the number.
const MAX_GATHERED: usize = 4;

fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl MailParams {
    /// What happened just now, as a notice tells it.
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
            ..Self::default()
        }
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
        // The newest is the one that counts.
        self.email = later.email.or(self.email.take());
    }
}
