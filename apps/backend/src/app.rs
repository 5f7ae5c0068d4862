//! All routes and middleware layers of the server, in order.

use std::sync::Arc;

use axum::Router;
use http::StatusCode;
use utoipa::OpenApi;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, Flow, HttpAuthScheme, HttpBuilder, OAuth2, Password, Scopes, SecurityScheme,
};
use utoipa_axum::router::OpenApiRouter;

use crate::Services;
use crate::core::oauth_problem::OauthErrorBody;
use crate::core::problem::{Problem, ProblemBody};
use crate::documented;
use crate::features::identity::{accounts, recovery, verification};
use crate::features::oauth::{device_authorization, discovery, token, userinfo};
use crate::features::operations::{dev, docs, health, keys};
use crate::features::pages;
use crate::features::sign_in::{auth, browser_sessions, forward, revocation, sessions};

/// Builds the complete service: the routes of every feature and the layers around them.
pub fn app(services: Services) -> Router {
    let (routes, _) = routes(Some(&services)).split_for_parts();
    let layers = (
        pages::ForPeople(services.pages.clone()),
        services.middleware.clone(),
        services.guard.layer(),
    );
    routes
        .merge(pages::router(&services.pages))
        .merge(docs::router(openapi, services.settings.docs.enabled))
        .fallback(|| async { Problem::from_status(StatusCode::NOT_FOUND) })
        .method_not_allowed_fallback(|| async { Problem::from_status(StatusCode::METHOD_NOT_ALLOWED) })
        .layer(layers)
}

/// Builds the server of `countersign dev`: [`app`] plus endpoints that issue a token for any user. Only `dev` mounts
/// them.
pub(crate) fn with_dev(services: Services) -> Router {
    let endpoints = dev::router(services.dev())
        .method_not_allowed_fallback(|| async { Problem::from_status(StatusCode::METHOD_NOT_ALLOWED) });
    endpoints
        .layer(services.middleware.clone())
        .fallback_service(app(services))
}

/// Collects the routes of all features. Without a server, they carry no state, which is enough to generate the
/// document.
fn routes(server: Option<&Services>) -> OpenApiRouter {
    // Shared, because it is large and is cloned for each request.
    let health = server.map(|server| Arc::new(server.health.clone()));
    let provider = server.filter(|server| server.settings.provider.enabled);
    OpenApiRouter::with_openapi(Document::openapi())
        .merge(given(accounts::router(), server.map(|server| &server.profiles)))
        .merge(given(auth::router(), server.map(|server| &server.auth)))
        .merge(given(verification::router(), server.map(|server| &server.verification)))
        .merge(given(recovery::router(), server.map(|server| &server.recovery)))
        .merge(given(sessions::router(), server.map(|server| &server.sessions)))
        .merge(given(browser_sessions::router(), server.map(|server| &server.browsers)))
        .merge(given(forward::router(), server.map(|server| &server.forward)))
        .merge(given(token::router(), provider.map(|server| &server.tokens)))
        .merge(given(userinfo::router(), provider.map(|server| &server.userinfo)))
        .merge(given(discovery::router(), server.map(|server| &server.metadata)))
        .merge(given(keys::router(), server.map(|server| &server.publication)))
        .merge(given(
            device_authorization::router(),
            provider.map(|server| &server.device_authorization),
        ))
        .merge(given(revocation::router(), server.map(|server| &server.status_lists)))
        .merge(given(health::router(), health.as_ref()))
}

/// Attaches the state to a feature's routes. Without state, only their documentation remains.
fn given<S: Clone + Send + Sync + 'static>(routes: OpenApiRouter<S>, state: Option<&S>) -> OpenApiRouter {
    match state {
        Some(state) => routes.with_state(state.clone()),
        None => OpenApiRouter::with_openapi(routes.into_openapi()),
    }
}

/// Returns the OpenAPI 3.1 document, generated from the routes.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut openapi = routes(None).into_openapi();
    documented::refusals(&mut openapi);
    openapi
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Countersign",
        description = "A self-hosted authentication server. It issues ES256 tokens that any service can verify offline, and can revoke them immediately.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    components(schemas(ProblemBody<'static>, OauthErrorBody<'static>)),
    modifiers(&Security),
    tags(
        (name = "auth", description = "Signing in and out"),
        (name = "accounts", description = "Accounts and their data"),
        (name = "verification", description = "Verifying and changing email addresses"),
        (name = "recovery", description = "Resetting a password"),
        (name = "sessions", description = "Sessions and refresh tokens"),
        (name = "revocation", description = "Status lists for verifiers"),
        (name = "forward", description = "Forward authentication for reverse proxies"),
        (name = "oauth", description = "OAuth 2 and OpenID Connect, for clients"),
        (name = "keys", description = "Keys and metadata for verifiers"),
        (name = "health", description = "Health checks for operators"),
    )
)]
struct Document;

struct Security;

impl utoipa::Modify for Security {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let components = openapi.components.get_or_insert_default();
        let password = Flow::Password(Password::with_refresh_url(
            "/api/auth/login",
            Scopes::new(),
            "/api/auth/refresh",
        ));
        components.add_security_scheme("password", SecurityScheme::OAuth2(OAuth2::new([password])));
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .build();
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
        let cookie = ApiKeyValue::with_description(
            "__Host-countersign",
            "The session of a browser. Over http (in development), the name is `countersign`; a port of the issuer is \
             appended to it, such as `countersign-8000`.",
        );
        components.add_security_scheme("cookie", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    }
}
