//! What can be recorded.

use crate::core::caller::{Actor, Caller};
use crate::core::clock::Timestamp;
use crate::core::ids::{AccountId, SessionId};
use crate::core::request_info::RequestInfo;

/// One event. Most of it is left as [`Event::new`] makes it.
#[derive(Clone)]
pub struct Event<'a> {
    /// What was done or tried.
    pub(super) kind: Kind,
    /// How it ended.
    pub(super) outcome: Outcome,
    /// Who did it.
    pub(super) actor: Actor,
    /// The account it was done to, if there is one.
    pub(super) account: Option<AccountId>,
    /// The session it was done to or by.
    pub(super) session: Option<SessionId>,
    /// By which request.
    pub(super) request: &'a RequestInfo,
    /// A few words more, never a secret.
    pub(super) detail: Option<String>,
}

/// Which entries are wanted.
#[derive(Clone, Debug)]
pub struct Filter {
    /// About this account alone.
    pub account: Option<AccountId>,
    /// Of this kind alone.
    pub kind: Option<Kind>,
    /// Not before.
    pub since: Timestamp,
    /// Before.
    pub until: Timestamp,
    /// So many at most, the newest.
    pub limit: i64,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Success,
    /// It was refused.
    Failure,
}

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal;)+) => {
        /// What was done or tried.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Kind { $($(#[doc = $doc])+ $variant,)+ }

        impl Kind {
            /// All kinds.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Its stable name in the log.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// What it tells of, in a sentence.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+).trim_ascii(),)+ }
            }
        }
    };
}

/// The table of all kinds, for docs/audit-kinds.md.
pub fn reference() -> String {
    let mut text = String::from(
        "# Kinds of entries in the audit log\n\n\
         What `countersign audit list --kind` takes. [The audit log](guides/audit.md) tells the rest.\n\n\
         | kind | what happened |\n|---|---|\n",
    );
    let mut kinds = Kind::ALL.to_vec();
    kinds.sort_by_key(|kind| kind.name());
    for kind in kinds {
        text.push_str(&format!("| `{}` | {} |\n", kind.name(), kind.meaning()));
    }
    text
}

kinds! {
    /// An account was made.
    AccountRegistered = "account.registered";
    /// An account was deleted.
    AccountDeleted = "account.deleted";
    /// An account's data were handed out.
    AccountExported = "account.exported";
    /// An account may no longer have sessions.
    AccountDisabled = "account.disabled";
    /// A disabled account may have sessions again.
    AccountEnabled = "account.enabled";
    /// A scope was granted or taken back.
    ScopesChanged = "account.scopes_changed";
    /// A password was changed.
    PasswordChanged = "password.changed";
    /// A password was set by the holder of the address.
    PasswordReset = "password.reset";
    /// An address was proven to be its owner's.
    EmailVerified = "email.verified";
    /// An address was changed.
    EmailChanged = "email.changed";
    /// Somebody asked for a mail; whether the address has an account is not looked up.
    MailAsked = "mail.asked";
    /// Somebody typed a mailed code.
    CodeTried = "code.tried";
    /// An operator invited somebody.
    Invited = "account.invited";
    /// Somebody signed in, or tried to.
    SignIn = "sign_in";
    /// A spent refresh token came back: one of its two holders is a thief.
    RefreshReused = "refresh.reused";
    /// A spent refresh token came back within its window, from another network or device: its answer was lost, or a thief
    /// has it.
    RefreshReplayed = "refresh.replayed";
    /// One session was ended.
    SessionRevoked = "session.revoked";
    /// All sessions of an account were ended.
    SessionsRevoked = "sessions.revoked";
    /// The account did something, named in the detail, to another account, whose own entry has the same request id.
    AdministratorActed = "administrator.acted";
    /// A limit, or a scope that was missing, turned requests away: one entry for each network and some seconds.
    Refused = "requests.refused";
    /// A signing key was made in an empty folder.
    KeyGenerated = "keys.generated";
    /// The next signing key was made, to be published.
    KeyPrepared = "keys.prepared";
    /// The next signing key began to sign.
    KeyActivated = "keys.activated";
    /// A retired key was removed.
    KeyRetired = "keys.retired";
    /// A key was taken out in an emergency.
    KeyRevoked = "keys.revoked";
    /// A sealing key was made.
    SealingKeyMade = "sealing_key.made";
    /// A sealing key was taken out of use.
    SealingKeyRetired = "sealing_key.retired";
    /// A server began.
    ServerStarted = "server.started";
    /// A server was told to stop.
    ServerStopped = "server.stopped";
    /// Every session of everybody was ended.
    EverythingRevoked = "everything.revoked";
    /// The database was written into a backup.
    DatabaseBackedUp = "database.backed_up";
    /// The database was made from a backup.
    DatabaseRestored = "database.restored";
    /// The database was moved here from another one.
    DatabaseMoved = "database.moved";
    /// Old entries of this log are about to be removed.
    AuditTrimmed = "audit.trimmed";
}

impl<'a> Event<'a> {
    /// A success of `caller`, about an account or (`None`) about none.
    pub fn new(kind: Kind, account: impl Into<Option<AccountId>>, caller: &'a Caller) -> Self {
        Self {
            kind,
            outcome: Outcome::Success,
            actor: caller.actor.clone(),
            account: account.into(),
            session: None,
            request: &caller.request,
            detail: None,
        }
    }

    /// The session it was done to or by.
    pub fn session(self, session: SessionId) -> Self {
        Self {
            session: Some(session),
            ..self
        }
    }

    /// It was refused.
    pub fn refused(self) -> Self {
        Self {
            outcome: Outcome::Failure,
            ..self
        }
    }

    /// It was done by a client that has not proven who it is in what this is about, even if it is signed in.
    pub fn by_anyone(self) -> Self {
        Self {
            actor: Actor::Anyone,
            ..self
        }
    }

    /// A few words more, never a secret.
    pub fn detail(self, detail: impl Into<String>) -> Self {
        Self {
            detail: Some(detail.into()),
            ..self
        }
    }

    /// What is written about an account that did this to another one, beside the event itself: so each of the two finds it in
    /// its own log, and can be erased by itself.
    pub(super) fn about_administrator(&self) -> Option<Self> {
        let Actor::Account(administrator) = self.actor else {
            return None;
        };
        self.actor.is_another_than(self.account).then(|| Self {
            kind: Kind::AdministratorActed,
            account: Some(administrator),
            session: None,
            detail: Some(self.kind.name().to_owned()),
            ..self.clone()
        })
    }
}

impl Outcome {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
        }
    }
}
