//! The browser that a request comes with.

use crate::core::caller::Caller;
use crate::core::handle::HandleHash;
use crate::features::sign_in::browser_sessions::SignedIn;
use crate::features::sign_in::sessions::Session;

/// The browser that a request comes with, and who is signed in with it.
#[derive(Clone, Copy)]
pub struct Visit<'v> {
    /// The hash of its form cookie.
    pub browser: HandleHash,
    pub signed_in: Option<&'v SignedIn>,
    pub caller: &'v Caller,
}

impl<'v> Visit<'v> {
    /// Returns the session of who is signed in.
    pub(super) fn session(&self) -> Option<&'v Session> {
        self.signed_in.map(|who| &who.session)
    }
}
