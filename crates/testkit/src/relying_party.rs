//! An application that signs users in with Countersign, as the specifications call it: a relying party.

use axum::body::Body;
use axum::http::Request;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use countersign::core::caller::Caller;
use countersign::features::oauth::clients::NewClient;
use countersign_oauth::{ApiMetadata, ClientMetadata};
use serde_json::{Value, json};

use crate::browser::encoded;
use crate::{Answer, Browser, TestServer};

/// The code verifier of all requests and its challenge (RFC 7636, appendix B). A test of PKCE uses its own.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A client of the server.
#[derive(Clone)]
pub struct RelyingParty<'s> {
    server: &'s TestServer,
    /// Its `client_id`.
    pub client_id: String,
    /// Its secret; `None` for a public client.
    pub secret: Option<String>,
    /// Its first redirect URI.
    pub redirect_uri: String,
    /// The scopes that it requests.
    pub scope: String,
    /// The API that it requests.
    pub resource: Option<String>,
}

impl TestServer {
    /// Registers a confidential client with the grants `authorization_code` and `refresh_token`. Its ID tokens are signed with
    /// ES256, so that the server needs no RSA key.
    pub async fn client(&self, name: &str) -> RelyingParty<'_> {
        self.client_with(name, json!({})).await
    }

    /// Registers a public client with the same grants.
    pub async fn public_client(&self, name: &str) -> RelyingParty<'_> {
        self.client_with(name, json!({ "token_endpoint_auth_method": "none" }))
            .await
    }

    /// Registers a client with more or other metadata. `"trusted": true` skips consent.
    ///
    /// # Panics
    /// The metadata is not accepted.
    pub async fn client_with(&self, name: &str, metadata: Value) -> RelyingParty<'_> {
        let redirect_uri = format!("https://{name}.example.com/callback");
        let mut object = json!({
            "client_name": name,
            "redirect_uris": [redirect_uri],
            "grant_types": ["authorization_code", "refresh_token"],
            "id_token_signed_response_alg": "ES256",
        });
        let (Value::Object(all), Value::Object(own)) = (&mut object, metadata) else {
            panic!("metadata are an object")
        };
        all.extend(own);
        let trusted = all.remove("trusted") == Some(Value::Bool(true));
        let metadata = ClientMetadata::from_object(all.clone()).unwrap_or_else(|error| panic!("{error}"));
        let redirect_uri = metadata.redirect_uris.first().map(ToString::to_string);
        let new = NewClient {
            client_id: name.to_owned(),
            trusted,
            metadata,
        };
        let made = self.services.clients.create(&new, &Caller::operator(None)).await;
        let made = made.unwrap_or_else(|error| panic!("{error}"));
        RelyingParty {
            server: self,
            client_id: name.to_owned(),
            secret: made.secret.map(|secret| secret.reveal().to_owned()),
            redirect_uri: redirect_uri.unwrap_or_default(),
            scope: "openid email offline_access".to_owned(),
            resource: None,
        }
    }

    /// Registers an API with these scopes, which every client may use and every user has.
    pub async fn api(&self, identifier: &str, scopes: &[&str]) {
        let scopes: Vec<_> = scopes
            .iter()
            .map(|name| json!({ "name": name, "grant": "open" }))
            .collect();
        self.api_with(json!({ "identifier": identifier, "name": identifier, "clients": "any", "scopes": scopes }))
            .await;
    }

    /// Registers an API.
    ///
    /// # Panics
    /// The metadata are not accepted.
    pub async fn api_with(&self, metadata: Value) {
        let metadata: ApiMetadata = serde_json::from_value(metadata).unwrap_or_else(|error| panic!("{error}"));
        let made = self.services.apis.create(&metadata, &Caller::operator(None)).await;
        made.unwrap_or_else(|error| panic!("{error}"));
    }
}

impl<'s> RelyingParty<'s> {
    /// Returns the same client that requests these scopes.
    #[must_use]
    pub fn scope(mut self, scope: &str) -> Self {
        scope.clone_into(&mut self.scope);
        self
    }

    /// Returns the same client that requests tokens for this API.
    #[must_use]
    pub fn resource(mut self, resource: &str) -> Self {
        self.resource = Some(resource.to_owned());
        self
    }

