//! The extractors that protect a route, the same that `countersign-guard` offers to every service.

pub use countersign_guard::{CurrentUser, OptionalUser};

use crate::core::caller::Caller;
use crate::core::ids::{AccountId, SessionId, SessionRef};
use crate::core::request_info::RequestInfo;

/// The typed ids of a verified user.
pub trait Identified {
    fn account_id(&self) -> AccountId;
    fn session_id(&self) -> SessionId;

    fn session_ref(&self) -> SessionRef {
        SessionRef {
            account: self.account_id(),
            session: self.session_id(),
        }
    }

    /// Returns the caller for this account and request.
    fn caller(&self, request: RequestInfo) -> Caller {
        Caller::account(self.account_id(), request)
    }
}

impl Identified for CurrentUser {
    fn account_id(&self) -> AccountId {
        AccountId(self.id)
    }

    fn session_id(&self) -> SessionId {
        // Our own authority accepts no token without a session, so the nil id matches none.
        SessionId(self.session.unwrap_or_default())
    }
}
