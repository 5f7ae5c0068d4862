//! Who asks for a page, in which language, and from where they came.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{ACCEPT_LANGUAGE, REFERRER_POLICY, SET_COOKIE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue};

use super::cookies::Cookie;
use super::secret::CookieSecret;
use super::service::{self, SignedIn};
use crate::Context;
use crate::core::device::DeviceSecret;
use crate::core::language::Language;
use crate::core::origin::Origin;

/// Somebody who asks for a page.
#[derive(Clone)]
pub(super) struct Visitor {
    pub language: Language,
    /// The account whose browser it is.
    pub signed_in: Option<SignedIn>,
    /// What stands in every form of this browser.
    pub form_token: String,
    /// The browser itself. It keeps this for the next sign-in once somebody has proven themselves with it.
    pub device: Arc<DeviceSecret>,
    /// What is new of the cookies.
    pub cookies: Vec<HeaderValue>,
    /// The path that was asked for.
    pub path: String,
}

impl FromRequestParts<Context> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, context: &Context) -> Result<Self, Infallible> {
        // The layer around the pages has found out already.
        if let Some(known) = parts.extensions.get::<Self>() {
            return Ok(known.clone());
        }
        let mut cookies = Vec::new();
        let form_token = form_token(context, &parts.headers).unwrap_or_else(|| {
            let token = URL_SAFE_NO_PAD.encode(context.chance.bytes::<32>());
            cookies.push(Cookie::Form.set(context, &token, None));
            token
        });
        Ok(Self {
            language: language(context, parts),
            signed_in: signed_in(context, &parts.headers).await,
            form_token,
            device: Arc::new(device(context, &parts.headers)),
            cookies,
            path: parts.uri.path().to_owned(),
        })
    }
}

impl Visitor {
    /// Where a request comes from, in the language of the page it was sent by.
    pub(super) fn speaking(&self, origin: Origin) -> Origin {
        Origin {
            language: self.language,
            ..origin
        }
    }

    /// Puts what is new of the cookies into an answer.
    pub(super) fn bake(&self, headers: &mut HeaderMap) {
        for cookie in &self.cookies {
            headers.append(SET_COOKIE, cookie.clone());
        }
        // `no-referrer` would make browsers send `Origin: null` with our own forms; this tells no path either.
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("strict-origin"));
    }
}

/// The token of this browser's forms, if it has one that is ours.
pub(super) fn form_token(context: &Context, headers: &HeaderMap) -> Option<String> {
    Cookie::Form.read(context, headers).filter(|token| token.len() == 43)
}

/// The browser's secret, or a new one for a browser that has none.
fn device(context: &Context, headers: &HeaderMap) -> DeviceSecret {
    let known = Cookie::Device
        .read(context, headers)
        .and_then(|value| value.parse().ok());
    known.unwrap_or_else(|| DeviceSecret::generate(context.chance))
}

/// A database that is away signs nobody in; the page says so when something is done.
async fn signed_in(context: &Context, headers: &HeaderMap) -> Option<SignedIn> {
    let secret: CookieSecret = Cookie::SignedIn.read(context, headers)?.parse().ok()?;
    match service::find(context, &secret).await {
        Ok(found) => found,
        Err(error) => {
            tracing::warn!(%error, "who is signed in cannot be found out");
            None
        }
    }
}

/// What the link asks for (OpenID Connect Core §3.1.2.1), what was chosen, or what the browser prefers.
fn language(context: &Context, parts: &Parts) -> Language {
    let query = parts.uri.query().unwrap_or_default();
    let asked = form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| name == "ui_locales")
        .and_then(|(_, wishes)| Language::wished(&wishes));
    let chosen = || Cookie::Language.read(context, &parts.headers)?.parse().ok();
    let preferred = || Language::wished(parts.headers.get(ACCEPT_LANGUAGE)?.to_str().ok()?);
    asked.or_else(chosen).or_else(preferred).unwrap_or_default()
}
