//! Who asks for something, and by which request. Each front end says so: the command line, the API, the pages, and the
//! server for what it does by itself. Nothing below guesses it.

use std::borrow::Cow;
use std::sync::Arc;

use super::ids::AccountId;
use super::request_info::RequestInfo;

/// Who asks for something, and by which request.
#[derive(Clone, Debug)]
pub struct Caller {
    pub actor: Actor,
    pub request: RequestInfo,
}

/// Who asks for something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A client that has not proven who it is.
    Anyone,
    /// An account that has proven who it is. What it does may concern another account.
    Account(AccountId),
    /// An operator on the command line; which one, as far as that is known.
    Operator(Option<Arc<str>>),
    Server,
}

impl Caller {
    /// A client that has not proven who it is.
    pub fn anyone(request: RequestInfo) -> Self {
        Self {
            actor: Actor::Anyone,
            request,
        }
    }

    /// An account that has proven who it is.
    pub fn account(account: AccountId, request: RequestInfo) -> Self {
        Self {
            actor: Actor::Account(account),
            request,
        }
    }

    /// An operator on the command line; which one, as far as that is known.
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

    /// The same request, after it has proven that it comes from this account.
    pub fn proven(&self, account: AccountId) -> Self {
        Self::account(account, self.request.clone())
    }
}

impl Actor {
    /// Its name in the audit log, where it did something to the account `subject`, or to none. An administrator's own id is not
    /// in it: a log that is sealed could not forget it.
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

    /// Whether it is an account, and another one than `subject`.
    pub fn is_another_than(&self, subject: Option<AccountId>) -> bool {
        matches!((self, subject), (Self::Account(actor), Some(subject)) if *actor != subject)
    }
}
