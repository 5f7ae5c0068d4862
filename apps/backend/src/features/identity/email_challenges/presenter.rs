//! The client that presents a link or code.

use crate::core::handle::HandleHash;
use crate::core::ids::AccountId;

/// The client that presents a link or code. A code is checked only for the client that requested it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Presenter {
    /// The hash of the handle from the request for the email.
    pub handle: Option<HandleHash>,
    /// The signed-in account, where its session may present a code.
    pub account: Option<AccountId>,
}
