//! Where a visitor continues: a page of this server, or of an application. It travels in the query `return_to` of URLs, also
//! those of forms, and is checked again on each request. A form has no field for it.

use super::return_path::ReturnPath;
use super::roots::is_for_people;
use crate::core::applications::{Application, Applications, with_return_to};
use crate::core::ids::AuthorizationRequestId;
use crate::core::platform::Platform;
use crate::settings::ApplicationUrl;

/// Where a visitor continues.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Destination {
    address: String,
    application: Option<Application>,
}

impl Destination {
    /// Reads a path on this server, or a URL of this server or of an application.
    pub(super) fn read(platform: &Platform, text: &str) -> Option<Self> {
        let (applications, issuer) = (&platform.applications, platform.settings.issuer.as_str());
        if let Some(path) = text.parse().ok().or_else(|| own_path(text, issuer)) {
            return Some(Self::on_this_server(applications, issuer, &path));
        }
        let (application, url) = applications.of_url(text)?;
        let mut application = application.clone();
        // The application of all loopback origins has the name of the host that the user goes to.
        if application.origins.is_empty() {
            url.origin().host().clone_into(&mut application.name);
        }
        Some(Self {
            address: url.as_str().to_owned(),
            application: Some(application),
        })
    }

    /// Reads the query of a URL. A repeated destination counts as none.
    pub(super) fn of_query(platform: &Platform, query: &str) -> Option<Self> {
        let mut values = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "return_to");
        let (_, value) = values.next()?;
        values.next().is_none().then(|| Self::read(platform, &value))?
    }

    /// Returns a path. An application whose origin is the issuer's has all paths that are not pages.
    fn on_this_server(applications: &Applications, issuer: &str, path: &ReturnPath) -> Self {
        let own = path.as_str().split(['?', '#']).next().unwrap_or_default();
        let application = applications.of_origin(issuer).filter(|_| !is_for_people(own));
        Self {
            address: path.as_str().to_owned(),
            application: application.cloned(),
        }
    }

    /// Returns it as in `Location`.
    pub(super) fn as_str(&self) -> &str {
        &self.address
    }

    /// Returns the authorization request whose pages it is.
    pub(super) fn interaction(&self) -> Option<AuthorizationRequestId> {
        interaction_at(&self.address)
    }

    /// Returns the application that it belongs to.
    pub(super) fn application(&self) -> Option<&Application> {
        self.application.as_ref()
    }
}

/// Returns the authorization request at a path of this server.
pub(super) fn interaction_at(path: &str) -> Option<AuthorizationRequestId> {
    let id = path.strip_prefix("/authorize/")?;
    Some(AuthorizationRequestId(id.parse().ok()?))
}

/// Returns the path of a URL of this server.
fn own_path(text: &str, issuer: &str) -> Option<ReturnPath> {
    let url = ApplicationUrl::read(text).filter(|url| url.origin().as_str() == issuer)?;
    url.as_str().strip_prefix(issuer)?.parse().ok()
}

/// Returns the URL of a page that continues to the same destination.
pub(super) fn with_destination(path: &str, destination: Option<&Destination>) -> String {
    match destination {
        Some(destination) => with_return_to(path, destination.as_str()),
        None => path.to_owned(),
    }
}

/// Returns the page of an application to open when there is no other.
pub(super) fn start_of(application: &Application, destination: Option<&Destination>) -> Option<String> {
    match &application.start {
        Some(start) => Some(start.as_str().to_owned()),
        // On a server for development: the origin of the destination.
        None => {
            let url = ApplicationUrl::read(destination?.as_str())?;
            Some(format!("{}/", url.origin().as_str()))
        }
    }
}
