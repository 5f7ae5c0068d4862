//! What every template can use: texts, the form token, and errors in the submitted form.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderValue, StatusCode};

use super::destination::{Destination, start_of, with_destination};
use super::service::Pages;
use super::visitor::Visitor;
use crate::core::brand;
use crate::core::clock::Timestamp;
use crate::core::ids::AccountId;
use crate::core::language::{FluentArgs, Language};
use crate::core::problem::{Code, FieldError, Problem};
use crate::features::oauth::authorization::Interaction;
use crate::features::oauth::clients::Client;
use crate::settings::{self, PageUrl};

/// A placeholder for a time in a message: a private-use character that does not occur in texts.
const PLACE: &str = "\u{E000}";

/// Where a signed-in user continues if there is no other destination.
pub(super) const HOME: &str = "/account";

/// The data of a template in addition to its own values.
pub(super) struct View {
    site: Pages,
    pub language: Language,
    pub service: String,
    pub style: String,
    pub script: String,
    pub icon: String,
    pub form_token: String,
    pub path: String,
    destination: Option<Destination>,
    /// The authorization request that the page belongs to, or that it leads to.
    interaction: Option<Arc<Interaction>>,
    /// Whether a form of the page is sent to a client.
    leads_away: bool,
    /// Whether a button of the page leads to the application.
    leads_back: bool,
    is_signed_in: bool,
    /// Whether the language can be changed here: not if the URL contains an emailed token.
    pub switchable: bool,
    pub notice: Option<String>,
    pub least: usize,
    most: usize,
    status: StatusCode,
    headers: HeaderMap,
    wrong: Vec<Mistake>,
    /// The code of the problem, if there is one.
    code: Option<Code>,
    /// The field that has the focus if nothing is wrong.
    begin: &'static str,
    /// Whether errors in fields that the page does not have are shown at its top.
    tells_rest: AtomicBool,
}

/// A point in time within a sentence.
pub(super) struct SaidTime {
    pub before: String,
    pub time: String,
    /// The same in machine-readable form.
    pub iso: String,
    pub after: String,
}

/// The time to wait until the next attempt, within a sentence.
pub(super) struct Wait {
    pub before: String,
    /// Formatted like a clock: `4:59`.
    pub clock: String,
    pub seconds: u64,
    pub after: String,
    /// The text shown when the time is over.
    pub over: String,
}

/// A link with its text.
pub(super) struct Link {
    pub href: String,
    pub label: String,
}

/// An error in a field of a form.
pub(super) struct Mistake {
    /// The field; empty for the whole form.
    field: Cow<'static, str>,
    /// The name of its message.
    message: &'static str,
    /// Whether the page has shown it.
    told: AtomicBool,
}

impl Mistake {
    pub(super) fn new(field: &'static str, message: &'static str) -> Self {
        Self {
            field: Cow::Borrowed(field),
            message,
            told: AtomicBool::new(false),
        }
    }
}

impl From<&FieldError> for Mistake {
    fn from(error: &FieldError) -> Self {
        Self {
            field: error.field.clone(),
            message: error.code.message(),
            told: AtomicBool::new(false),
        }
    }
}

impl View {
    pub(super) fn new(pages: &Pages, visitor: &Visitor) -> Self {
        Self {
            site: pages.clone(),
            language: visitor.language,
            service: pages.platform.settings.pages.name.clone(),
            style: pages.assets.style_path.clone(),
            script: pages.assets.script_path.clone(),
            icon: pages.assets.icon_path.clone(),
            form_token: visitor.form_token.clone(),
            path: visitor.onward(&visitor.path),
            destination: visitor.destination.clone(),
            interaction: visitor.interaction.clone(),
            leads_away: false,
            leads_back: false,
            is_signed_in: visitor.signed_in.is_some(),
            switchable: true,
            notice: None,
            least: pages.platform.settings.passwords.min_length,
            most: pages.platform.settings.passwords.max_length,
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            wrong: Vec::new(),
            code: None,
            begin: "",
            tells_rest: AtomicBool::new(false),
        }
    }

