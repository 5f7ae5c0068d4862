//! The cookies of the pages, other than the session's: the form token, the language, the device, pending emailed codes, completed
//! actions, and the last typed email address.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};

use super::service::Pages;
use crate::core::cookie::HostCookie;
use crate::features::sign_in::browser_sessions::DEVICE;

/// A cookie of the pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cookie {
    /// The form token. It is in every form as well, and other sites cannot read it.
    Form,
    /// The selected language.
    Language,
    /// Identifies the browser, so that an account recognizes it at the next sign-in.
    Device,
    /// The email addresses that codes were sent to, and their purposes.
    Codes,
    /// Recently completed actions, for the page that confirms them.
    Done,
    /// The email address that was typed last, to fill in the next form.
    Typed,
}

impl Cookie {
    fn host(self) -> HostCookie {
        HostCookie(match self {
            Self::Device => return DEVICE,
            Self::Form => "countersign-form",
            Self::Language => "countersign-language",
            Self::Codes => "countersign-codes",
            Self::Done => "countersign-done",
            Self::Typed => "countersign-typed",
        })
    }

    /// Returns the cookie's value in a request.
    pub(super) fn read(self, pages: &Pages, headers: &HeaderMap) -> Option<String> {
        self.host().read(&pages.platform.settings.issuer, headers)
    }

    /// Returns a `Set-Cookie` header for `lifetime`, or until the browser closes. `value` consists of letters, digits and
    /// `-_.~`.
    pub(super) fn set(self, pages: &Pages, value: &str, lifetime: Option<Duration>) -> HeaderValue {
        self.host().set(&pages.platform.settings.issuer, value, lifetime)
    }

    /// Returns a `Set-Cookie` header that removes the cookie.
    pub(super) fn clear(self, pages: &Pages) -> HeaderValue {
        self.host().clear(&pages.platform.settings.issuer)
    }
}
