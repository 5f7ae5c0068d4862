//! Where a page leads: to the destination, to the application, or to a client.

use super::{HOME, View};
use crate::core::ids::AccountId;
use crate::features::oauth::clients::Client;
use crate::features::pages::destination::{Destination, start_of, with_destination};

/// The maximum length of a client's name on a page.
const LONGEST_NAME: usize = 100;

/// A link with its text.
pub(in super::super) struct Link {
    pub href: String,
    pub label: String,
}

impl View {
    /// Returns the URL of a page or a form that continues to the same destination.
    pub(in super::super) fn onward(&self, path: &str) -> String {
        with_destination(path, self.destination.as_ref())
    }

    /// Returns the name of the client that the page leads to, if there is one.
    pub(in super::super) fn for_client(&self) -> Option<String> {
        let interaction = self.interaction.as_ref()?;
        Some(self.client_name(interaction.client()))
    }

    /// Returns whether the client expects an account other than the one that is signed in.
    pub(in super::super) fn expects_other(&self, account: AccountId) -> bool {
        let expected = self.interaction.as_ref().and_then(|interaction| interaction.expected());
        expected.is_some_and(|expected| expected != account)
    }

    /// Returns a client's name in the language of the page, bounded and without characters that could change how the
    /// text around it reads.
    pub(in super::super) fn client_name(&self, client: &Client) -> String {
        let name = shown_name(client.name_in(self.language));
        match name.is_empty() {
            true => shown_name(&client.client_id),
            false => name,
        }
    }

    /// Returns the link to the application, if it is known. A user who is signed in continues to the destination; others
    /// would be sent back here from most pages of the application, so they get its start page.
    pub(in super::super) fn back(&self) -> Option<Link> {
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
    pub(in super::super) fn next(&self) -> Link {
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
}

fn shown_name(name: &str) -> String {
    let is_shown = |c: &char| {
        !c.is_control()
            && !matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
    };
    name.trim().chars().filter(is_shown).take(LONGEST_NAME).collect()
}
