//! The events that can be recorded.

use crate::core::caller::{Actor, Caller};
use crate::core::clock::Timestamp;
use crate::core::ids::{AccountId, SessionId};
use crate::core::request_info::RequestInfo;

/// An event. [`Event::new`] sets most fields to defaults.
#[derive(Clone)]
pub struct Event<'a> {
    /// What happened.
    pub(super) kind: EventKind,
    /// The outcome.
    pub(super) outcome: EventOutcome,
    /// Who did it.
    pub(super) actor: Actor,
    /// The affected account, if any.
    pub(super) account: Option<AccountId>,
    /// The session that was affected, or in which it was done, if any.
    pub(super) session: Option<SessionId>,
    /// The request that caused it.
    pub(super) request: &'a RequestInfo,
    /// Additional information, never a secret.
    pub(super) detail: Option<String>,
}

/// A filter for entries.
#[derive(Clone, Debug)]
pub struct Filter {
    /// Only entries about this account.
    pub account: Option<AccountId>,
    /// Only entries of this kind.
    pub kind: Option<EventKind>,
    /// The earliest time, inclusive.
    pub since: Timestamp,
    /// The latest time, exclusive.
    pub until: Timestamp,
    /// The maximum number of entries; the newest are returned.
    pub limit: i64,
}

/// The outcome of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventOutcome {
    /// The action succeeded.
    Success,
    /// The action was refused.
    Failure,
}

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal;)+) => {
        /// The kind of an event.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum EventKind { $($(#[doc = $doc])+ $variant,)+ }

        impl EventKind {
            /// All kinds.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Returns its stable name in the log.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// Returns its meaning as a sentence.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+).trim_ascii(),)+ }
            }
        }
    };
}

/// Returns the table of all kinds, for docs/audit-kinds.md.
pub fn reference() -> String {
    let mut text = String::from(
        "# Audit log entry kinds\n\n\
         The values of `countersign audit list --kind`. See [the audit log](guides/audit.md).\n\n\
         | kind | what happened |\n|---|---|\n",
    );
    let mut kinds = EventKind::ALL.to_vec();
    kinds.sort_by_key(|kind| kind.name());
    for kind in kinds {
        text.push_str(&format!("| `{}` | {} |\n", kind.name(), kind.meaning()));
    }
    text
}

