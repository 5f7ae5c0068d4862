//! The browser that sent a request.

use super::loaded::Interaction;
use crate::core::caller::Caller;
use crate::core::handle::HandleHash;
use crate::features::sign_in::browser_sessions::SignedIn;
use crate::features::sign_in::sessions::Session;

/// The browser that sent a request, and the user who is signed in.
#[derive(Clone, Copy)]
pub struct Visit<'v> {
    /// The hash of its form cookie.
    pub browser: HandleHash,
    pub signed_in: Option<&'v SignedIn>,
    pub caller: &'v Caller,
    /// The request that the page belongs to, as it was read for this visit.
    pub interaction: Option<&'v Interaction>,
}

impl<'v> Visit<'v> {
    /// Returns the session of the signed-in user.
    pub(super) fn session(&self) -> Option<&'v Session> {
        self.signed_in.map(|who| &who.session)
    }
}
