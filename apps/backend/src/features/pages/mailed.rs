//! What a browser remembers of the emails that were requested with it.

use std::time::Duration;

use super::cookies::Cookie;
use super::email_input::EmailInput;
use super::service::Pages;
use super::visitor::Visitor;
use crate::features::messaging::outbox::Action;

/// How long a browser remembers the recipient of a code: longer than the code is valid.
const REMEMBERED: Duration = Duration::from_secs(30 * 60);

/// What a browser remembers of a requested email.
#[derive(Clone, Default)]
pub(super) struct Mailed {
    pub(super) email: EmailInput,
    pub(super) certainty: Certainty,
}

/// What the page may say about whether an email is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Certainty {
    /// It is sent if there is an account, which the page does not reveal.
    #[default]
    Unsaid,
    /// It is sent in any case.
    Sent,
    /// It is sent, and the account was just created in this browser.
    SignedUp,
    /// It is sent, and its code completes a sign-in with the right password.
    SignsIn,
}

impl Mailed {
    /// Returns what is remembered of an email to this email address.
    pub(super) fn to(email: EmailInput, certainty: Certainty) -> Self {
        Self { email, certainty }
    }

    /// Encodes it for the cookie, with letters, digits and dots.
    fn entry(&self, action: Action) -> String {
        let certainty = self.certainty.name();
        format!("{}.{}.{certainty}", name_of(action), self.email.encoded())
    }

    fn read(entry: &str) -> Option<Self> {
        let mut parts = entry.split('.').skip(1);
        let email = EmailInput::decoded(parts.next()?)?;
        let certainty = Certainty::of(parts.next().unwrap_or_default());
        Some(Self::to(email, certainty))
    }
}

impl Certainty {
    fn name(self) -> &'static str {
        match self {
            Self::Unsaid => "",
            Self::Sent => "sent",
            Self::SignedUp => "signed-up",
            Self::SignsIn => "signs-in",
        }
    }

    fn of(name: &str) -> Self {
        let all = [Self::Sent, Self::SignedUp, Self::SignsIn];
        all.into_iter().find(|one| one.name() == name).unwrap_or_default()
    }
}

/// Has the browser remember an email, in addition to those of other kinds.
pub(super) fn remember(pages: &Pages, visitor: &mut Visitor, action: Action, mailed: &Mailed) {
    let others = Action::ALL.iter().copied().filter(|other| *other != action);
    let others = others.filter_map(|other| Some(Mailed::read(entry_of(visitor, other)?)?.entry(other)));
    let entries: Vec<_> = std::iter::once(mailed.entry(action)).chain(others).collect();
    visitor.set_cookie(pages, Cookie::Codes, &entries.join("~"), Some(REMEMBERED));
}

/// Returns what the browser remembers of an email of this kind.
pub(super) fn remembered(visitor: &Visitor, action: Action) -> Mailed {
    entry_of(visitor, action).and_then(Mailed::read).unwrap_or_default()
}

/// Returns the cookie's entry for one kind of email.
fn entry_of(visitor: &Visitor, action: Action) -> Option<&str> {
    let mut entries = visitor.codes()?.split('~');
    entries.find(|entry| entry.split_once('.').is_some_and(|(name, _)| name == name_of(action)))
}

/// Returns the name of a kind of email in the cookie.
fn name_of(action: Action) -> &'static str {
    match action {
        Action::VerifyEmail => "verify",
        Action::SignIn => "sign-in",
        Action::SetPassword => "recover",
        Action::ChangeEmail => "change",
    }
}
