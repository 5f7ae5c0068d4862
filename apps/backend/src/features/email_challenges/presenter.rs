//! Who brings what was mailed.

use crate::core::handle::HandleHash;
use crate::core::ids::AccountId;

/// Who brings what was mailed. A code is judged only if the mail was sent because they asked for it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Presenter {
    /// The hash of the handle that they got when they asked for the mail.
    pub handle: Option<HandleHash>,
    /// The account whose session they are in, where one's own session may bring a code.
    pub account: Option<AccountId>,
}
