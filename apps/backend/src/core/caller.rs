//! The acting party and its request. Each entry point sets it: the command line, the API, the pages, and the server's
//! timers. No code that they call derives it.

use std::borrow::Cow;
use std::sync::Arc;

use super::ids::AccountId;
use super::request_info::RequestInfo;

/// The acting party and its request.
#[derive(Clone, Debug)]
pub struct Caller {
    pub actor: Actor,
    pub request: RequestInfo,
}

/// The acting party.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// An unauthenticated client.
    Anyone,
    /// An authenticated account, which may act on another account.
    Account(AccountId),
    /// An operator on the command line, with the name if known.
    Operator(Option<Arc<str>>),
    Server,
}

impl Caller {
    /// An unauthenticated client.
    pub fn anyone(request: RequestInfo) -> Self {
        Self {
            actor: Actor::Anyone,
            request,
        }
    }

    /// An authenticated account.
    pub fn account(account: AccountId, request: RequestInfo) -> Self {
        Self {
            actor: Actor::Account(account),
            request,
        }
    }

    /// An operator on the command line, with the name if known.
    pub fn operator(name: Option<Arc<str>>) -> Self {
        Self {
            actor: Actor::Operator(name),
            request: RequestInfo::local("command-line"),
        }
    }

    pub fn server() -> Self {
        Self {
            actor: Actor::Server,
            request: RequestInfo::local("server"),
        }
    }

    /// Returns the same request, now authenticated as this account.
    pub fn proven(&self, account: AccountId) -> Self {
        Self::account(account, self.request.clone())
    }
}

impl Actor {
    /// Returns its name in the audit log for an act on the account `subject`, if any. It does not contain an administrator's
    /// id, because a sealed log could not forget it.
    pub fn name(&self, subject: Option<AccountId>) -> Cow<'static, str> {
        match self {
            Self::Anyone => "anyone".into(),
            Self::Account(_) if self.is_another_than(subject) => "administrator".into(),
            Self::Account(_) => "account".into(),
            Self::Operator(None) => "operator".into(),
            Self::Operator(Some(name)) => format!("operator:{name}").into(),
            Self::Server => "server".into(),
        }
    }

    /// Returns whether it is an account other than `subject`.
    pub fn is_another_than(&self, subject: Option<AccountId>) -> bool {
        matches!((self, subject), (Self::Account(actor), Some(subject)) if *actor != subject)
    }
}
