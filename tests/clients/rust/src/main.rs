//! The crates `openidconnect` and `oauth2` as an application uses them. `tests/clients/python/test_rust_crates.py` runs it, and is
//! the user: it opens the URL that is printed, and answers on the standard input. The last line is a JSON object.

use std::error::Error;
use std::io::{self, Read as _, Write as _, stdin};
use std::net::TcpStream;
use std::thread::sleep;

use oauth2::basic::BasicClient;
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthenticationFlow, CoreClaimName, CoreClaimType, CoreClient, CoreClientAuthMethod,
    CoreGrantType, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreResponseMode,
    CoreResponseType, CoreSubjectIdentifierType, CoreUserInfoClaims,
};
use openidconnect::http::{HeaderValue, Response};
use openidconnect::url::Url;
use openidconnect::{
    AccessTokenHash, AdditionalProviderMetadata, AuthType, AuthorizationCode, ClientId, ClientSecret, CsrfToken,
    DeviceAuthorizationUrl, HttpRequest, HttpResponse, IntrospectionUrl, IssuerUrl, Nonce, OAuth2TokenResponse,
    PkceCodeChallenge, ProviderMetadata, RedirectUrl, RefreshToken, RevocationUrl, Scope, TokenIntrospectionResponse,
    TokenResponse,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

/// The endpoints that `CoreProviderMetadata` does not have.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Endpoints {
    device_authorization_endpoint: DeviceAuthorizationUrl,
    introspection_endpoint: IntrospectionUrl,
    revocation_endpoint: RevocationUrl,
}

impl AdditionalProviderMetadata for Endpoints {}

type Metadata = ProviderMetadata<
    Endpoints,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

fn main() -> Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let seen = match *arguments {
        ["sign-in", issuer, client, secret, redirect] => sign_in(issuer, client, secret, redirect),
        ["device", issuer, client] => device(issuer, client),
        ["program", issuer, client, secret, api] => program(issuer, client, secret, api),
        _ => return Err("expected sign-in, device or program, and their arguments".into()),
    }?;
    println!("{seen}");
    Ok(())
}

/// The authorization code with PKCE, then user information, refresh, introspection and revocation.
fn sign_in(issuer: &str, client: &str, secret: &str, redirect: &str) -> Result<serde_json::Value> {
    let metadata = Metadata::discover(&IssuerUrl::new(issuer.to_owned())?, &send)?;
    let endpoints = metadata.additional_metadata().clone();
    let secret = ClientSecret::new(secret.to_owned());
    let client = CoreClient::from_provider_metadata(metadata, ClientId::new(client.to_owned()), Some(secret))
        .set_redirect_uri(RedirectUrl::new(redirect.to_owned())?)
        .set_introspection_url(endpoints.introspection_endpoint)
        // It revokes nothing without TLS, which `send` does not have.
        .set_revocation_url(RevocationUrl::new(
            endpoints.revocation_endpoint.replacen("http:", "https:", 1),
        )?);
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (url, state, nonce) = client
        .authorize_url(
            CoreAuthenticationFlow::AuthorizationCode,
            CsrfToken::new_random,
            Nonce::new_random,
        )
        .add_scope(Scope::new("email".to_owned()))
        .set_pkce_challenge(challenge)
        .url();
    let answer = Url::parse(&ask(url.as_str())?)?;
    let parameter = |wanted: &str| {
        answer
            .query_pairs()
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value.into_owned())
    };
    if parameter("state").as_ref() != Some(state.secret()) {
        return Err("another state".into());
    }
    let code = AuthorizationCode::new(parameter("code").ok_or("no code")?);
    let tokens = client.exchange_code(code)?.set_pkce_verifier(verifier).request(&send)?;

    let id_token = tokens.id_token().ok_or("no ID token")?;
    let id_tokens = client.id_token_verifier();
    let claims = id_token.claims(&id_tokens, &nonce)?;
    if let Some(expected) = claims.access_token_hash() {
        let (alg, key) = (id_token.signing_alg()?, id_token.signing_key(&id_tokens)?);
        if *expected != AccessTokenHash::from_token(tokens.access_token(), alg, key)? {
            return Err("another access token".into());
        }
    }
    let user: CoreUserInfoClaims = client
        .user_info(tokens.access_token().clone(), Some(claims.subject().clone()))?
        .request(&send)?;

    let first = tokens.refresh_token().ok_or("no refresh token")?;
    let next = client.exchange_refresh_token(first)?.request(&send)?;
    let active = client.introspect(next.access_token()).request(&send)?.active();
    let second: &RefreshToken = next.refresh_token().ok_or("no new refresh token")?;
    client.revoke_token(second.clone().into())?.request(&send)?;
    let after = client.introspect(next.access_token()).request(&send)?.active();
    let refused = client
        .exchange_refresh_token(second)?
        .request(&send)
        .err()
        .ok_or("a revoked token was accepted")?;
    Ok(json!({
        "sub": claims.subject().as_str(),
        "algorithm": format!("{:?}", id_token.signing_alg()?),
        "email": user.email().map(|email| email.as_str()),
        "replaced": first.secret() != second.secret(),
        "active": [active, after],
        "refused": refused.to_string(),
    }))
}

