//! Token requests of a test, and the issued tokens.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;

use hyper::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::DevServer;

/// A request for a token: `server.token("ada@example.com").scopes(["products:read"]).await`.
#[must_use = "there is no token before it is awaited"]
pub struct DevTokenRequest<'s> {
    server: &'s DevServer,
    body: Map<String, Value>,
}

/// A token and its session, which is like one created by a sign-in. It displays as the access token: `format!("Bearer
/// {token}")`.
#[derive(Clone, Deserialize)]
pub struct DevToken {
    /// The access token.
    pub access_token: String,
    /// For `/api/auth/refresh`; the new token has only scopes that the account owns.
    pub refresh_token: String,
    /// The seconds until the access token expires; negative if it has expired.
    pub expires_in: i64,
    /// The session, `sid` in the token.
    pub session: Uuid,
    /// The account, `sub` in the token.
    pub user: Uuid,
}

impl DevServer {
    /// Requests a token for an email address, for which an account is created if necessary, or for an account's id. Add
    /// details, then await it.
    pub fn token(&self, user: &str) -> DevTokenRequest<'_> {
        DevTokenRequest {
            server: self,
            body: Map::from_iter([("user".to_owned(), user.into())]),
        }
    }

    /// Ends the session of a token.
    ///
    /// # Panics
    /// If it has already ended.
    pub async fn revoke(&self, token: &DevToken) {
        let path = format!("/dev/sessions/{}", token.session);
        self.send(Method::DELETE, &path, None).await;
    }
}

impl DevTokenRequest<'_> {
    /// Sets the scopes, whether or not the account owns them. Default: all that it owns.
    pub fn scopes<S: Into<String>>(self, scopes: impl IntoIterator<Item = S>) -> Self {
        let scopes: Vec<String> = scopes.into_iter().map(Into::into).collect();
        self.with("scopes", json!(scopes))
    }

    /// Sets the lifetime: `15m`, or `-1h` for a token that expired an hour ago. Default: 15 days.
    pub fn lifetime(self, lifetime: &str) -> Self {
        self.with("lifetime", lifetime.into())
    }

    /// Sets the audience. Default: the issuer.
    pub fn audience(self, audience: &str) -> Self {
        self.with("audience", audience.into())
    }

    fn with(mut self, name: &str, value: Value) -> Self {
        self.body.insert(name.to_owned(), value);
        self
    }
}

impl<'s> IntoFuture for DevTokenRequest<'s> {
    type Output = DevToken;
    type IntoFuture = Pin<Box<dyn Future<Output = DevToken> + Send + 's>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let body = Some(Value::Object(self.body));
            let answer = self.server.send(Method::POST, "/dev/tokens", body).await;
            serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {answer}"))
        })
    }
}

impl fmt::Display for DevToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.access_token)
    }
}

impl AsRef<str> for DevToken {
    fn as_ref(&self) -> &str {
        &self.access_token
    }
}
