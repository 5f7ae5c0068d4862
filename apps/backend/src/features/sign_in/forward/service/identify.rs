//! The user of a verified token or of a cookie, and whether the scopes suffice.

use countersign_guard::{Denied, Reason, Scopes, VerifiedUser};
use countersign_store::StoreError;
use http::HeaderMap;

use super::{Forward, Identity};
use crate::core::forwarded::Forwarded;
use crate::core::ids::AccountId;
use crate::features::sign_in::browser_sessions::SignedIn;
use crate::features::sign_in::forward::asked;
use crate::features::sign_in::forward::cookies;
use crate::features::sign_in::forward::place::{Unusable, Wanted};
use crate::features::sign_in::forward::schemas::Demand;
use crate::features::sign_in::forward::secret::StateSecret;
use crate::features::sign_in::sessions::held_scopes;

/// A request without a token.
pub struct Request<'r> {
    pub forwarded: Option<Forwarded>,
    pub headers: &'r HeaderMap,
}

/// Why a request without a token is refused.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// No session, and no browser that could be sent to the sign-in page.
    #[error("no session")]
    NoSession,
    /// A browser without a session.
    #[error("no session; the browser can sign in")]
    SignIn(SignIn),
    /// The proxy is not trusted, or does not describe the request.
    #[error("the proxy is not trusted, or does not describe the request")]
    Proxy,
    /// The requested page is not an application's.
    #[error("not an application")]
    Origin,
    /// A page of another origin sent the request.
    #[error("sent by another page")]
    OtherPage,
    /// The user lacks a scope.
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Where a browser signs in.
#[derive(Debug)]
pub struct SignIn {
    pub location: String,
    /// A cookie to set on the application's host.
    pub cookie: Option<http::HeaderValue>,
}

/// A browser that is signed in, and the page that it wanted.
pub struct Admitted {
    pub identity: Identity,
    /// The URL to try again, if the browser opens a page.
    pub page: Option<String>,
}

impl Forward {
    /// Returns the user if the token has all required scopes, and the user still has them.
    pub async fn identify(&self, user: &VerifiedUser, demand: &Demand) -> Result<Identity, Denied> {
        let scopes = held_scopes(&self.platform.db, &user.claims).await.map_err(|error| {
            tracing::warn!(%error, "failed to read the scopes of an account; responding with 503");
            self.guard.denied(Reason::Unavailable)
        })?;
        self.require(&scopes, demand)?;
        let account = self.profiles.of(AccountId(user.id)).await?;
        Ok(Identity {
            account: account.id,
            email: account.email,
            scopes,
        })
    }

    /// Returns the user of a browser's cookie.
    pub async fn identify_browser(&self, request: &Request<'_>, demand: &Demand) -> Result<Admitted, Refusal> {
        let wanted = match Wanted::of(&self.platform, request.forwarded.as_ref()) {
            Ok(wanted) => wanted,
            Err(Unusable::Proxy) => return Err(Refusal::Proxy),
            Err(Unusable::Origin) => return Err(Refusal::Origin),
        };
        let opens_a_page = asked::opens_a_page(&wanted.method, request.headers);
        let found = self.browsers.find_at(&wanted.place.origin, request.headers).await?;
        let Some(SignedIn { account, session }) = found else {
            return Err(match opens_a_page {
                true => Refusal::SignIn(self.sign_in(&wanted, request.headers)),
                false => Refusal::NoSession,
            });
        };
        if !asked::is_own(&wanted.method, request.headers, &wanted.place.origin) {
            return Err(Refusal::OtherPage);
        }
        let session = self.sessions.narrowed(session).await?;
        let scopes = session.scope.split_ascii_whitespace().map(str::to_owned).collect();
        self.require(&scopes, demand)?;
        Ok(Admitted {
            identity: Identity {
                account: account.id,
                email: account.email,
                scopes,
            },
            page: opens_a_page.then_some(wanted.url),
        })
    }

    fn require(&self, granted: &Scopes, demand: &Demand) -> Result<(), Denied> {
        match demand.missing_from(granted) {
            Some(missing) => Err(self.guard.denied(Reason::MissingScope(missing))),
            None => Ok(()),
        }
    }

    /// Returns where a browser signs in. If the pages are at another origin, the browser also gets a secret here, which
    /// shows afterwards that it was the one who asked.
    fn sign_in(&self, wanted: &Wanted, headers: &HeaderMap) -> SignIn {
        let issuer = self.platform.settings.issuer.as_str();
        let origin = &wanted.place.origin;
        let mut query = form_urlencoded::Serializer::new(String::new());
        if wanted.place.has_pages {
            query.append_pair("return_to", wanted.path());
            return SignIn {
                location: format!("{issuer}/signin?{}", query.finish()),
                cookie: None,
            };
        }
        // Kept if it is there, because several tabs may be opened at once.
        let state = cookies::state(origin, headers).unwrap_or_else(|| StateSecret::generate(self.platform.random));
        query.append_pair("to", &wanted.url);
        query.append_pair("state", &state.hash().to_text());
        SignIn {
            location: format!("{issuer}/signin/continue?{}", query.finish()),
            cookie: Some(cookies::set_state(origin, &state)),
        }
    }
}
