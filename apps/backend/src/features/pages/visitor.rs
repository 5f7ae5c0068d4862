//! The client of a page request, its language, and what its cookies say.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequestParts, Query};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{REFERRER_POLICY, SET_COOKIE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Uri};
use serde::de::DeserializeOwned;

use super::cookies::Cookie;
use super::destination::{Destination, interaction_at, with_destination};
use super::service::Pages;
use crate::core::caller::Caller;
use crate::core::device::DeviceSecret;
use crate::core::handle::{Handle, HandleHash};
use crate::core::ids::SessionRef;
use crate::core::language::Language;
use crate::core::problem::{Code, Problem};
use crate::core::request_info::RequestInfo;
use crate::features::oauth::authorization::{Interaction, Visit};
use crate::features::sign_in::browser_sessions::{Found, SignedIn, device_of};

/// The client of a page request.
#[derive(Clone)]
pub(super) struct Visitor {
    pub language: Language,
    /// The signed-in user.
    pub signed_in: Option<SignedIn>,
    /// Whether the lookup of the session failed. Then `signed_in` is `None`, whether or not there is one.
    lookup_failed: bool,
    /// The token in all forms of this browser.
    pub form_token: String,
    /// The browser's secret. The browser stores it after a successful authentication.
    pub device: Arc<DeviceSecret>,
    /// The path of the request.
    pub path: String,
    /// Where the visitor continues, if the request's URL says so.
    pub destination: Option<Destination>,
    /// The authorization request that the page belongs to, or that it leads to.
    pub interaction: Option<Arc<Interaction>>,
    /// What its cookies say about earlier forms.
    past: Past,
    /// Cookies to set in the response, at most one value each.
    cookies: Vec<(Cookie, HeaderValue)>,
    /// The session cookie to set in the response.
    session_cookie: Option<HeaderValue>,
}

/// What a browser remembers of the forms that it sent before.
#[derive(Clone, Default)]
struct Past {
    codes: Option<String>,
    done: Option<String>,
    typed: Option<String>,
}

impl FromRequestParts<Pages> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, pages: &Pages) -> Result<Self, Infallible> {
        // The layer around the pages has already created it.
        if let Some(known) = parts.extensions.get::<Self>() {
            return Ok(known.clone());
        }
        let mut visitor = Self {
            form_token: form_token(pages, &parts.headers).unwrap_or_default(),
            past: Past {
                codes: Cookie::Codes.read(pages, &parts.headers),
                done: Cookie::Done.read(pages, &parts.headers),
                typed: Cookie::Typed.read(pages, &parts.headers),
            },
            ..Self::without_session(pages, &parts.uri, &parts.headers)
        };
        if visitor.form_token.is_empty() {
            let token = URL_SAFE_NO_PAD.encode(pages.platform.random.bytes::<32>());
            visitor.set_cookie(pages, Cookie::Form, &token, None);
            visitor.form_token = token;
        }
        visitor.load_session(pages, &parts.headers).await;
        visitor.load_interaction(pages, &parts.uri, &parts.headers).await;
        Ok(visitor)
    }
}

impl Visitor {
    /// Returns the hash of the handle that shows that this browser requested an email.
    pub(super) fn handle(&self) -> HandleHash {
        Handle::of_form(&self.form_token).map_or(HandleHash::NONE, |handle| handle.hash())
    }

    /// Returns the URL of a page that continues to the same destination.
    pub(super) fn onward(&self, path: &str) -> String {
        with_destination(path, self.destination.as_ref())
    }

    /// Returns the signed-in account and session.
    pub(super) fn user(&self) -> Option<SessionRef> {
        self.signed_in.as_ref().map(SignedIn::session_ref)
    }

    /// Refuses the request if the lookup of the session failed. Otherwise, signing out would seem to succeed, and a client
    /// would be told that no one is signed in.
    pub(super) fn require_lookup(&self) -> Result<(), Problem> {
        match self.lookup_failed {
            true => Err(Problem::new(Code::Unavailable).retry_after(1)),
            false => Ok(()),
        }
    }

    /// Creates a visitor for a page without a form, for which only the language matters.
    pub(super) fn without_session(pages: &Pages, uri: &Uri, headers: &HeaderMap) -> Self {
        Self {
            language: language(pages, uri, headers),
            signed_in: None,
            lookup_failed: false,
            form_token: String::new(),
            device: Arc::new(device_of(&pages.platform, headers)),
            path: uri.path().to_owned(),
            destination: Destination::of_query(&pages.platform, uri.query().unwrap_or_default()),
            interaction: None,
            past: Past::default(),
            cookies: Vec::new(),
            session_cookie: None,
        }
    }

