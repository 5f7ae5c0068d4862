//! The links and redirects that take a browser to an application's host, and sign it out there.

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use http::header::{LOCATION, REFERRER_POLICY, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::core::caller::Caller;
use crate::core::forwarded::{Forwarded, ViaProxy};
use crate::core::problem::{Code, Problem};
use crate::core::request_info::RequestInfo;
use crate::features::sign_in::forward::asked;
use crate::features::sign_in::forward::place::Place;
use crate::features::sign_in::forward::secret::StateHash;
use crate::features::sign_in::forward::service::{CompleteError, Completed, Forward, HandoffError};
use crate::settings::ApplicationUrl;

/// `/signin/continue` at the issuer: a browser comes from an application's host, and returns there with a code once the
/// user is signed in.
pub(super) async fn hand_off(
    State(forward): State<Forward>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let query = Query::of(query.as_deref());
    let Some((_, to)) = forward.platform.applications.of_url(&query.only("to")?) else {
        return Err(Problem::new(Code::HandoffFailed));
    };
    let Ok(state) = query.only("state")?.parse::<StateHash>() else {
        return Err(Problem::new(Code::HandoffFailed));
    };
    let Some(found) = forward.browsers.find(&headers).await? else {
        return see_other(&sign_in(&to));
    };
    let mut response = see_other(&forward.hand_off(&found.who, &to, state).await?)?;
    if let Some(extended) = found.extended {
        response.headers_mut().append(SET_COOKIE, extended);
    }
    Ok(response)
}

/// Returns the sign-in page that leads back to the application, where the way here begins again: the user may continue in
/// another browser, such as the one that opens an emailed link.
fn sign_in(to: &ApplicationUrl) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("return_to", to.as_str());
    format!("/signin?{}", query.finish())
}

/// `/.countersign/callback` on an application's host: uses the code.
pub(super) async fn callback(
    State(forward): State<Forward>,
    ViaProxy(forwarded): ViaProxy,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    request: RequestInfo,
) -> Result<Response, Problem> {
    let place = place(&forward, forwarded)?;
    let code = Query::of(query.as_deref()).only("code").unwrap_or_default();
    match forward
        .complete(&place, &code, &headers, &Caller::anyone(request))
        .await
    {
        Ok(Completed { cookie, url }) => {
            let mut response = see_other(&url)?;
            response.headers_mut().append(SET_COOKIE, cookie);
            Ok(response)
        }
        // A page that was reloaded: this browser is already signed in.
        Err(CompleteError::Invalid) if forward.browsers.find_at(&place.origin, &headers).await?.is_some() => {
            see_other(&place.start)
        }
        // Not back to the application, which would begin again: a browser that keeps no cookies would never stop.
        Err(CompleteError::Invalid) => {
            let issuer = forward.platform.settings.issuer.as_str();
            see_other(&format!("{issuer}/signin/interrupted"))
        }
        Err(CompleteError::Store(error)) => Err(error.into()),
    }
}

/// `/signin/interrupted` at the issuer: tells the user what to do. It has the look of the pages, unlike the host of the
/// application.
pub(super) async fn interrupted() -> Problem {
    Problem::new(Code::HandoffFailed)
}

/// `/.countersign/signout` on an application's host: ends the session, or asks first if the link was on another site.
pub(super) async fn sign_out(
    State(forward): State<Forward>,
    ViaProxy(forwarded): ViaProxy,
    headers: HeaderMap,
    request: RequestInfo,
) -> Result<Response, Problem> {
    let place = place(&forward, forwarded)?;
    if !asked::is_a_deliberate_sign_out(&headers, &place.origin) {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("return_to", &place.start);
        let issuer = forward.platform.settings.issuer.as_str();
        return see_other(&format!("{issuer}/signout?{}", query.finish()));
    }
    forward.sign_out(&place, &headers, request).await?;
    let mut response = see_other(&place.start)?;
    let cookie = forward.browsers.clear_at(&place.origin);
    response.headers_mut().append(SET_COOKIE, cookie);
    // So that the Back button does not show pages of the user (ASVS 14.3.1).
    let clear = HeaderName::from_static("clear-site-data");
    response
        .headers_mut()
        .insert(clear, HeaderValue::from_static("\"cache\""));
    Ok(response)
}

/// Returns the application to whose host a request was sent.
fn place(forward: &Forward, forwarded: Option<Forwarded>) -> Result<Place, Problem> {
    let place = forwarded.and_then(|forwarded| Place::of(&forward.platform, &forwarded.origin));
    place.ok_or_else(|| {
        Problem::new(Code::NotFound).detail(
            "This page works only on applications' hosts: the proxy must be listed in the setting `trusted_proxies`, \
             and the origin in `app_origins`.",
        )
    })
}

/// Redirects with GET (RFC 9110 §15.4.4), and without a `Referer`, which would contain the code.
fn see_other(location: &str) -> Result<Response, Problem> {
    let location = HeaderValue::from_str(location).map_err(Problem::internal)?;
    let policy = HeaderValue::from_static("no-referrer");
    Ok((StatusCode::SEE_OTHER, [(LOCATION, location), (REFERRER_POLICY, policy)]).into_response())
}

/// The query of a URL.
struct Query<'q>(&'q str);

impl<'q> Query<'q> {
    fn of(query: Option<&'q str>) -> Self {
        Self(query.unwrap_or_default())
    }

    /// Returns the value of a parameter that is there exactly once.
    fn only(&self, name: &str) -> Result<String, Problem> {
        let mut values = form_urlencoded::parse(self.0.as_bytes()).filter(|(found, _)| found == name);
        match (values.next(), values.next()) {
            (Some((_, value)), None) => Ok(value.into_owned()),
            _ => Err(Problem::new(Code::HandoffFailed)),
        }
    }
}

impl From<HandoffError> for Problem {
    fn from(error: HandoffError) -> Self {
        match error {
            HandoffError::Limited(exceeded) => exceeded.into(),
            HandoffError::Store(error) => error.into(),
        }
    }
}