/// The device flow: it asks at the server's interval until the user has decided.
fn device(issuer: &str, client: &str) -> Result<serde_json::Value> {
    let metadata = Metadata::discover(&IssuerUrl::new(issuer.to_owned())?, &send)?;
    let endpoint = metadata.additional_metadata().device_authorization_endpoint.clone();
    let client = CoreClient::from_provider_metadata(metadata, ClientId::new(client.to_owned()), None)
        .set_device_authorization_url(endpoint)
        .set_auth_type(AuthType::RequestBody);
    let details: openidconnect::core::CoreDeviceAuthorizationResponse = client
        .exchange_device_code()
        .add_scope(Scope::new("email".to_owned()))
        .request(&send)?;
    let waited = std::cell::Cell::new(0);
    let wait = |interval| {
        if waited.replace(waited.get() + 1) == 0 {
            println!(
                "{} {}",
                details.verification_uri().as_str(),
                details.user_code().secret()
            );
        }
        sleep(interval);
    };
    let tokens = client
        .exchange_device_access_token(&details)?
        .request(&send, wait, None)?;
    let id_token = tokens.id_token().ok_or("no ID token")?;
    // A device has no nonce.
    let claims = id_token.claims(&client.id_token_verifier(), |_: Option<&Nonce>| Ok(()))?;
    Ok(
        json!({ "sub": claims.subject().as_str(), "waited": waited.get(), "refreshable": tokens.refresh_token().is_some() }),
    )
}

/// A token without a user, with the crate `oauth2` alone.
fn program(issuer: &str, client: &str, secret: &str, api: &str) -> Result<serde_json::Value> {
    let client = BasicClient::new(ClientId::new(client.to_owned()))
        .set_client_secret(ClientSecret::new(secret.to_owned()))
        .set_token_uri(oauth2::TokenUrl::new(format!("{issuer}/oauth2/token"))?);
    let tokens = client
        .exchange_client_credentials()
        .add_extra_param("resource", api)
        .request(&send)?;
    let scopes: Vec<_> = tokens
        .scopes()
        .into_iter()
        .flatten()
        .map(|scope| scope.as_str())
        .collect();
    Ok(
        json!({ "scopes": scopes, "token": tokens.access_token().secret(), "expires_in": tokens.expires_in().map(|time| time.as_secs()) }),
    )
}

fn ask(url: &str) -> Result<String> {
    println!("{url}");
    let mut line = String::new();
    stdin().read_line(&mut line)?;
    Ok(line.trim().to_owned())
}

/// An HTTP client without TLS, whatever the URL says. In HTTP/1.0, the response ends with the connection.
fn send(request: HttpRequest) -> Result<HttpResponse, io::Error> {
    let (parts, body) = request.into_parts();
    let url = Url::parse(&parts.uri.to_string()).map_err(io::Error::other)?;
    let (host, port) = (
        url.host_str().unwrap_or_default(),
        url.port_or_known_default().unwrap_or(80),
    );
    let mut connection = TcpStream::connect((host, port))?;
    let mut head = format!(
        "{} {} HTTP/1.0\r\nhost: {host}:{port}\r\ncontent-length: {}\r\n",
        parts.method,
        &url[openidconnect::url::Position::BeforePath..],
        body.len()
    );
    for (name, value) in &parts.headers {
        head += &format!("{name}: {}\r\n", value.to_str().map_err(io::Error::other)?);
    }
    connection.write_all(format!("{head}\r\n").as_bytes())?;
    connection.write_all(&body)?;
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer)?;
    let end = answer
        .windows(4)
        .position(|bytes| bytes == b"\r\n\r\n")
        .ok_or(io::ErrorKind::UnexpectedEof)?;
    let head = str::from_utf8(&answer[..end]).map_err(io::Error::other)?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap_or_default();
    let mut response = Response::builder().status(status);
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        response = response.header(name, HeaderValue::from_str(value.trim()).map_err(io::Error::other)?);
    }
    response.body(answer[end + 4..].to_vec()).map_err(io::Error::other)
}