    /// Sets the errors of a problem. `field` is where it belongs if the problem names no field; empty for the whole form.
    pub(super) fn refused(self, problem: &Problem, field: &'static str) -> Self {
        let wrong = match problem.errors() {
            [] => vec![Mistake::new(field, problem.code().message())],
            errors => errors.iter().map(Mistake::from).collect(),
        };
        // A 401 would request a bearer token (RFC 9110 §11.6.1), which pages do not accept.
        let status = match problem.http_status() {
            status @ StatusCode::TOO_MANY_REQUESTS => status,
            status if problem.code() == Code::ForeignForm || status.is_server_error() => status,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Self {
            status,
            wrong,
            headers: problem.headers().clone(),
            code: Some(problem.code()),
            ..self
        }
    }

    /// Sets the time to wait, if the problem is an exceeded rate limit and the page shows no form.
    pub(super) fn limited(self, problem: &Problem) -> Self {
        Self {
            headers: problem.headers().clone(),
            code: Some(problem.code()),
            ..self
        }
    }

    /// Replaces the message of errors in this field.
    pub(super) fn saying(mut self, field: &str, message: &'static str) -> Self {
        for wrong in self.wrong.iter_mut().filter(|wrong| wrong.field == field) {
            wrong.message = message;
        }
        self
    }

    /// Adapts the message for a wrong password of a user who is already identified.
    pub(super) fn about_own_password(mut self) -> Self {
        for wrong in &mut self.wrong {
            if wrong.message == Code::InvalidCredentials.message() {
                wrong.message = "error-current-password";
            }
        }
        self
    }

    /// Sets the field that has the focus.
    pub(super) fn beginning(self, field: &'static str) -> Self {
        Self { begin: field, ..self }
    }

    /// Sets an error that the pages found themselves.
    pub(super) fn marked(self, wrong: Mistake) -> Self {
        Self {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            wrong: vec![wrong],
            ..self
        }
    }

    /// Adds a notice of a completed action.
    pub(super) fn noting(self, notice: String) -> Self {
        Self {
            notice: Some(notice),
            ..self
        }
    }

    /// Sets the path of the page, if it differs from that of the submitted form.
    pub(super) fn at(self, path: &str) -> Self {
        Self {
            path: self.onward(path),
            ..self
        }
    }

    /// Returns the URL of a page or a form that continues to the same destination.
    pub(super) fn onward(&self, path: &str) -> String {
        with_destination(path, self.destination.as_ref())
    }

    /// Sets that a button of the page leads to the application.
    pub(super) fn leading_back(self) -> Self {
        Self {
            leads_back: true,
            ..self
        }
    }

    /// Sets that the form of the page is sent to a client.
    pub(super) fn leading_away(self) -> Self {
        Self {
            leads_away: true,
            ..self
        }
    }

    /// Returns the name of the client that the page leads to, if there is one.
    pub(super) fn for_client(&self) -> Option<String> {
        let interaction = self.interaction.as_ref()?;
        Some(self.client_name(&interaction.client))
    }

    /// Returns whether the client expects another account than the one that is signed in.
    pub(super) fn expects_other(&self, account: AccountId) -> bool {
        let expected = self.interaction.as_ref().and_then(|interaction| interaction.expected);
        expected.is_some_and(|expected| expected != account)
    }

    /// Returns the name of a client in the language of the page, bounded and without characters that could change how the
    /// text around it reads.
    pub(super) fn client_name(&self, client: &Client) -> String {
        let name = shown_name(client.name_in(self.language));
        match name.is_empty() {
            true => shown_name(&client.client_id),
            false => name,
        }
    }

    /// Returns the link to the application, if it is known. A user who is signed in continues to the destination; others
    /// would be sent back here from most pages of the application, so they get its start page.
    pub(super) fn back(&self) -> Option<Link> {
        if self.interaction.is_some() {
            return None;
        }
        let destination = self.destination.as_ref();
        let own = destination.and_then(Destination::application);
        let application = own.or_else(|| self.site.platform.applications.only())?;
        let href = match destination.filter(|_| self.is_signed_in && own.is_some()) {
            Some(destination) => destination.as_str().to_owned(),
            None => start_of(application, destination)?,
        };
        let is_shown = !self.leads_back;
        is_shown.then(|| Link {
            href,
            label: self.t1("page-back-to", "application", &application.name),
        })
    }

    /// Returns the link with which a signed-in user continues: to the destination, to the application, or to the account.
    pub(super) fn next(&self) -> Link {
        let destination = self.destination.as_ref();
        let own = destination.and_then(Destination::application);
        let application = own.or_else(|| self.site.platform.applications.only().filter(|_| destination.is_none()));
        let start = || application.and_then(|application| start_of(application, destination));
        let href = destination
            .map(|destination| destination.as_str().to_owned())
            .or_else(start);
        Link {
            href: href.unwrap_or_else(|| HOME.to_owned()),
            label: match (self.for_client(), application) {
                (Some(client), _) => self.t1("page-continue-to", "application", &client),
                (None, Some(application)) => self.t1("page-continue-to", "application", &application.name),
                (None, None) => self.t("page-continue"),
            },
        }
    }

    /// Disables changing the language.
    pub(super) fn fixed(self) -> Self {
        Self {
            switchable: false,
            ..self
        }
    }

    /// Returns the policy of the page.
    pub(super) fn policy(&self) -> HeaderValue {
        let policies = &self.site.policies;
        match self.leads_away || self.interaction.is_some() {
            true => policies.of_interactions.clone(),
            false => policies.usual.clone(),
        }
    }

    pub(super) fn languages(&self) -> &'static [Language] {
        Language::ALL
    }

