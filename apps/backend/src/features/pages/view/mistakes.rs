//! Errors in a submitted form, each shown next to its field.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};

use http::StatusCode;

use super::View;
use crate::core::problem::{Code, FieldError, Problem};

/// An error in a field of a form.
pub(in super::super) struct Mistake {
    /// The field; empty for the whole form.
    field: Cow<'static, str>,
    /// The name of its message.
    message: &'static str,
    /// Whether the page has shown it.
    told: AtomicBool,
}

impl Mistake {
    pub(in super::super) fn new(field: &'static str, message: &'static str) -> Self {
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
    /// Sets the errors of a problem. `field` is where it belongs if the problem names no field; empty for the whole form.
    pub(in super::super) fn refused(self, problem: &Problem, field: &'static str) -> Self {
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
    pub(in super::super) fn limited(self, problem: &Problem) -> Self {
        Self {
            headers: problem.headers().clone(),
            code: Some(problem.code()),
            ..self
        }
    }

    /// Replaces the message of errors in this field.
    pub(in super::super) fn saying(mut self, field: &str, message: &'static str) -> Self {
        for wrong in self.wrong.iter_mut().filter(|wrong| wrong.field == field) {
            wrong.message = message;
        }
        self
    }

    /// Adapts the message for a wrong password of a user who is already identified.
    pub(in super::super) fn about_own_password(mut self) -> Self {
        for wrong in &mut self.wrong {
            if wrong.message == Code::InvalidCredentials.message() {
                wrong.message = "error-current-password";
            }
        }
        self
    }

    /// Sets an error that the pages found themselves.
    pub(in super::super) fn marked(self, wrong: Mistake) -> Self {
        Self {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            wrong: vec![wrong],
            ..self
        }
    }

    /// Returns the error in a field.
    pub(in super::super) fn wrong(&self, field: &str) -> Option<String> {
        let wrong = self.wrong.iter().find(|wrong| wrong.field == field)?;
        wrong.told.store(true, Ordering::Relaxed);
        Some(self.t(wrong.message))
    }

    /// Returns whether a field has an error.
    pub(in super::super) fn is_wrong(&self, field: &str) -> bool {
        self.wrong.iter().any(|wrong| wrong.field == field)
    }

    /// Returns whether this field has the focus: the first with an error, or else the one set by `beginning`. If the page
    /// shows a notice, no field has it.
    pub(in super::super) fn begins(&self, field: &str) -> bool {
        match self.wrong.first() {
            Some(wrong) => !field.is_empty() && wrong.field == field,
            None => self.notice.is_none() && self.begin == field,
        }
    }

    /// Returns the error of the whole form, or of a field that the page does not have.
    pub(in super::super) fn wrong_in_all(&self) -> Option<String> {
        let rest = || {
            let tells = self.tells_rest.load(Ordering::Relaxed);
            let untold = |wrong: &&Mistake| !wrong.told.load(Ordering::Relaxed);
            Some(self.t(self.wrong.iter().filter(|_| tells).find(untold)?.message))
        };
        self.wrong("").or_else(rest)
    }

    /// Returns whether the rendered page has omitted an error, which is then shown at its top when it is rendered again.
    pub(in super::super) fn must_tell_more(&self) -> bool {
        let untold = |wrong: &Mistake| !wrong.field.is_empty() && !wrong.told.load(Ordering::Relaxed);
        let more = self.wrong.iter().any(untold);
        self.tells_rest.store(more, Ordering::Relaxed);
        more
    }
}
