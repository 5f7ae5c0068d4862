//! The hosts that a proxy can protect, and the page that a client wanted there.

use http::Method;

use crate::core::forwarded::Forwarded;
use crate::core::platform::Platform;
use crate::settings::{ApplicationUrl, Origin};

/// The path to which a browser returns on an application's host.
pub const CALLBACK: &str = "/.countersign/callback";

/// An origin of an application, or the issuer's own.
#[derive(Clone, Debug)]
pub struct Place {
    pub origin: Origin,
    /// Where to go when there is nothing else.
    pub start: String,
    /// Whether the pages of this server are at the same origin, so that their cookie is sent there too.
    pub has_pages: bool,
}

impl Place {
    /// Returns the place with this origin. `None` if it is neither an application's nor the issuer's.
    pub fn of(platform: &Platform, origin: &str) -> Option<Self> {
        let issuer = &platform.settings.issuer;
        let root = ApplicationUrl::read(&format!("{origin}/")).filter(|root| root.origin().as_str() == origin)?;
        let has_pages = origin == issuer.as_str();
        let application = platform.applications.of_origin(origin);
        if application.is_none() && !has_pages {
            return None;
        }
        let start = application.and_then(|application| application.start.as_ref());
        Some(Self {
            start: start.unwrap_or(&root).as_str().to_owned(),
            origin: root.origin().clone(),
            has_pages,
        })
    }

    /// Returns the URL of a path here, in the spelling of browsers. `None` if it leads elsewhere, or is too long.
    fn url(&self, uri: &str) -> Option<String> {
        let url = ApplicationUrl::read(&format!("{}{uri}", self.origin.as_str()))?;
        (url.origin() == &self.origin).then(|| url.as_str().to_owned())
    }
}

/// The request that a client sent to a protected application.
pub struct Wanted {
    pub place: Place,
    pub method: Method,
    /// The requested URL, or the start if it cannot be returned to.
    pub url: String,
}

/// Why a proxy's description of a request is not sufficient.
#[derive(Debug)]
pub enum Unusable {
    /// The proxy is not trusted, or does not describe the request.
    Proxy,
    /// The origin is not an application's.
    Origin,
}

impl Wanted {
    /// Reads the request from the description by a trusted proxy.
    pub fn of(platform: &Platform, forwarded: Option<&Forwarded>) -> Result<Self, Unusable> {
        let forwarded = forwarded.ok_or(Unusable::Proxy)?;
        let (Some(uri), Some(method)) = (&forwarded.uri, &forwarded.method) else {
            return Err(Unusable::Proxy);
        };
        let place = Place::of(platform, &forwarded.origin).ok_or(Unusable::Origin)?;
        let url = place.url(uri).unwrap_or_else(|| place.start.clone());
        Ok(Self {
            url,
            method: method.clone(),
            place,
        })
    }

    /// Returns the part of the URL after the origin.
    pub fn path(&self) -> &str {
        self.url.strip_prefix(self.place.origin.as_str()).unwrap_or("/")
    }
}