kinds! {
    /// An account was created.
    AccountRegistered = "account.registered";
    /// An account was deleted.
    AccountDeleted = "account.deleted";
    /// The data of an account was exported.
    AccountExported = "account.exported";
    /// An account was disabled.
    AccountDisabled = "account.disabled";
    /// A disabled account was enabled.
    AccountEnabled = "account.enabled";
    /// A scope was granted or removed.
    ScopesChanged = "account.scopes_changed";
    /// The name, the metadata or the claims of an account were changed; the detail says which.
    ProfileChanged = "account.profile_changed";
    /// A password was changed.
    PasswordChanged = "password.changed";
    /// A password was reset with an emailed link or code.
    PasswordReset = "password.reset";
    /// The email address of an account was verified.
    EmailVerified = "email.verified";
    /// The email address of an account was changed.
    EmailChanged = "email.changed";
    /// An email was requested; the entry does not depend on whether the email address has an account.
    EmailRequested = "email.requested";
    /// An emailed code was entered.
    CodeEntered = "code.entered";
    /// An operator created an account and invited its owner.
    Invited = "account.invited";
    /// A sign-in succeeded or failed.
    SignIn = "sign_in";
    /// A signed-in browser was signed in to an application behind a proxy; the detail is its origin.
    ApplicationEntered = "application.entered";
    /// A signed-in user authenticated again, or failed to.
    SessionRenewed = "session.renewed";
    /// A user allowed an application access; the detail is the client and the scopes.
    ApplicationAllowed = "application.allowed";
    /// A user was asked to allow an application access, and canceled.
    ApplicationCanceled = "application.canceled";
    /// A user removed an application's access: its grants were ended.
    ApplicationWithdrawn = "application.withdrawn";
    /// A used authorization code was presented again, so it may have been stolen: its grant was ended.
    CodeReused = "authorization_code.reused";
    /// A used refresh token was presented again: it was stolen, and its session was ended.
    RefreshReused = "refresh.reused";
    /// A used refresh token was presented again within its replay window, from another network or device: the response was
    /// lost, or the token was stolen.
    RefreshReplayed = "refresh.replayed";
    /// A client (the detail) presented a refresh token of another client: the grant was ended.
    RefreshForeignClient = "refresh.foreign_client";
    /// A client (the detail) was given access for a user: a grant was opened.
    GrantOpened = "grant.opened";
    /// A grant of a client (the detail) was ended.
    GrantEnded = "grant.ended";
    /// A logout notice could not be delivered to a client (the detail).
    LogoutNoticeFailed = "logout_notice.failed";
    /// A session was revoked.
    SessionRevoked = "session.revoked";
    /// All sessions of an account were revoked.
    SessionsRevoked = "sessions.revoked";
    /// An API was registered; the detail is its identifier.
    ApiCreated = "api.created";
    /// The registration of an API was changed; the detail is its identifier.
    ApiChanged = "api.changed";
    /// An API was disabled; the detail is its identifier.
    ApiDisabled = "api.disabled";
    /// A disabled API was enabled; the detail is its identifier.
    ApiEnabled = "api.enabled";
    /// An API was deleted; the detail is its identifier.
    ApiDeleted = "api.deleted";
    /// A client was registered; the detail is its `client_id`.
    ClientCreated = "client.created";
    /// The registration of a client was changed; the detail is its `client_id` and what changed.
    ClientChanged = "client.changed";
    /// A client was disabled; the detail is its `client_id`.
    ClientDisabled = "client.disabled";
    /// A disabled client was enabled; the detail is its `client_id`.
    ClientEnabled = "client.enabled";
    /// A client was deleted; the detail is its `client_id`.
    ClientDeleted = "client.deleted";
    /// A client got a new secret; the detail is its `client_id`.
    ClientSecretRotated = "client.secret_rotated";
    /// A client failed to authenticate; the detail is its `client_id` if there is such a client.
    ClientAuthenticationFailed = "client.authentication_failed";
    /// The codes of a client that were not redeemed yet became void; the detail is its `client_id`.
    ClientCodesVoided = "client.codes_voided";
    /// The tokens that a client had obtained for itself were revoked; the detail is its `client_id`.
    MachineTokensRevoked = "client.machine_tokens_revoked";
    /// A user allowed a device access; the detail is the `client_id` of its application.
    DeviceAllowed = "device.allowed";
    /// A user denied a device access; the detail is the `client_id` of its application.
    DeviceCanceled = "device.canceled";
    /// An application signed its user out in a browser; the detail is its `client_id`.
    SignOutByClient = "sign_out.by_client";
    /// The account did something (the detail) to another account, whose own entry has the same request ID.
    AdministratorActed = "administrator.acted";
    /// Requests were rejected because of a rate limit or a missing scope: one entry per network and a few seconds.
    Refused = "requests.refused";
    /// The first signing key was created, in an empty folder.
    KeyGenerated = "keys.generated";
    /// The next signing key was created, to be published.
    KeyPrepared = "keys.prepared";
    /// The next signing key was activated.
    KeyActivated = "keys.activated";
    /// A retired key was removed.
    KeyRetired = "keys.retired";
    /// A signing key was revoked in an emergency.
    KeyRevoked = "keys.revoked";
    /// A sealing key was created.
    SealingKeyCreated = "sealing_key.created";
    /// A sealing key was retired.
    SealingKeyRetired = "sealing_key.retired";
    /// A server started.
    ServerStarted = "server.started";
    /// A server began to shut down.
    ServerStopped = "server.stopped";
    /// All sessions of all accounts were revoked.
    AllSessionsRevoked = "all_sessions.revoked";
    /// The database was backed up.
    DatabaseBackedUp = "database.backed_up";
    /// The database was restored from a backup.
    DatabaseRestored = "database.restored";
    /// The data was moved here from another database.
    DatabaseMoved = "database.moved";
    /// Expired entries are about to be removed from this log.
    AuditTrimmed = "audit.trimmed";
}

impl<'a> Event<'a> {
    /// Creates an event for a successful action of `caller` on an account, if any.
    pub fn new(kind: EventKind, account: impl Into<Option<AccountId>>, caller: &'a Caller) -> Self {
        Self {
            kind,
            outcome: EventOutcome::Success,
            actor: caller.actor.clone(),
            account: account.into(),
            session: None,
            request: &caller.request,
            detail: None,
        }
    }

    /// Sets the session that was affected, or in which it was done.
    pub fn session(self, session: SessionId) -> Self {
        Self {
            session: Some(session),
            ..self
        }
    }

    /// Sets the outcome to refused.
    pub fn refused(self) -> Self {
        Self {
            outcome: EventOutcome::Failure,
            ..self
        }
    }

    /// Sets the actor to an unknown client: one that has not proved its identity for this action, even if it is signed in.
    pub fn by_anyone(self) -> Self {
        Self {
            actor: Actor::Anyone,
            ..self
        }
    }

    /// Sets additional information, never a secret.
    pub fn detail(self, detail: impl Into<String>) -> Self {
        Self {
            detail: Some(detail.into()),
            ..self
        }
    }

    /// Returns the additional event about an account that acted on another one. Both accounts then have their own entry,
    /// which can be erased separately.
    pub(super) fn about_administrator(&self) -> Option<Self> {
        let Actor::Account(administrator) = self.actor else {
            return None;
        };
        self.actor.is_another_than(self.account).then(|| Self {
            kind: EventKind::AdministratorActed,
            account: Some(administrator),
            session: None,
            detail: Some(self.kind.name().to_owned()),
            ..self.clone()
        })
    }
}

impl EventOutcome {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
        }
    }
}
