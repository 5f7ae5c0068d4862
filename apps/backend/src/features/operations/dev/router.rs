//! `POST /dev/tokens`, `POST /dev/clients`, `POST /dev/apis`, `POST /dev/clock`, `DELETE /dev/sessions/{id}`. They are not in
//! the OpenAPI document, because real servers do not have them.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{delete, post};
use axum::{Json, Router};
use countersign_jose::SignError;
use http::StatusCode;
use http::header::HOST;
use http::uri::Authority;

use super::schemas::{ApiBody, ApiRequest, ClientBody, ClientRequest, ClockRequest, NowBody, TokenBody, TokenRequest};
use super::service::{BeyondAllTime, Dev, TokenError};
use crate::core::caller::Caller;
use crate::core::extract::{self, PathId};
use crate::core::ids::SessionId;
use crate::core::problem::{Code, FieldError, Problem};
use crate::core::request_info::RequestInfo;
use crate::features::oauth::apis::ApiError;
use crate::features::oauth::clients::ClientError;
use crate::features::operations::keys::IssueError;

/// The routes of this feature.
pub(crate) fn router(dev: Dev) -> Router {
    Router::new()
        .route("/dev/tokens", post(token))
        .route("/dev/clients", post(client))
        .route("/dev/apis", post(api))
        .route("/dev/clock", post(clock))
        .route("/dev/sessions/{id}", delete(end_session))
        .route_layer(from_fn_with_state(dev.clone(), only_from_this_machine))
        .with_state(dev)
}

/// Rejects requests of other machines, which can only arrive with `--lan`, and requests for other host names. Otherwise a
/// website could have its name resolve to this machine (DNS rebinding) and send requests from a browser here.
async fn only_from_this_machine(
    State(dev): State<Dev>,
    client: RequestInfo,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let settings = &dev.platform.settings;
    if !client
        .address
        .is_some_and(|peer| is_this_machine(peer, settings.listen.ip()))
    {
        let detail = "Only the machine that runs `countersign dev` can use this endpoint.";
        return Err(Problem::new(Code::BadRequest).detail(detail));
    }
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    let authority = host.and_then(|host| host.parse::<Authority>().ok());
    let is_own = |host: &str| is_local(host) || host == settings.issuer.host();
    match authority.is_some_and(|authority| is_own(authority.host())) {
        true => Ok(next.run(request).await),
        false => Err(Problem::new(Code::BadRequest).detail("The Host must be localhost or a loopback address.")),
    }
}

/// Returns whether a peer is the machine that listens on an address.
fn is_this_machine(peer: IpAddr, listening: IpAddr) -> bool {
    peer.is_loopback() || peer == listening
}

/// Returns whether a host is loopback. RFC 6761 §6.3: localhost and all names under it are.
fn is_local(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.ends_with(".localhost") || address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Opens a session for any user and returns its token.
async fn token(
    State(dev): State<Dev>,
    request: RequestInfo,
    extract::Json(body): extract::Json<TokenRequest>,
) -> Result<Json<TokenBody>, Problem> {
    let issued = dev.issue(body.try_into()?, &Caller::anyone(request)).await?;
    Ok(Json(issued.into()))
}

/// Registers a client.
async fn client(
    State(dev): State<Dev>,
    extract::Json(body): extract::Json<ClientRequest>,
) -> Result<(StatusCode, Json<ClientBody>), Problem> {
    let made = dev.register_client(body.try_into()?).await?;
    let body = ClientBody::new(&made, dev.platform.settings.issuer.as_str());
    Ok((StatusCode::CREATED, Json(body)))
}

/// Registers an API.
async fn api(
    State(dev): State<Dev>,
    extract::Json(body): extract::Json<ApiRequest>,
) -> Result<(StatusCode, Json<ApiBody>), Problem> {
    let api = dev.register_api(&body.try_into()?).await?;
    Ok((StatusCode::CREATED, Json(api.into())))
}

/// Moves the server's clock.
async fn clock(
    State(dev): State<Dev>,
    extract::Json(body): extract::Json<ClockRequest>,
) -> Result<Json<NowBody>, Problem> {
    let now = dev.move_clock(body.try_into()?)?;
    Ok(Json(NowBody { now }))
}

/// Ends a session of any user.
async fn end_session(
    State(dev): State<Dev>,
    request: RequestInfo,
    PathId(id): PathId<SessionId>,
) -> Result<StatusCode, Problem> {
    match dev.end_session(id, &Caller::anyone(request)).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Problem::new(Code::NotFound).detail("No active session has this ID.")),
    }
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        let of_user = |detail: &'static str| FieldError::new("user", Code::Invalid).detail(detail);
        match error {
            TokenError::UnknownUser => Self::validation(vec![of_user(
                "No account has this ID. Pass an email address instead; if it has no account, one is created.",
            )]),
            TokenError::Disabled => Self::validation(vec![of_user("This account is disabled.")]),
            TokenError::Issue(IssueError::Sign(SignError::TooLong)) => {
                let long = FieldError::new("scopes", Code::Invalid)
                    .detail("With these scopes and this audience, the token would exceed the maximum length.");
                Self::validation(vec![long])
            }
            TokenError::Register(error) => error.into(),
            TokenError::Issue(error) => error.into(),
            TokenError::Store(error) => error.into(),
        }
    }
}

impl From<ClientError> for Problem {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Store(error) => error.into(),
            error => Self::new(Code::BadRequest).detail(error.to_string()),
        }
    }
}

impl From<ApiError> for Problem {
    fn from(error: ApiError) -> Self {
        match error {
            ApiError::Store(error) => error.into(),
            error => Self::new(Code::BadRequest).detail(error.to_string()),
        }
    }
}

impl From<BeyondAllTime> for Problem {
    fn from(error: BeyondAllTime) -> Self {
        Self::validation(vec![FieldError::new("to", Code::Invalid).detail(error.to_string())])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_machines_of_the_network_are_told_apart() {
        let is_this = |peer: &str| is_this_machine(peer.parse().unwrap(), "192.168.1.20".parse().unwrap());
        assert!(is_this("192.168.1.20") && is_this("127.0.0.1") && is_this("::1"));
        for other in [
            "192.168.1.21",
            "192.168.1.1",
            "0.0.0.0",
            "fd00::1",
            "::ffff:192.168.1.20",
        ] {
            assert!(!is_this(other), "{other}");
        }
    }
}
