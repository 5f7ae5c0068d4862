//! The browser that sent an API request, if its page may use the session cookie.

use axum::extract::FromRequestParts;
use http::header::{COOKIE, ORIGIN};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::core::cookie::HostCookie;
use crate::core::device::DeviceSecret;
use crate::core::platform::Platform;
use crate::core::problem::{Code, Problem};
use crate::core::request_info::RequestInfo;
use crate::settings::Issuer;

/// The cookie that identifies a browser at later sign-ins. It signs no one in.
pub const DEVICE: HostCookie = HostCookie("countersign-device");

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// A browser on a page of this server, or of an application on the same site. The API reads, sets and removes cookies for
/// such requests only: browsers attach cookies to requests of other pages too.
///
/// `Origin` must be the issuer's or an application's, because pages cannot forge or omit it with a POST. `Sec-Fetch-Site`
/// must not say that the page belongs to another site. A server that calls for its own page sends `Origin` alone.
pub struct Browser {
    /// The origin of the page.
    pub origin: String,
    device: DeviceSecret,
    /// Only the `Cookie` headers.
    cookies: HeaderMap,
}

impl<S: AsRef<Platform> + Sync> FromRequestParts<S> for Browser {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let platform = state.as_ref();
        let origin = own_origin(platform, &parts.headers)?.to_owned();
        let cookies = parts.headers.get_all(COOKIE).iter();
        Ok(Self {
            origin,
            device: device_of(platform, &parts.headers),
            cookies: cookies.map(|cookie| (COOKIE, cookie.clone())).collect(),
        })
    }
}

impl Browser {
    /// Returns the cookies of the request.
    pub fn cookies(&self) -> &HeaderMap {
        &self.cookies
    }

    /// Returns the request as one of this device.
    pub fn request(&self, request: RequestInfo) -> RequestInfo {
        RequestInfo {
            device: Some(self.device.hash()),
            ..request
        }
    }

    /// Returns the header that lets this device be recognized at later sign-ins.
    pub fn remembered(&self, issuer: &Issuer) -> HeaderValue {
        let lifetime = crate::features::identity::devices::LIFETIME;
        DEVICE.set(issuer, &self.device.reveal(), Some(lifetime))
    }
}

/// Returns the browser's device secret, or a new one if it has none.
pub fn device_of(platform: &Platform, headers: &HeaderMap) -> DeviceSecret {
    let known = DEVICE.read(&platform.settings.issuer, headers);
    known
        .and_then(|value| value.parse().ok())
        .unwrap_or_else(|| DeviceSecret::generate(platform.random))
}

/// Returns the origin of the page that sent a request, if it may use cookies. Repeated headers are not trusted.
fn own_origin<'h>(platform: &Platform, headers: &'h HeaderMap) -> Result<&'h str, Problem> {
    let only = |name| {
        let mut values = headers.get_all(name).iter();
        (values.next(), values.next().is_none())
    };
    let refused = || Problem::new(Code::OriginNotAllowed);
    let (Some(origin), true) = only(ORIGIN) else {
        return Err(refused().detail("Send exactly one `Origin` header with requests that use the session cookie."));
    };
    let origin = origin.to_str().map_err(|_| refused())?;
    let ours = origin == platform.settings.issuer.as_str() || platform.applications.of_origin(origin).is_some();
    if !ours {
        return Err(refused());
    }
    let same_site = |site: &HeaderValue| site == "same-origin" || site == "same-site";
    match only(FETCH_SITE) {
        (None, _) => Ok(origin),
        (Some(site), true) if same_site(site) => Ok(origin),
        _ => Err(refused().detail(
            "The session cookie only works for pages on the same site as this server. Use host names on the same site for both (in development, `localhost` for both), or sign in with tokens.",
        )),
    }
}
