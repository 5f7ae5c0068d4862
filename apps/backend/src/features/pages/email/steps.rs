//! The differences between the pages of each action.

use super::super::done::Done;
use crate::core::problem::{Code, Problem};
use crate::features::messaging::outbox::{Action, Purpose};

/// The pages of an action, in addition to [`Action::page`].
pub(super) struct Steps {
    /// The path for requesting its email.
    pub request_page: &'static str,
    /// The request for its email. `None`: the account page requests it.
    pub request: Option<Request>,
    /// The path for typing its code.
    pub code_page: &'static str,
    /// The prefix of its message names.
    pub texts: &'static str,
    /// The confirmation shown for a link that was already used. `None` for signing in.
    pub used: Option<Done>,
}

/// The request for an email.
pub(super) struct Request {
    pub purpose: Purpose,
    /// The path that the form is sent to.
    pub form: &'static str,
    /// The prefix of its message names.
    pub texts: &'static str,
}

const VERIFY_REQUEST: Request = Request {
    purpose: Purpose::VerifyEmail,
    form: "/verify/ask",
    texts: "ask-verify",
};

const VERIFY_EMAIL: Steps = Steps {
    request_page: "/verify",
    request: Some(VERIFY_REQUEST),
    code_page: "/verify/code",
    texts: "open-verify",
    used: Some(Done::VerifiedBefore),
};

const SIGN_IN: Steps = Steps {
    request_page: "/signin/email",
    request: Some(Request {
        purpose: Purpose::SignIn,
        form: "/signin/email/ask",
        texts: "ask-signin",
    }),
    code_page: "/signin/email/code",
    texts: "open-signin",
    used: None,
};

const SET_PASSWORD: Steps = Steps {
    request_page: "/recover",
    request: Some(Request {
        purpose: Purpose::ResetPassword,
        form: "/recover",
        texts: "ask-recover",
    }),
    code_page: "/recover/code",
    texts: "open-recover",
    used: Some(Done::RecoveredBefore),
};

const CHANGE_EMAIL: Steps = Steps {
    request_page: "/account",
    request: None,
    code_page: "/change-email/code",
    texts: "open-change-email",
    used: Some(Done::ChangedEmailBefore),
};

pub(super) const fn steps(action: Action) -> &'static Steps {
    match action {
        Action::VerifyEmail => &VERIFY_EMAIL,
        Action::SignIn => &SIGN_IN,
        Action::SetPassword => &SET_PASSWORD,
        Action::ChangeEmail => &CHANGE_EMAIL,
    }
}

/// Returns the action that one of the paths of [`routes`](super::routes) belongs to.
pub(super) fn action_at(path: &str) -> Result<Action, Problem> {
    let is_here = |action: &Action| {
        let steps = steps(*action);
        [action.page(), steps.code_page].contains(&path)
            || steps.request.as_ref().is_some_and(|request| request.form == path)
    };
    let found = Action::ALL.iter().copied().find(is_here);
    found.ok_or_else(|| Problem::new(Code::NotFound))
}

impl Steps {
    /// Returns how another email is requested if a link is invalid. A new email address is confirmed like any other.
    pub(super) fn request_again(&self) -> &Request {
        self.request.as_ref().unwrap_or(&VERIFY_REQUEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::language::{FluentArgs, Language, Texts};

    #[test]
    fn every_action_has_its_texts_in_every_language() {
        let (texts, values) = (Texts::default(), FluentArgs::new());
        let names = |beginning: &str, ends: &[&str]| {
            let name = |end: &&str| format!("{beginning}-{end}");
            ends.iter().map(name).collect::<Vec<_>>()
        };
        for action in Action::ALL.iter().copied() {
            let asked = names(steps(action).request_again().texts, &["title", "text"]);
            let answered = names(steps(action).texts, &["title", "text", "button"]);
            for message in asked.into_iter().chain(answered) {
                for language in Language::ALL.iter().copied() {
                    let text = texts.render(language, &message, &values);
                    assert!(text != message, "{message} in {}", language.tag());
                }
            }
        }
    }
}
