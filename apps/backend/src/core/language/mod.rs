//! The languages of pages and emails: choosing one for a request, and its texts. The texts are Fluent files in
//! `locales/<language>/`. The module depends on no feature; it only contains their names.

mod languages;
mod negotiate;
mod texts;
#[cfg(test)]
mod wording;

pub use fluent_bundle::FluentArgs;
use http::header::ACCEPT_LANGUAGE;
use http::{HeaderMap, HeaderValue};

pub use self::languages::Language;
pub use self::texts::Texts;

impl Language {
    /// The language that `Accept-Language` prefers (RFC 9110 §12.5.4); `None` if no supported one matches.
    pub fn preferred(headers: &HeaderMap) -> Option<Self> {
        let lines = headers.get_all(ACCEPT_LANGUAGE).iter();
        negotiate::best(lines.map(HeaderValue::as_bytes))
    }

    /// The first supported language of a list of tags separated by spaces in order of preference, as in `ui_locales`.
    pub fn first_of(tags: &str) -> Option<Self> {
        negotiate::first(tags)
    }
}
