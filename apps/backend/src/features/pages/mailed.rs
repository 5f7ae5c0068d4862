//! What a browser remembers of the mails that were asked for with it: where they went, and where the person was going.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::cookies::Cookie;
use super::email_input::EmailInput;
use super::return_path::ReturnPath;
use super::service::Pages;
use super::visitor::Visitor;
use crate::features::outbox::Action;

/// How long a browser remembers where a code was mailed to: longer than the code can be used.
const REMEMBERED: Duration = Duration::from_secs(30 * 60);
/// A longer way on is not remembered: a cookie has 4,096 bytes, and there are four kinds of mail.
const LONGEST_RETURN_PATH: usize = 400;

/// What a browser remembers of a mail that was asked for.
#[derive(Clone, Default)]
pub(super) struct Mailed {
    pub(super) email: EmailInput,
    /// Where the person is to go once the mail is answered.
    pub(super) return_path: Option<ReturnPath>,
    pub(super) certainty: Certainty,
}

/// What the page may say of a mail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Certainty {
    /// It goes out if there is an account, and nobody is told whether there is.
    #[default]
    Unsaid,
    /// It goes out in any case.
    Sent,
    /// It goes out, and the account was made a moment ago in this browser.
    SignedUp,
}

impl Mailed {
    /// What is remembered of a mail to this address.
    pub(super) fn to(email: EmailInput, return_path: Option<ReturnPath>, certainty: Certainty) -> Self {
        Self {
            email,
            return_path,
            certainty,
        }
    }

    /// As the cookie carries it: letters, digits and dots.
    fn entry(&self, action: Action) -> String {
        let return_path = self.return_path.as_ref().map(ReturnPath::as_str).unwrap_or_default();
        let return_path = match return_path.len() <= LONGEST_RETURN_PATH {
            true => URL_SAFE_NO_PAD.encode(return_path),
            false => String::new(),
        };
        let certainty = self.certainty.name();
        format!("{}.{}.{return_path}.{certainty}", name_of(action), self.email.encoded())
    }

    fn read(entry: &str) -> Option<Self> {
        let mut parts = entry.split('.').skip(1);
        let email = EmailInput::decoded(parts.next()?)?;
        let return_path = URL_SAFE_NO_PAD.decode(parts.next().unwrap_or_default()).ok();
        let return_path = return_path.and_then(|path| String::from_utf8(path).ok()?.parse().ok());
        let certainty = Certainty::of(parts.next().unwrap_or_default());
        Some(Self::to(email, return_path, certainty))
    }
}

impl Certainty {
    fn name(self) -> &'static str {
        match self {
            Self::Unsaid => "",
            Self::Sent => "sent",
            Self::SignedUp => "signed-up",
        }
    }

    fn of(name: &str) -> Self {
        let all = [Self::Sent, Self::SignedUp];
        all.into_iter().find(|one| one.name() == name).unwrap_or_default()
    }
}

/// Has the browser remember a mail, beside those of other kinds.
pub(super) fn remember(pages: &Pages, visitor: &mut Visitor, action: Action, mailed: &Mailed) {
    let others = Action::ALL.iter().copied().filter(|other| *other != action);
    let others: Vec<_> = others.filter_map(|other| entry_of(visitor, other)).collect();
    let entry = mailed.entry(action);
    let entries = [&[entry.as_str()], others.as_slice()].concat().join("~");
    visitor.set_cookie(pages, Cookie::Codes, &entries, Some(REMEMBERED));
}

/// What the browser remembers of a mail of this kind.
pub(super) fn remembered(visitor: &Visitor, action: Action) -> Mailed {
    entry_of(visitor, action).and_then(Mailed::read).unwrap_or_default()
}

/// What the browser remembers of one kind of mail.
fn entry_of(visitor: &Visitor, action: Action) -> Option<&str> {
    let mut entries = visitor.codes()?.split('~');
    entries.find(|entry| entry.split_once('.').is_some_and(|(name, _)| name == name_of(action)))
}

/// What the cookie calls a kind of mail.
fn name_of(action: Action) -> &'static str {
    match action {
        Action::VerifyEmail => "verify",
        Action::SignIn => "sign-in",
        Action::SetPassword => "recover",
        Action::ChangeEmail => "change",
    }
}
