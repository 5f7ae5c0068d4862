//! The languages of pages and mails: which one a person reads, and what is said in it. The texts are Fluent files in
//! `locales/<language>/`; it knows no feature, only their names.

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
    /// The one that the lines of `Accept-Language` like best (RFC 9110 §12.5.4); none if nothing fits.
    pub fn preferred(headers: &HeaderMap) -> Option<Self> {
        let lines = headers.get_all(ACCEPT_LANGUAGE).iter();
        negotiate::best(lines.map(HeaderValue::as_bytes))
    }

    /// The first of a list of tags that we have, as `ui_locales` has them: separated by blanks, the best one first.
    pub fn first_of(tags: &str) -> Option<Self> {
        negotiate::first(tags)
    }
}
