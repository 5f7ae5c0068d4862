//! The cookies of the pages: who is signed in, which forms are ours, which language is read, which browser it
//! is, where codes were sent to, what was done, and which email address was typed.

use std::time::Duration;

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};

use super::service::Pages;

/// A cookie of the pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cookie {
    SignedIn,
    /// Stands in every form as well, which no other site can know.
    Form,
    /// The language that was chosen.
    Language,
    /// Which browser it is, by which an account knows it at the next sign-in.
    Device,
    /// The email addresses that codes were sent to, and what for.
    Codes,
    /// What was done lately, for the page that tells it.
    Done,
    /// The email address that was typed last, for the next form.
    Typed,
}

impl Cookie {
    /// `__Host-` binds a cookie to this host, to TLS and to the whole of it (RFC 6265bis §4.1.3.2). On http, which only a
    /// loopback address has, browsers would refuse it. Browsers keep one jar for all ports of a host (RFC 6265 §8.5), so
    /// the port stands in the name where the issuer names one.
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

    /// Its value in a request. One that is there twice is none: somebody planted one of them.
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

    /// `Set-Cookie` for as long as the browser runs, or for `lifetime`. `value` is letters, digits and `-_.~`.
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

    /// `Set-Cookie` that takes it away.
    pub(super) fn clear(self, pages: &Pages) -> HeaderValue {
        self.set(pages, "", Some(Duration::ZERO))
    }
}
