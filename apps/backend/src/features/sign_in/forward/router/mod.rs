//! `/api/auth/forward` and all paths under it, and the paths that take a browser to an application's host.

mod applications;

use axum::extract::{FromRequestParts, RawQuery, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use countersign_guard::{Denied, Reason};
use http::header::{LOCATION, SET_COOKIE};
use http::{HeaderValue, StatusCode};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::place::CALLBACK;
use super::schemas::{Demand, IdentityHeaders, OtherCookies};
use super::service::{Admitted, ApiRefusal, Forward, Identity, Refusal, Request, SignIn};
use crate::core::dependencies::CurrentUser;
use crate::core::forwarded::ViaProxy;
use crate::core::problem::{Code, Problem};

/// The path of the request of a proxy. Proxies that append the path of the client's request append its query as well.
const PATH: &str = "/api/auth/forward";

/// The routes of this feature. Some proxies use the method and path of the original request.
pub fn router() -> OpenApiRouter<Forward> {
    OpenApiRouter::new()
        .routes(routes!(forward))
        .route(PATH, any(forward))
        .route("/api/auth/forward/", any(forward))
        .route("/api/auth/forward/{*path}", any(forward))
        // For browsers, and not in the OpenAPI document. The first is at the issuer, the others on applications' hosts.
        .route("/signin/continue", get(applications::hand_off))
        .route("/signin/interrupted", get(applications::interrupted))
        .route(CALLBACK, get(applications::callback))
        .route(
            "/.countersign/signout",
            get(applications::sign_out).post(applications::sign_out),
        )
}

/// Authenticate a request
///
/// For reverse proxies, which pass on the `Authorization` header of the original request, with any method, at this path
/// or under it. Every response has all three headers, even if they are empty, so that a proxy that copies them overwrites
/// headers of the same name that the client sent.
///
/// With `audience`, tokens must be for that API, and may be from any client of the OpenID provider. A client's own
/// token is refused with 403, because it has no user.
///
/// On paths under this one, the query may come from the original request, so only `scope` counts there.
///
/// With `redirect=1`, for web applications: the cookie of a signed-in browser is accepted too, a browser that opens a
/// page without it is redirected to the sign-in page, and every response has a `Cookie` header with those of the
/// request's cookies that the application may see. A trusted proxy must describe the original request in
/// `X-Forwarded-Method`, `-Proto`, `-Host` and `-Uri`, and the origin of the original request must be an application's.
#[utoipa::path(get, path = "/api/auth/forward", tag = "forward", security(("password" = []), ("bearer" = [])),
    params(
        ("scope" = Option<String>, Query,
            description = "The scopes that the user must have, separated by spaces; can be repeated"),
        ("audience" = Option<String>, Query,
            description = "The identifier of a registered API. Default: this server itself, and then only tokens of its \
              account API are accepted"),
        ("redirect" = Option<String>, Query, description = "`1` for web applications"),
        ("denied" = Option<String>, Query,
            description = "`1` if the proxy has already refused the request (nginx): a browser that has signed in \
                           meanwhile is redirected to the page that it requested")),
    responses(
        (status = OK, description = "The token or the cookie is valid, and the user has the scopes", headers(
            ("X-Auth-User" = String, description = "The account's id"),
            ("X-Auth-Email" = String, description = "The account's email address, with `%` and non-ASCII characters \
              percent-encoded"),
            ("X-Auth-Scope" = String, description = "The user's scopes, separated by spaces"),
            ("Cookie" = String, description = "With `redirect=1`: the cookies of the request, without Countersign's"))),
        (status = FOUND, description = "With `redirect=1`: a browser has to sign in",
            headers(("Location" = String, description = "The sign-in page"))),
        Problem,
    ))]
