//! Extractors and layers for axum. A route that takes a [`CurrentUser`] is protected.

use std::convert::Infallible;
use std::ops::Deref;
use std::task::{Context, Poll};

use axum::extract::{FromRequestParts, OptionalFromRequestParts, Request};
use axum::response::{IntoResponse, Response};
use futures_util::future::BoxFuture;
use http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use tower::{Layer, Service};

use crate::{Caller, Denied, Guard, Reason, VerifiedToken, VerifiedUser, bearer_token};

/// The user of a request. Rejects other requests as RFC 6750 requires.
///
/// A client's token gets 403; a route for users and clients takes a [`Caller`].
///
/// ```
/// # use countersign_guard::CurrentUser;
/// async fn list(user: CurrentUser) -> String {
///     format!("the products of {}", user.id)
/// }
/// ```
#[derive(Clone, Debug)]
pub struct CurrentUser(pub VerifiedUser);

/// The user of a request, if it has a token. A request with an invalid token, or with a client's, is still rejected.
#[derive(Clone, Debug)]
pub struct OptionalUser(pub Option<VerifiedUser>);

impl Deref for CurrentUser {
    type Target = VerifiedUser;

    fn deref(&self) -> &VerifiedUser {
        &self.0
    }
}

/// The token of a request, whatever its subject.
impl<S: Sync> FromRequestParts<S> for VerifiedToken {
    type Rejection = Denied;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Denied> {
        // A token that `RequireScope` has verified is not verified again.
        if let Some(verified) = parts.extensions.get::<Self>() {
            return Ok(verified.clone());
        }
        let Some(guard) = parts.extensions.get::<Guard>() else {
            return Err(Denied::new("", Reason::NoGuard));
        };
        let token = bearer_token(&parts.headers).map_err(|reason| guard.denied(reason))?;
        guard.verify(token).await
    }
}

/// The caller: a user, or a client on its own behalf. Rejects other requests as RFC 6750 requires.
///
/// ```
/// # use countersign_guard::Caller;
/// async fn sync(caller: Caller) -> String {
///     match caller {
///         Caller::User(user) => format!("the stock as {} may see it", user.id),
///         Caller::Client(client) => format!("the whole stock for {}", client.id),
///     }
/// }
/// ```
impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Denied;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Denied> {
        let verified = VerifiedToken::from_request_parts(parts, state).await?;
        Ok(verified.caller())
    }
}

impl<S: Sync> FromRequestParts<S> for CurrentUser {
    type Rejection = Denied;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Denied> {
        let verified = VerifiedToken::from_request_parts(parts, state).await?;
        Ok(Self(verified.require_user()?))
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for CurrentUser {
    type Rejection = Denied;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, Denied> {
        match <Self as FromRequestParts<S>>::from_request_parts(parts, state).await {
            Ok(user) => Ok(Some(user)),
            Err(Denied {
                reason: Reason::NoToken,
                ..
            }) => Ok(None),
            Err(denied) => Err(denied),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for OptionalUser {
    type Rejection = Denied;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Denied> {
        let user = <CurrentUser as OptionalFromRequestParts<S>>::from_request_parts(parts, state).await?;
        Ok(Self(user.map(|user| user.0)))
    }
}

impl IntoResponse for Denied {
    /// A problem (RFC 9457) with the challenge. The `Denied` itself is in the response's extensions, so that a service can
    /// change the text.
    fn into_response(self) -> Response {
        let status = self.status();
        let body = serde_json::json!({
            "type": "about:blank",
            "title": status.canonical_reason(),
            "status": status.as_u16(),
            "detail": self.reason.to_string(),
            "code": self.code(),
        });
        let mut response = (status, [(CONTENT_TYPE, "application/problem+json")], body.to_string()).into_response();
        if let Some(challenge) = self.challenge().and_then(|text| HeaderValue::try_from(text).ok()) {
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response
                .headers_mut()
                .insert(http::header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl Guard {
    /// Returns the layer that passes this guard to the extractors of the routes inside it.
    pub fn layer(&self) -> GuardLayer {
        GuardLayer(self.clone())
    }
}

/// Passes a [`Guard`] to the extractors of the routes inside it, and replaces the guard of a layer outside. The layer itself
/// rejects nothing.
#[derive(Clone)]
pub struct GuardLayer(Guard);

impl<S> Layer<S> for GuardLayer {
    type Service = WithGuard<S>;

    fn layer(&self, inner: S) -> WithGuard<S> {
        WithGuard {
            inner,
            guard: self.0.clone(),
        }
    }
}

/// The service of [`GuardLayer`].
#[derive(Clone)]
pub struct WithGuard<S> {
    inner: S,
    guard: Guard,
}

impl<S: Service<Request>> Service<Request> for WithGuard<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> S::Future {
        request.extensions_mut().insert(self.guard.clone());
        // A guard outside of this one may have verified the token for another audience.
        request.extensions_mut().remove::<VerifiedToken>();
        self.inner.call(request)
    }
}

/// A layer for routes that need a scope: `Router::route_layer(RequireScope::new("products:write"))`.
///
/// It must be inside a [`GuardLayer`]. It checks only the scope, and admits users and clients that have it; handlers
/// still take a [`CurrentUser`] or a [`Caller`]. The token is verified once.
#[derive(Clone, Debug)]
pub struct RequireScope {
    scope: &'static str,
}

impl RequireScope {
    /// Admits only tokens with `scope`.
    pub fn new(scope: &'static str) -> Self {
        Self { scope }
    }
}

impl<S> Layer<S> for RequireScope {
    type Service = ScopeRequired<S>;

    fn layer(&self, inner: S) -> ScopeRequired<S> {
        ScopeRequired {
            inner,
            scope: self.scope,
        }
    }
}

/// The service of [`RequireScope`].
#[derive(Clone)]
pub struct ScopeRequired<S> {
    inner: S,
    scope: &'static str,
}

impl<S> Service<Request> for ScopeRequired<S>
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let scope = self.scope;
        // Call the service that was polled ready, and keep its fresh clone for the next call.
        let fresh = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, fresh);
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            let verified = <VerifiedToken as FromRequestParts<()>>::from_request_parts(&mut parts, &()).await;
            let permitted = verified.and_then(|verified| verified.require_scope(scope).map(|()| verified));
            match permitted {
                Ok(verified) => {
                    parts.extensions.insert(verified);
                    inner.call(Request::from_parts(parts, body)).await
                }
                Err(denied) => Ok(denied.into_response()),
            }
        })
    }
}