    /// Renders a message with the values that all pages have.
    pub(super) fn t(&self, message: &str) -> String {
        self.site.platform.texts.render(self.language, message, &self.values())
    }

    /// Renders a message with an additional value.
    pub(super) fn t1(&self, message: &str, name: &'static str, value: &str) -> String {
        let mut values = self.values();
        values.set(name, value.to_owned());
        self.site.platform.texts.render(self.language, message, &values)
    }

    /// Renders a message with two additional values.
    pub(super) fn t2(&self, message: &str, one: (&'static str, &str), other: (&'static str, &str)) -> String {
        let mut values = self.values();
        values.set(one.0, one.1.to_owned());
        values.set(other.0, other.1.to_owned());
        self.site.platform.texts.render(self.language, message, &values)
    }

    /// Returns the status of the page; an error if a form was refused.
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    /// Returns the headers of a refusal, such as `Retry-After`.
    pub(super) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Renders a message with a number.
    pub(super) fn count(&self, message: &str, count: usize) -> String {
        let mut values = self.values();
        values.set("count", count);
        self.site.platform.texts.render(self.language, message, &values)
    }

    /// Renders a message that says when something happened.
    pub(super) fn when(&self, message: &str, at: Timestamp) -> SaidTime {
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
    pub(super) fn wait(&self) -> Option<Wait> {
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

    /// Returns the error in a field.
    pub(super) fn wrong(&self, field: &str) -> Option<String> {
        let wrong = self.wrong.iter().find(|wrong| wrong.field == field)?;
        wrong.told.store(true, Ordering::Relaxed);
        Some(self.t(wrong.message))
    }

    /// Returns whether a field has an error.
    pub(super) fn is_wrong(&self, field: &str) -> bool {
        self.wrong.iter().any(|wrong| wrong.field == field)
    }

    /// Returns whether this field has the focus: the first with an error, or else the one set by `beginning`. If the page
    /// shows a notice, no field has it.
    pub(super) fn begins(&self, field: &str) -> bool {
        match self.wrong.first() {
            Some(wrong) => !field.is_empty() && wrong.field == field,
            None => self.notice.is_none() && self.begin == field,
        }
    }

    /// Returns the error of the whole form, or of a field that the page does not have.
    pub(super) fn wrong_in_all(&self) -> Option<String> {
        let rest = || {
            let tells = self.tells_rest.load(Ordering::Relaxed);
            let untold = |wrong: &&Mistake| !wrong.told.load(Ordering::Relaxed);
            Some(self.t(self.wrong.iter().filter(|_| tells).find(untold)?.message))
        };
        self.wrong("").or_else(rest)
    }

    /// Returns whether the rendered page has omitted an error, which is then shown at its top when it is rendered again.
    pub(super) fn must_tell_more(&self) -> bool {
        let untold = |wrong: &Mistake| !wrong.field.is_empty() && !wrong.told.load(Ordering::Relaxed);
        let more = self.wrong.iter().any(untold);
        self.tells_rest.store(more, Ordering::Relaxed);
        more
    }

    /// Returns the background colors of the pages by color scheme. Browsers use them for their toolbars.
    pub(super) fn grounds(&self) -> [(&'static str, String); 2] {
        [("light", brand::LIGHT.ground.css()), ("dark", brand::DARK.ground.css())]
    }

    /// Returns the letter shown instead of a logo.
    pub(super) fn initial(&self) -> String {
        super::assets::initial(&self.service)
    }

    /// Returns the heading of the sign-in page.
    pub(super) fn heading(&self) -> String {
        let own = self.look().heading.in_language(self.language.tag());
        own.map_or_else(|| self.t("signin-title"), str::to_owned)
    }

    /// Returns the operator's text at the bottom of the page.
    pub(super) fn footer(&self) -> Option<&str> {
        self.look().footer.in_language(self.language.tag())
    }

    /// Returns the URL of the terms of service.
    pub(super) fn terms(&self) -> Option<&str> {
        self.look().terms_url.as_ref().map(PageUrl::as_str)
    }

    /// Returns the URL of the privacy policy.
    pub(super) fn privacy(&self) -> Option<&str> {
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

/// The maximum length of a client's name on a page.
const LONGEST_NAME: usize = 100;

fn shown_name(name: &str) -> String {
    let is_shown = |c: &char| {
        !c.is_control()
            && !matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
    };
    name.trim().chars().filter(is_shown).take(LONGEST_NAME).collect()
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