    /// Returns the same client at another server, on a copy of the database for instance.
    #[must_use]
    pub fn at<'o>(&self, server: &'o TestServer) -> RelyingParty<'o> {
        let Self {
            server: _,
            client_id,
            secret,
            redirect_uri,
            scope,
            resource,
        } = self.clone();
        RelyingParty {
            server,
            client_id,
            secret,
            redirect_uri,
            scope,
            resource,
        }
    }

    /// Returns the URL of the authorization request, with these additional parameters.
    pub fn authorization_url(&self, extra: &[(&str, &str)]) -> String {
        let mut fields = vec![
            ("response_type", "code"),
            ("client_id", &self.client_id),
            ("redirect_uri", &self.redirect_uri),
            ("scope", &self.scope),
            ("state", "a-state"),
            ("nonce", "a-nonce"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        fields.extend(self.resource.as_deref().map(|resource| ("resource", resource)));
        fields.retain(|(name, value)| !value.is_empty() && !extra.iter().any(|(other, _)| other == name));
        fields.extend(extra.iter().filter(|(_, value)| !value.is_empty()));
        format!("/oauth2/authorize?{}", encoded(&fields))
    }

    /// Sends the user through the pages and returns the code.
    pub async fn authorize(&self, browser: &mut Browser<'_>, name: &str) -> String {
        self.authorize_with(browser, name, &[]).await
    }

    /// Like [`authorize`](Self::authorize), with additional parameters of the authorization request.
    ///
    /// # Panics
    /// The redirect has no code.
    pub async fn authorize_with(&self, browser: &mut Browser<'_>, name: &str, extra: &[(&str, &str)]) -> String {
        let visit = browser.visit(&self.authorization_url(extra), name).await;
        let code = parameter(&visit.url, "code");
        code.unwrap_or_else(|| panic!("no code: {} {}", visit.url, visit.answer.text))
    }

    /// Redeems a code.
    pub async fn redeem(&self, code: &str) -> Answer {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.redirect_uri),
            ("code_verifier", VERIFIER),
        ];
        self.token(&fields).await
    }

    /// Signs a user in who has an account, in a new browser, and returns the tokens.
    pub async fn sign_in(&self, name: &str) -> Value {
        let mut browser = self.server.browser();
        self.sign_in_with(&mut browser, name).await
    }

    /// Signs a user in, in this browser, and returns the tokens.
    pub async fn sign_in_with(&self, browser: &mut Browser<'_>, name: &str) -> Value {
        let code = self.authorize(browser, name).await;
        self.redeem(&code).await.assert_status(200).json()
    }

    /// Exchanges a refresh token.
    pub async fn refresh(&self, refresh_token: &str) -> Answer {
        self.refresh_with(refresh_token, &[]).await
    }

    /// Exchanges a refresh token, with additional parameters.
    pub async fn refresh_with(&self, refresh_token: &str, extra: &[(&str, &str)]) -> Answer {
        let mut fields = vec![("grant_type", "refresh_token"), ("refresh_token", refresh_token)];
        fields.extend(extra);
        self.token(&fields).await
    }

    /// Requests a token without a user.
    pub async fn client_credentials(&self, extra: &[(&str, &str)]) -> Answer {
        let mut fields = vec![("grant_type", "client_credentials")];
        fields.extend(extra);
        self.token(&fields).await
    }

    /// Sends a request to the token endpoint.
    pub async fn token(&self, fields: &[(&str, &str)]) -> Answer {
        self.post("/oauth2/token", fields).await
    }

    /// Revokes a token.
    pub async fn revoke(&self, token: &str) -> Answer {
        self.post("/oauth2/revoke", &[("token", token)]).await
    }

    /// Introspects a token.
    pub async fn introspect(&self, token: &str) -> Value {
        let answer = self.post("/oauth2/introspect", &[("token", token)]).await;
        answer.assert_status(200).json()
    }

    /// Sends a form to an endpoint for programs, with the client's authentication.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let mut request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
        let mut fields = fields.to_vec();
        match &self.secret {
            Some(secret) => request = request.header("authorization", basic(&self.client_id, secret)),
            None => fields.push(("client_id", &self.client_id)),
        }
        let request = request.body(Body::from(encoded(&fields)));
        self.server.send(request.expect("the request is one")).await
    }
}

/// Returns a parameter of a URL's query or fragment.
pub fn parameter(url: &str, name: &str) -> Option<String> {
    let (_, query) = url.split_once(['?', '#'])?;
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs
        .find(|(found, _)| found == name)
        .map(|(_, value)| value.into_owned())
}

/// RFC 6749 §2.3.1: both parts are encoded like a form first.
fn basic(client_id: &str, secret: &str) -> String {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let credentials = format!("{}:{}", encode(client_id), encode(secret));
    format!("Basic {}", STANDARD.encode(credentials))
}
