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
    /// An account's data was exported.
    AccountExported = "account.exported";
    /// An account was disabled.
    AccountDisabled = "account.disabled";
    /// A disabled account was enabled.
    AccountEnabled = "account.enabled";
    /// A scope was granted or removed.
    ScopesChanged = "account.scopes_changed";
    /// An account's name, metadata or claims were changed; the detail says which.
    ProfileChanged = "account.profile_changed";
    /// A password was changed.
    PasswordChanged = "password.changed";
    /// A password was reset with an emailed link or code.
    PasswordReset = "password.reset";
    /// An account's email address was verified.
    EmailVerified = "email.verified";
    /// An account's email address was changed.
    EmailChanged = "email.changed";
    /// An email was requested; the entry is the same whether or not an account has the email address.
    EmailRequested = "email.requested";
    /// An emailed code was entered.
    CodeEntered = "code.entered";
    /// An operator created an account and invited its owner.
    Invited = "account.invited";
    /// A sign-in succeeded or failed.
    SignIn = "sign_in";
    /// A browser that was signed in here was signed in to an application behind a proxy; the detail is the application's
    /// origin.
    ApplicationEntered = "application.entered";
    /// A signed-in user authenticated again, or failed to do so.
    SessionRenewed = "session.renewed";
    /// A user granted an application access; the detail is the client and the scopes.
    ApplicationAllowed = "application.allowed";
    /// A user was asked to grant an application access, and canceled.
    ApplicationCanceled = "application.canceled";
    /// A user removed an application's access: the grants to the application were ended.
    ApplicationWithdrawn = "application.withdrawn";
    /// A used authorization code was presented again, so it may have been stolen: its grant was ended.
    CodeReused = "authorization_code.reused";
    /// A used refresh token was presented again outside its replay window: it is treated as stolen, and its session or
    /// grant was ended.
    RefreshReused = "refresh.reused";
    /// A used refresh token was presented again within its replay window, from another network or device: either the
    /// first response was lost, or the token was stolen.
    RefreshReplayed = "refresh.replayed";
    /// A client (the detail) presented another client's refresh token: the grant was ended.
    RefreshForeignClient = "refresh.foreign_client";
    /// A grant was opened: a client (the detail) got access on behalf of a user.
    GrantOpened = "grant.opened";
    /// A client's grant was ended; the detail is the client.
    GrantEnded = "grant.ended";
    /// A logout notice could not be delivered to a client (the detail).
    LogoutNoticeFailed = "logout_notice.failed";
    /// A session was revoked.
    SessionRevoked = "session.revoked";
    /// All sessions of an account were revoked.
    SessionsRevoked = "sessions.revoked";
    /// An API was registered; the detail is its identifier.
    ApiCreated = "api.created";
    /// An API's registration was changed; the detail is its identifier.
    ApiChanged = "api.changed";
    /// An API was disabled; the detail is its identifier.
    ApiDisabled = "api.disabled";
    /// A disabled API was enabled; the detail is its identifier.
    ApiEnabled = "api.enabled";
    /// An API was deleted; the detail is its identifier.
    ApiDeleted = "api.deleted";
    /// A client was registered; the detail is its `client_id`.
    ClientCreated = "client.created";
    /// A client's registration was changed; the detail is its `client_id` and what changed.
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
    /// A client's codes that had not been redeemed yet were voided; the detail is its `client_id`.
    ClientCodesVoided = "client.codes_voided";
    /// The tokens that a client had obtained for itself, without a user, were revoked; the detail is its `client_id`.
    MachineTokensRevoked = "client.machine_tokens_revoked";
    /// A user granted a device access; the detail is the `client_id` of the application on the device.
    DeviceAllowed = "device.allowed";
    /// A user denied a device access; the detail is the `client_id` of the application on the device.
    DeviceCanceled = "device.canceled";
    /// An application signed a user out in a browser; the detail is the application's `client_id`.
    SignOutByClient = "sign_out.by_client";
    /// The account acted on another account; the detail is what it did. The other account has its own entry, with the
    /// same request ID.
    AdministratorActed = "administrator.acted";
    /// Requests were rejected because of a rate limit or a missing scope: one entry per network every few seconds.
    Refused = "requests.refused";
    /// The first signing key was created, in an empty folder.
    KeyGenerated = "keys.generated";
    /// The next signing key was created, for a server to publish.
    KeyPrepared = "keys.prepared";
    /// The next signing key was activated.
    KeyActivated = "keys.activated";
    /// A retired signing key was removed.
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
