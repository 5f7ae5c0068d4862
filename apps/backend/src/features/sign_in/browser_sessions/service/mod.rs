//! The session of a browser: its cookie, and its access tokens.

mod cookies;
mod find;
mod sweeper;
mod tokens;

use std::time::Duration;

pub use self::find::{Found, SignedIn};
pub use self::tokens::BrowserTokens;
pub(super) use self::tokens::CookieError;
use crate::core::platform::Platform;
use crate::features::sign_in::sessions::Sessions;

/// The sessions of browsers. Cheap to clone.
#[derive(Clone)]
pub struct BrowserSessions {
    pub(crate) platform: Platform,
    pub(crate) sessions: Sessions,
}

impl AsRef<Platform> for BrowserSessions {
    fn as_ref(&self) -> &Platform {
        &self.platform
    }
}

impl BrowserSessions {
    /// How long a cookie is valid unless it is used.
    fn lifetime(&self) -> Duration {
        self.platform.settings.tokens.refresh_idle_ttl
    }
}
