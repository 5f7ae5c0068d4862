//! Confirmation of a completed action on its own page, which survives a reload. It is shown only if the browser's cookie
//! says that the action was completed, so a link alone cannot show it.

use std::time::Duration;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;

use super::cookies::Cookie;
use super::reply::{page, see_other};
use super::service::Pages;
use super::view::{HOME, Link, View};
use super::visitor::Visitor;
use crate::core::problem::{Code, Problem};

/// How long a browser remembers completed actions.
const REMEMBERED: Duration = Duration::from_secs(10 * 60);

macro_rules! done {
    ($($variant:ident = $message:literal;)+) => {
        /// The actions that can be confirmed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Done { $($variant,)+ }

        impl Done {
            const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Returns the prefix of its message names.
            fn message(self) -> &'static str {
                match self { $(Self::$variant => $message,)+ }
            }
        }
    };
}

done! {
    Verified = "done-verified";
    VerifiedBefore = "done-verified-before";
    Recovered = "done-recovered";
    Invited = "done-invited";
    RecoveredBefore = "done-recovered-before";
    ChangedEmail = "done-changed-email";
    ChangedEmailBefore = "done-changed-email-before";
    ChangedName = "done-changed-name";
    ChangedPassword = "done-changed-password";
    Withdrew = "done-withdrew";
    SignedOut = "done-signed-out";
    SignedOutEverywhere = "done-signed-out-everywhere";
    DeviceAllowed = "done-device-allowed";
    DeviceCanceled = "done-device-canceled";
    DeviceDenied = "done-device-denied";
    Deleted = "done-deleted";
}

impl Done {
    /// Returns its name in URLs and cookies.
    fn name(self) -> &'static str {
        self.message().trim_start_matches("done-")
    }

    fn path(self) -> String {
        match self {
            Self::ChangedName | Self::ChangedPassword => format!("/account?done={}", self.name()),
            Self::Withdrew => format!("/account/apps?done={}", self.name()),
            _ => format!("/done/{}", self.name()),
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|done| done.name() == name)
    }

    /// Returns whether the browser remembers it.
    fn is_remembered(self, visitor: &Visitor) -> bool {
        let remembered = visitor.done().unwrap_or_default();
        remembered.split('.').any(|name| name == self.name())
    }
}

#[derive(Template)]
#[template(path = "pages/done.html")]
struct DonePage {
    v: View,
    title: String,
    text: String,
    link: String,
    label: String,
}

/// Redirects to the confirmation of a completed action.
pub(super) fn redirect_to(pages: &Pages, visitor: &mut Visitor, done: Done) -> Response {
    let before = Done::ALL
        .iter()
        .copied()
        .filter(|before| *before != done && before.is_remembered(visitor));
    let names: Vec<_> = [done].into_iter().chain(before).map(Done::name).collect();
    visitor.set_cookie(pages, Cookie::Done, &names.join("."), Some(REMEMBERED));
    see_other(visitor, &visitor.onward(&done.path()))
}

/// Renders the confirmation of a completed action at the current URL, with a link back to what the user was doing before.
pub(super) fn show(visitor: &Visitor, v: View, done: Done) -> Response {
    let to = |path: &str, label| Link {
        href: v.onward(path),
        label: v.t(label),
    };
    let (link, v) = match done {
        Done::Deleted => (to("/", "page-home"), v),
        // The user continues on the device.
        Done::DeviceAllowed | Done::DeviceCanceled | Done::DeviceDenied => (to(HOME, "account-title"), v),
        Done::SignedOut | Done::SignedOutEverywhere => (to("/signin", "done-signed-out-again"), v),
        _ if visitor.signed_in.is_some() => (v.next(), v.leading_back()),
        _ => (to("/signin", "signin-title"), v),
    };
    let page_of = DonePage {
        title: v.t(&format!("{}-title", done.message())),
        text: v.t(&format!("{}-text", done.message())),
        label: link.label,
        link: link.href,
        v,
    };
    page(visitor, &page_of.v, &page_of)
}

/// Shows the confirmation if this browser completed the action recently.
pub(super) async fn done_page(
    State(pages): State<Pages>,
    Path(name): Path<String>,
    visitor: Visitor,
) -> Result<Response, Problem> {
    let done = Done::named(&name).ok_or(Problem::new(Code::NotFound))?;
    Ok(match done.is_remembered(&visitor) {
        true => show(&visitor, View::new(&pages, &visitor), done),
        false => see_other(&visitor, &visitor.onward("/")),
    })
}

/// A notice requested by the URL of a page.
#[derive(Default, serde::Deserialize)]
pub(super) struct Notice {
    #[serde(default)]
    done: String,
}

impl Notice {
    /// Adds the notice to the page if the action was completed recently.
    pub(super) fn on(self, visitor: &Visitor, v: View) -> View {
        match Done::named(&self.done) {
            Some(done) if done.is_remembered(visitor) => {
                let notice = v.t(done.message());
                v.noting(notice)
            }
            _ => v,
        }
    }
}