    /// Loads the session. If that fails, the visitor counts as signed out; what must not rely on that calls
    /// [`require_lookup`](Self::require_lookup).
    async fn load_session(&mut self, pages: &Pages, headers: &HeaderMap) {
        match pages.browsers.find(headers).await {
            Ok(Some(Found { who, extended })) => {
                self.signed_in = Some(who);
                self.session_cookie = extended;
            }
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(%error, "failed to look up the browser session");
                self.lookup_failed = true;
            }
        }
    }

    /// Loads the authorization request of this browser that the page belongs to or leads to. The client's preference for a
    /// language counts unless the user has chosen one.
    async fn load_interaction(&mut self, pages: &Pages, uri: &Uri, headers: &HeaderMap) {
        let onward = || self.destination.as_ref().and_then(Destination::interaction);
        let Some(id) = interaction_at(&self.path).or_else(onward) else {
            return;
        };
        match pages.authorization.interaction(id, self.handle()).await {
            Ok(found) => self.interaction = found.map(Arc::new),
            Err(error) => tracing::warn!(%error, "failed to look up the authorization request of a page"),
        }
        let wanted = self.interaction.as_ref().and_then(|found| found.ui_locales());
        if let Some(wanted) = wanted.and_then(Language::first_of)
            && chosen_language(pages, uri, headers).is_none()
        {
            self.language = wanted;
        }
    }

    /// Returns the visitor for a response that sets no cookies.
    pub(super) fn without_cookies(self) -> Self {
        Self {
            cookies: Vec::new(),
            session_cookie: None,
            ..self
        }
    }

    /// Sets or removes the session cookie in the response.
    pub(super) fn set_session_cookie(&mut self, header: HeaderValue) {
        self.session_cookie = Some(header);
    }

    /// Sets a cookie in the response.
    pub(super) fn set_cookie(&mut self, pages: &Pages, cookie: Cookie, value: &str, lifetime: Option<Duration>) {
        self.put(cookie, cookie.set(pages, value, lifetime));
    }

    /// Removes a cookie in the response.
    pub(super) fn clear_cookie(&mut self, pages: &Pages, cookie: Cookie) {
        self.put(cookie, cookie.clear(pages));
    }

    fn put(&mut self, cookie: Cookie, value: HeaderValue) {
        self.cookies.retain(|(put, _)| *put != cookie);
        self.cookies.push((cookie, value));
    }

    /// Returns the value of [`Cookie::Codes`].
    pub(super) fn codes(&self) -> Option<&str> {
        self.past.codes.as_deref()
    }

    /// Returns the value of [`Cookie::Done`].
    pub(super) fn done(&self) -> Option<&str> {
        self.past.done.as_deref()
    }

    /// Returns the value of [`Cookie::Typed`].
    pub(super) fn typed(&self) -> Option<&str> {
        self.past.typed.as_deref()
    }

    /// Returns the caller of an action on the user's own account: the signed-in account, or an unknown client.
    pub(super) fn caller(&self, request: RequestInfo) -> Caller {
        let request = self.in_language(request);
        match &self.signed_in {
            Some(SignedIn { account, .. }) => Caller::account(account.id, request),
            None => Caller::anyone(request),
        }
    }

    /// Returns the visit of this browser to an authorization request.
    pub(super) fn visit<'v>(&'v self, caller: &'v Caller) -> Visit<'v> {
        Visit {
            browser: self.handle(),
            signed_in: self.signed_in.as_ref(),
            caller,
            interaction: self.interaction.as_deref(),
        }
    }

    /// Returns the caller of an action that itself authenticates the client, whether or not an account is signed in.
    pub(super) fn anyone(&self, request: RequestInfo) -> Caller {
        Caller::anyone(self.in_language(request))
    }

    /// Returns the request in the language of the page. An email that it causes leads to the same destination.
    fn in_language(&self, request: RequestInfo) -> RequestInfo {
        RequestInfo {
            language: self.language,
            return_to: self.destination.as_ref().map(|destination| destination.as_str().into()),
            ..request
        }
    }

    /// Writes the cookies to set into a response.
    pub(super) fn write_cookies(&self, headers: &mut HeaderMap) {
        let others = self.cookies.iter().map(|(_, cookie)| cookie);
        for cookie in self.session_cookie.iter().chain(others) {
            headers.append(SET_COOKIE, cookie.clone());
        }
        // With `no-referrer`, browsers would send `Origin: null` with our own forms. `strict-origin` reveals no path
        // either.
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("strict-origin"));
    }
}

/// The query of the URL. A malformed one counts as empty.
pub(super) struct LenientQuery<T>(pub T);

impl<T: DeserializeOwned + Default + Send> FromRequestParts<Pages> for LenientQuery<T> {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, pages: &Pages) -> Result<Self, Infallible> {
        let read = Query::<T>::from_request_parts(parts, pages).await;
        Ok(Self(read.map(|Query(query)| query).unwrap_or_default()))
    }
}

/// Returns the form token of this browser, if it has a valid one.
pub(super) fn form_token(pages: &Pages, headers: &HeaderMap) -> Option<String> {
    Cookie::Form
        .read(pages, headers)
        .filter(|token| Handle::of_form(token).is_some())
}

/// Returns the language requested by the link (OpenID Connect Core §3.1.2.1), chosen by the user, or preferred by the
/// browser.
fn language(pages: &Pages, uri: &Uri, headers: &HeaderMap) -> Language {
    let preferred = || Language::preferred(headers);
    chosen_language(pages, uri, headers)
        .or_else(preferred)
        .unwrap_or_default()
}

/// Returns the language requested by the link or chosen by the user.
fn chosen_language(pages: &Pages, uri: &Uri, headers: &HeaderMap) -> Option<Language> {
    let query = uri.query().unwrap_or_default();
    let asked = form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| name == "ui_locales")
        .and_then(|(_, wishes)| Language::first_of(&wishes));
    let chosen = || Cookie::Language.read(pages, headers)?.parse().ok();
    asked.or_else(chosen)
}