async fn forward(
    State(forward): State<Forward>,
    RawQuery(query): RawQuery,
    ViaProxy(forwarded): ViaProxy,
    request: axum::extract::Request,
) -> Response {
    let (mut parts, _) = request.into_parts();
    let query = query.as_deref().unwrap_or_default();
    let demand = match parts.uri.path() == PATH {
        true => Demand::of_proxy(query),
        false => Demand::of_client(query),
    };
    if demand.may_have_audience_of_client(&parts.headers) {
        return refused(Problem::new(Code::ValidationFailed).detail(
            "The URL of the client's request has the same `audience`, so the client may have chosen it. The proxy must not \
             append the client's query to its own.",
        ));
    }
    let user = match &demand.audience {
        None => CurrentUser::from_request_parts(&mut parts, &())
            .await
            .map(|user| user.0),
        Some(audience) => match forward.user_of_api(audience, &parts.headers).await {
            Ok(user) => Ok(user),
            Err(ApiRefusal::Denied(denied)) => Err(denied),
            Err(ApiRefusal::Store(error)) => return refused(Problem::from(error)),
            Err(ApiRefusal::UnknownAudience) => {
                return refused(Problem::new(Code::ValidationFailed).detail(
                    "The proxy called this server with an `audience` that no registered API has. Set it to an \
                     identifier that `countersign apis list` shows.",
                ));
            }
        },
    };
    let headers = parts.headers;
    let answer = match user {
        Ok(user) => by_token(forward.identify(&user, &demand).await),
        // If the client sends a token, the token decides.
        Err(denied) if !demand.redirect || !matches!(denied.reason, Reason::NoToken) => by_token(Err(denied)),
        Err(denied) => {
            let headers = &headers;
            let request = Request { forwarded, headers };
            by_cookie(forward.identify_browser(&request, &demand).await, &demand, denied)
        }
    };
    match demand.redirect {
        true => (OtherCookies::of(&headers), answer).into_response(),
        false => answer,
    }
}

fn by_token(identity: Result<Identity, Denied>) -> Response {
    match identity {
        Ok(identity) => known(&identity),
        Err(denied) => refused(Problem::from(denied)),
    }
}

fn by_cookie(admitted: Result<Admitted, Refusal>, demand: &Demand, denied: Denied) -> Response {
    let unknown = |why: &'static str| refused(Problem::from(denied.clone()).detail(why));
    match admitted {
        Ok(Admitted { page: Some(page), .. }) if demand.denied => found(&page),
        // Not a page: the client has to try again by itself.
        Ok(_) if demand.denied => refused(Problem::new(Code::Unavailable).retry_after(1)),
        Ok(Admitted { identity, .. }) => known(&identity),
        Err(Refusal::SignIn(SignIn { location, cookie })) => {
            let mut response = found(&location);
            if let Some(cookie) = cookie {
                response.headers_mut().append(SET_COOKIE, cookie);
            }
            response
        }
        Err(Refusal::NoSession) => refused(Problem::from(denied)),
        Err(Refusal::Proxy) => unknown(
            "This route requires a bearer token. Browsers cannot sign in here, because the proxy is not in the setting \
             `trusted_proxies`, or does not send X-Forwarded-Method, X-Forwarded-Proto, X-Forwarded-Host and \
             X-Forwarded-Uri.",
        ),
        Err(Refusal::Origin) => unknown(
            "This route requires a bearer token. Browsers cannot sign in here, because the origin of this page is not in \
             the setting `app_origins`.",
        ),
        Err(Refusal::OtherPage) => refused(
            Problem::new(Code::OriginNotAllowed)
                .detail("A page from another origin sent this request. Send a bearer token instead of a cookie."),
        ),
        Err(Refusal::Denied(denied)) => refused(Problem::from(denied)),
        Err(Refusal::Store(error)) => refused(Problem::from(error)),
    }
}

fn known(Identity { account, email, scopes }: &Identity) -> Response {
    IdentityHeaders::of(*account, email, scopes).into_response()
}

fn refused(problem: Problem) -> Response {
    (IdentityHeaders::empty(), problem).into_response()
}

/// Redirects a browser. Proxies pass this response on as it is.
fn found(location: &str) -> Response {
    let Ok(location) = HeaderValue::from_str(location) else {
        return refused(Problem::internal(
            "a URL has characters that are not allowed in a header",
        ));
    };
    (StatusCode::FOUND, IdentityHeaders::empty(), [(LOCATION, location)]).into_response()
}
