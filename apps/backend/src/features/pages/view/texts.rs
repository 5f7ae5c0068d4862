//! Texts of the pages in their language.

use http::header::RETRY_AFTER;

use super::View;
use crate::core::clock::Timestamp;
use crate::core::language::FluentArgs;
use crate::core::problem::Code;
use crate::settings::{self, PageUrl};

/// A placeholder for a time in a message: a private-use character that does not occur in texts.
const PLACE: &str = "\u{E000}";

/// A point in time within a sentence.
pub(in super::super) struct SaidTime {
    pub before: String,
    pub time: String,
    /// The same in machine-readable form.
    pub iso: String,
    pub after: String,
}

/// The time to wait until the next attempt, within a sentence.
pub(in super::super) struct Wait {
    pub before: String,
    /// Formatted like a clock: `4:59`.
    pub clock: String,
    pub seconds: u64,
    pub after: String,
    /// The text shown when the time is over.
    pub over: String,
}

impl View {
    /// Renders a message with the values that all pages have.
    pub(in super::super) fn t(&self, message: &str) -> String {
        self.site.platform.texts.render(self.language, message, &self.values())
    }

    /// Renders a message with an additional value.
    pub(in super::super) fn t1(&self, message: &str, name: &'static str, value: &str) -> String {
        let mut values = self.values();
        values.set(name, value.to_owned());
        self.site.platform.texts.render(self.language, message, &values)
    }

    /// Renders a message with two additional values.
    pub(in super::super) fn t2(&self, message: &str, one: (&'static str, &str), other: (&'static str, &str)) -> String {
        let mut values = self.values();
        values.set(one.0, one.1.to_owned());
        values.set(other.0, other.1.to_owned());
        self.site.platform.texts.render(self.language, message, &values)
    }

    /// Renders a message with a number.
    pub(in super::super) fn count(&self, message: &str, count: usize) -> String {
        let mut values = self.values();
        values.set("count", count);
        self.site.platform.texts.render(self.language, message, &values)
    }

    /// Renders a message that says when something happened.
    pub(in super::super) fn when(&self, message: &str, at: Timestamp) -> SaidTime {
        let (before, after) = self.around(message, "when");
        SaidTime {
            before,
            time: self.site.platform.texts.date_time(self.language, at),
            iso: at.to_string(),
            after,
        }
    }

    /// Returns the text of a message before and after a value.
    fn around(&self, message: &str, name: &'static str) -> (String, String) {
        let said = self.t1(message, name, PLACE);
        let (before, after) = said.split_once(PLACE).unwrap_or((&said, ""));
        (before.to_owned(), after.to_owned())
    }

    /// Returns how long to wait, if a rate limit was exceeded.
    pub(in super::super) fn wait(&self) -> Option<Wait> {
        self.code.filter(|code| *code == Code::RateLimited)?;
        let seconds = self.headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
        let (before, after) = self.around("error-limited-for", "wait");
        Some(Wait {
            before,
            clock: clock(seconds),
            seconds,
            after,
            over: self.t("error-limited-over"),
        })
    }

    /// Returns the heading of the sign-in page.
    pub(in super::super) fn heading(&self) -> String {
        let own = self.look().heading.in_language(self.language.tag());
        own.map_or_else(|| self.t("signin-title"), str::to_owned)
    }

    /// Returns the operator's text at the bottom of the page.
    pub(in super::super) fn footer(&self) -> Option<&str> {
        self.look().footer.in_language(self.language.tag())
    }

    /// Returns the URL of the terms of service.
    pub(in super::super) fn terms(&self) -> Option<&str> {
        self.look().terms_url.as_ref().map(PageUrl::as_str)
    }

    /// Returns the URL of the privacy policy.
    pub(in super::super) fn privacy(&self) -> Option<&str> {
        self.look().privacy_url.as_ref().map(PageUrl::as_str)
    }

    fn look(&self) -> &settings::Pages {
        &self.site.platform.settings.pages
    }

    fn values(&self) -> FluentArgs<'static> {
        let mut values = FluentArgs::new();
        values.set("service", self.service.clone());
        values.set("min", self.least);
        values.set("max", self.most);
        values
    }
}

/// Formats a time span like a clock: `4:59`, `1:00:00`.
fn clock(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_span_reads_like_a_clock() {
        for (seconds, shown) in [
            (0, "0:00"),
            (59, "0:59"),
            (299, "4:59"),
            (3600, "1:00:00"),
            (86_399, "23:59:59"),
        ] {
            assert_eq!(clock(seconds), shown);
        }
    }
}
