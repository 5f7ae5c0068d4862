//! A signed-in user who sends requests with a token.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Method, Request};
use serde_json::{Value, json};

use crate::{Answer, PASSWORD, TestServer};

/// A user who signed in from a separate IP address.
pub struct Person<'s> {
    server: &'s TestServer,
    address: SocketAddr,
    /// The email address.
    pub email: String,
    /// The access token of the sign-in.
    pub access_token: String,
    /// The refresh token of the sign-in.
    pub refresh_token: String,
}

impl TestServer {
    /// Signs up `<name>@example.com` and signs in.
    pub async fn user(&self, name: &str) -> Person<'_> {
        let body = json!({ "email": format!("{name}@example.com"), "password": PASSWORD });
        self.post("/api/auth/register", body).await.assert_status(201);
        self.sign_in(name).await
    }

    /// Signs in `<name>@example.com` again.
    pub async fn sign_in(&self, name: &str) -> Person<'_> {
        let last = self.people.fetch_add(1, Ordering::Relaxed);
        Person::sign_in(self, name, SocketAddr::from(([198, 51, 100, last], 40_000))).await
    }
}

impl<'s> Person<'s> {
    async fn sign_in(server: &'s TestServer, name: &str, address: SocketAddr) -> Self {
        let email = format!("{name}@example.com");
        let form = format!(
            "username={}&password={}",
            email.replace('@', "%40"),
            PASSWORD.replace(' ', "+")
        );
        let request = Request::post("/api/auth/login")
            .header("content-type", "application/x-www-form-urlencoded")
            .extension(ConnectInfo(address))
            .body(Body::from(form));
        let tokens = server
            .send(request.expect("the request is one"))
            .await
            .assert_status(200)
            .json();
        let text = |name: &str| tokens[name].as_str().unwrap_or_default().to_owned();
        Self {
            server,
            address,
            email,
            access_token: text("access_token"),
            refresh_token: text("refresh_token"),
        }
    }

    /// Sends a GET as this user.
    pub async fn get(&self, path: &str) -> Answer {
        self.request(Method::GET, path, Value::Null).await
    }

    /// Sends a POST as this user; `null` sends no body.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.request(Method::POST, path, body).await
    }

    /// Sends a PATCH as this user; `null` sends no body.
    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.request(Method::PATCH, path, body).await
    }

    /// Sends a DELETE as this user; `null` sends no body.
    pub async fn delete(&self, path: &str, body: Value) -> Answer {
        self.request(Method::DELETE, path, body).await
    }

    /// Spends a refresh token, which needs no bearer token.
    pub async fn refresh(&self, refresh_token: &str) -> Answer {
        self.server
            .post("/api/auth/refresh", json!({ "refresh_token": refresh_token }))
            .await
    }

    /// Returns the same user with the tokens of a refresh.
    pub fn with(&self, tokens: &Value) -> Self {
        let text = |name: &str| tokens[name].as_str().unwrap_or_default().to_owned();
        Self {
            server: self.server,
            address: self.address,
            email: self.email.clone(),
            access_token: text("access_token"),
            refresh_token: text("refresh_token"),
        }
    }

    async fn request(&self, method: Method, path: &str, body: Value) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {}", self.access_token))
            .extension(ConnectInfo(self.address));
        let body = match body {
            Value::Null => Body::empty(),
            body => {
                request = request.header("content-type", "application/json");
                Body::from(body.to_string())
            }
        };
        self.server.send(request.body(body).expect("the request is one")).await
    }
}
