//! The cookies of the pages: the session, the form token, the language, the device, pending emailed codes, completed
//! actions, and the last typed email address.

use std::time::Duration;

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};

use super::service::Pages;

/// A cookie of the pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cookie {
    SignedIn,
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
    /// Returns the cookie's name. `__Host-` binds it to this host, to TLS and to the path `/` (RFC 6265bis §4.1.3.2).
    /// Browsers refuse that prefix over http, which only loopback hosts may use. They share cookies between all ports of a
    /// host (RFC 6265 §8.5), so the name contains the port if the issuer has one.
    fn name(self, pages: &Pages) -> String {
        let issuer = &pages.platform.settings.issuer;
        let prefix = if issuer.is_https() { "__Host-" } else { "" };
        let name = match self {
            Self::SignedIn => "countersign",
            Self::Form => "countersign-form",
            Self::Language => "countersign-language",
            Self::Device => "countersign-device",
            Self::Codes => "countersign-codes",
            Self::Done => "countersign-done",
            Self::Typed => "countersign-typed",
        };
        let port = issuer.port().map_or_else(String::new, |port| format!("-{port}"));
        format!("{prefix}{name}{port}")
    }

    /// Returns the cookie's value in a request. If there are two, one of them was planted, so neither is used.
    pub(super) fn read(self, pages: &Pages, headers: &HeaderMap) -> Option<String> {
        let name = self.name(pages);
        let pairs = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut values = pairs
            .flat_map(|pairs| pairs.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(found, _)| *found == name)
            .map(|(_, value)| value.to_owned());
        let value = values.next();
        value.filter(|_| values.next().is_none())
    }

    /// Returns a `Set-Cookie` header for `lifetime`, or until the browser closes. `value` consists of letters, digits and
    /// `-_.~`.
    pub(super) fn set(self, pages: &Pages, value: &str, lifetime: Option<Duration>) -> HeaderValue {
        let secure = if pages.platform.settings.issuer.is_https() {
            "; Secure"
        } else {
            ""
        };
        let age = lifetime.map_or_else(String::new, |lifetime| format!("; Max-Age={}", lifetime.as_secs()));
        let text = format!(
            "{}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{age}",
            self.name(pages)
        );
        HeaderValue::try_from(text).expect("names and values are letters, digits and a few signs")
    }

    /// Returns a `Set-Cookie` header that removes the cookie.
    pub(super) fn clear(self, pages: &Pages) -> HeaderValue {
        self.set(pages, "", Some(Duration::ZERO))
    }
}
