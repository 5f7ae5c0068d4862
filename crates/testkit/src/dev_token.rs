//! What a test says about the token that it wants, and what it gets.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;

use hyper::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::DevServer;

/// A token that is about to be asked for: `server.token("ada@example.com").scopes(["products:read"]).await`.
#[must_use = "there is no token before it is awaited"]
pub struct DevTokenRequest<'s> {
    server: &'s DevServer,
    body: Map<String, Value>,
}

/// A token, and the session behind it, which is as real as that of a sign-in. Printed, it is the access token:
/// `format!("Bearer {token}")`.
#[derive(Clone, Deserialize)]
pub struct DevToken {
    /// The access token.
    pub access_token: String,
    /// To be spent at `/api/auth/refresh`; what it gives carries those scopes that the account owns.
    pub refresh_token: String,
    /// In how many seconds the access token ends; below zero for one that has.
    pub expires_in: i64,
    /// The session, `sid` in the token.
    pub session: Uuid,
    /// The account, `sub` in the token.
    pub user: Uuid,
}

impl DevServer {
    /// A token for anyone: an e-mail address, of which an account is made if there is none, or the id of an account.
    /// Say more about it, and await it.
    pub fn token(&self, user: &str) -> DevTokenRequest<'_> {
        DevTokenRequest {
            server: self,
            body: Map::from_iter([("user".to_owned(), user.into())]),
        }
    }

    /// Ends the session behind a token.
    ///
    /// # Panics
    /// When it had ended before.
    pub async fn revoke(&self, token: &DevToken) {
        let path = format!("/dev/sessions/{}", token.session);
        self.send(Method::DELETE, &path, None).await;
    }
}

impl DevTokenRequest<'_> {
    /// Exactly these scopes, whether the account owns them or not. Without a word: all that it owns.
    pub fn scopes<S: Into<String>>(self, scopes: impl IntoIterator<Item = S>) -> Self {
        let scopes: Vec<String> = scopes.into_iter().map(Into::into).collect();
        self.with("scopes", json!(scopes))
    }

    /// How long the token lives: `15m`, or `-1h` for one that expired an hour ago. Without a word: 15 days.
    pub fn lifetime(self, lifetime: &str) -> Self {
        self.with("lifetime", lifetime.into())
    }

    /// For whom the token is. Without a word: the issuer.
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
