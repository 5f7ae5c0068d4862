//! What every template can ask for: its texts, the form's token, and what was wrong with what was sent.

use std::borrow::Cow;

use http::{HeaderMap, StatusCode};

use super::service::Pages;
use super::visitor::Visitor;
use crate::core::language::{FluentArgs, Language, Texts};
use crate::core::problem::{Code, FieldError, Problem};

/// What a template sees beside its own values.
pub(super) struct View {
    texts: Texts,
    pub language: Language,
    pub service: String,
    pub style: String,
    pub script: String,
    pub form_token: String,
    pub path: String,
    /// Whether the language can be changed here: not where the address holds what was mailed.
    pub switchable: bool,
    pub notice: Option<String>,
    pub least: usize,
    most: usize,
    status: StatusCode,
    headers: HeaderMap,
    wrong: Vec<Mistake>,
}

/// What is wrong with a field of a form.
pub(super) struct Mistake {
    /// The field; empty for the whole form.
    field: Cow<'static, str>,
    /// The message that says so.
    message: &'static str,
}

impl Mistake {
    pub(super) fn new(field: &'static str, message: &'static str) -> Self {
        Self {
            field: Cow::Borrowed(field),
            message,
        }
    }
}

impl From<&FieldError> for Mistake {
    fn from(error: &FieldError) -> Self {
        Self {
            field: error.field.clone(),
            message: error.code.message(),
        }
    }
}

impl View {
    pub(super) fn new(pages: &Pages, visitor: &Visitor) -> Self {
        Self {
            texts: pages.platform.texts.clone(),
            language: visitor.language,
            service: pages.platform.settings.pages.name.clone(),
            style: pages.assets.style_path.clone(),
            script: pages.assets.script_path.clone(),
            form_token: visitor.form_token.clone(),
            path: visitor.path.clone(),
            switchable: true,
            notice: None,
            least: pages.platform.settings.passwords.min_length,
            most: pages.platform.settings.passwords.max_length,
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            wrong: Vec::new(),
        }
    }

    /// The same page, with what was wrong. `field` is where a problem belongs that names none; empty for the whole form.
    pub(super) fn refused(self, problem: &Problem, field: &'static str) -> Self {
        let wrong = match problem.errors() {
            [] => vec![Mistake::new(field, problem.code().message())],
            errors => errors.iter().map(Mistake::from).collect(),
        };
        // A 401 would ask for a bearer token (RFC 9110 §11.6.1), which no page takes.
        let status = match problem.http_status() {
            status @ StatusCode::TOO_MANY_REQUESTS => status,
            status if problem.code() == Code::ForeignForm || status.is_server_error() => status,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Self {
            status,
            wrong,
            headers: problem.headers().clone(),
            ..self
        }
    }

    /// The same page, with what is wrong with a field that the pages judge themselves.
    pub(super) fn marked(self, wrong: Mistake) -> Self {
        Self {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            wrong: vec![wrong],
            ..self
        }
    }

    /// The same page, with word of what was done.
    pub(super) fn noting(self, notice: String) -> Self {
        Self {
            notice: Some(notice),
            ..self
        }
    }

    /// The same page, which is to be found at another path than that of the form that led to it.
    pub(super) fn at(self, path: &str) -> Self {
        Self {
            path: path.to_owned(),
            ..self
        }
    }

    /// The same page, where the language cannot be changed.
    pub(super) fn fixed(self) -> Self {
        Self {
            switchable: false,
            ..self
        }
    }

    pub(super) fn languages(&self) -> &'static [Language] {
        Language::ALL
    }

    /// A message, with the values that all pages know.
    pub(super) fn t(&self, message: &str) -> String {
        self.texts.render(self.language, message, &self.values())
    }

    /// A message with a value of its own.
    pub(super) fn t1(&self, message: &str, name: &'static str, value: &str) -> String {
        let mut values = self.values();
        values.set(name, value.to_owned());
        self.texts.render(self.language, message, &values)
    }

    /// A form that was refused is no success; what cannot be done now is told as such.
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    /// What goes with a refusal, such as when to come back.
    pub(super) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// What is wrong with a field.
    pub(super) fn wrong(&self, field: &str) -> Option<String> {
        let wrong = self.wrong.iter().find(|wrong| wrong.field == field)?;
        Some(self.t(wrong.message))
    }

    /// What is wrong with the whole form; or, above all, that something below is.
    pub(super) fn wrong_in_all(&self) -> Option<String> {
        if self.wrong.is_empty() {
            return None;
        }
        Some(self.wrong("").unwrap_or_else(|| self.t("error-below")))
    }

    fn values(&self) -> FluentArgs<'static> {
        let mut values = FluentArgs::new();
        values.set("service", self.service.clone());
        values.set("min", self.least);
        values.set("max", self.most);
        values
    }
}
