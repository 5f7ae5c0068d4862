//! Responses of the pages, with their policy, cookies and language; and problems shown as pages.

use std::task::{Context, Poll};

use askama::Template;
use axum::body::Body;
use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::future::{BoxFuture, Either};
use http::header::{
    ACCEPT, ACCEPT_LANGUAGE, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION,
    SET_COOKIE, VARY,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use tower::{Layer, Service};

use super::destination::Destination;
use super::roots::is_for_people;
use super::service::Pages;
use super::single_flight::SingleFlight;
use super::view::{HOME, View};
use super::visitor::{Visitor, form_token};
use crate::core::problem::{Code, Problem, Shown};

const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// Renders a page, with the status and headers of its view.
pub(super) fn page(visitor: &Visitor, view: &View, template: &impl Template) -> Response {
    let mut html = template.render();
    if html.is_ok() && view.must_tell_more() {
        html = template.render();
    }
    let html = match html {
        Ok(html) => html,
        Err(error) => return Problem::internal(error).into_response(),
    };
    let headers = [
        (CONTENT_TYPE, HTML),
        (CONTENT_LANGUAGE, HeaderValue::from_static(visitor.language.tag())),
        (CONTENT_SECURITY_POLICY, view.policy()),
        // RFC 9110 §12.5.5: the language may depend on this header.
        (VARY, HeaderValue::from(ACCEPT_LANGUAGE)),
    ];
    let mut response = (view.status(), headers, html).into_response();
    response.headers_mut().extend(view.headers().clone());
    visitor.write_cookies(response.headers_mut());
    response
}

/// Redirects to another page of this server with GET, whatever the method was (RFC 9110 §15.4.4; RFC 9700 §4.12).
pub(super) fn see_other(visitor: &Visitor, path: &str) -> Response {
    let mut response = redirection(path);
    visitor.write_cookies(response.headers_mut());
    response
}

/// Redirects a signed-in user to the destination or, without one, to the account.
pub(super) fn go_on(visitor: &Visitor) -> Response {
    see_other(visitor, visitor.destination.as_ref().map_or(HOME, Destination::as_str))
}

/// Returns the redirect for a form's URL that is opened rather than submitted.
pub(super) fn redirect(path: &'static str) -> std::future::Ready<Response> {
    std::future::ready(redirection(path))
}

/// Redirects with GET, and sets no cookies.
pub(super) fn redirection(path: &str) -> Response {
    let path = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(LOCATION, path)]).into_response()
}

/// The page of an error that no form can show, with a link.
#[derive(Template)]
#[template(path = "pages/done.html")]
struct ErrorPage {
    v: View,
    title: String,
    text: String,
    link: &'static str,
    label: String,
}

#[derive(Template)]
#[template(path = "pages/message.html")]
struct Message {
    v: View,
    title: String,
    text: String,
    /// What is wrong, for developers; empty if there is nothing to add.
    technical: String,
}

/// Renders a page that has nothing but a title and a text, and perhaps a technical reason.
pub(super) fn message(
    visitor: &Visitor,
    v: View,
    status: StatusCode,
    [title, text, technical]: [String; 3],
) -> Response {
    let message = Message {
        v,
        title,
        text,
        technical,
    };
    let mut response = page(visitor, &message.v, &message);
    *response.status_mut() = status;
    response
}

/// Renders a problem that no form can show.
fn problem_page(pages: &Pages, visitor: &Visitor, problem: &Problem) -> Response {
    let view = View::new(pages, visitor).fixed().limited(problem);
    let error = ErrorPage {
        title: view.t(match problem.code() {
            Code::NotFound => "not-found-title",
            _ => "error-title",
        }),
        text: match problem.code() {
            // There is no form on this page that could be sent again.
            Code::ForeignForm => view.t("error-foreign"),
            code => view.t(code.message()),
        },
        label: view.t("page-home"),
        v: view,
        link: "/",
    };
    let mut response = page(visitor, &error.v, &error);
    *response.status_mut() = problem.http_status();
    response.headers_mut().extend(problem.headers().clone());
    response
}

/// The layer around the pages' routes. A form that is sent twice at the same time is handled only once.
pub(super) async fn as_pages(
    State((pages, forms)): State<(Pages, SingleFlight)>,
    request: Request,
    next: Next,
) -> Response {
    let browser = form_token(&pages, request.headers());
    let handle = |request| as_page(pages, request, next);
    forms.once(browser.as_deref(), request, handle).await
}

/// Identifies the visitor once, and shows any problem as a page.
async fn as_page(pages: Pages, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let Ok(visitor) = Visitor::from_request_parts(&mut parts, &pages).await;
    parts.extensions.insert(visitor.device.hash());
    parts.extensions.insert(visitor.clone());
    let mut response = next.run(Request::from_parts(parts, body)).await;
    match response.extensions_mut().remove::<Problem>() {
        Some(problem) => {
            let mut page = problem_page(&pages, &visitor, &problem);
            page.extensions_mut().insert(Shown(problem));
            page
        }
        None => response,
    }
}

/// The outermost layer, which shows problems as pages to people who look for a page, whichever layer refused the request.
/// Programs, and all of `/api`, get the problem itself.
#[derive(Clone)]
pub struct ForPeople(pub Pages);

/// The service of [`ForPeople`].
#[derive(Clone)]
pub struct ShownToPeople<S> {
    inner: S,
    pages: Pages,
}

impl<S> Layer<S> for ForPeople {
    type Service = ShownToPeople<S>;

    fn layer(&self, inner: S) -> ShownToPeople<S> {
        let pages = self.0.clone();
        ShownToPeople { inner, pages }
    }
}

impl<S> Service<Request> for ShownToPeople<S>
where
    S: Service<Request, Response = Response>,
    S::Future: Send + 'static,
    S::Error: 'static,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Either<S::Future, BoxFuture<'static, Result<Response, S::Error>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        if !looks_for_pages(&request) {
            return Either::Left(self.inner.call(request));
        }
        let pages = self.pages.clone();
        let visitor = Visitor::without_session(&pages, request.uri(), request.headers());
        let is_head = *request.method() == Method::HEAD;
        let response = self.inner.call(request);
        let shown = async move { Ok(for_people(&pages, &visitor, is_head, response.await?)) };
        Either::Right(Box::pin(shown))
    }
}

fn for_people(pages: &Pages, visitor: &Visitor, is_head: bool, mut response: Response) -> Response {
    let Some(problem) = response.extensions_mut().remove::<Problem>() else {
        return response;
    };
    let page = problem_page(pages, visitor, &problem);
    let (parts, body) = page.into_parts();
    for (name, value) in &parts.headers {
        // The other headers of the response stay, such as `Retry-After` and the request id.
        if *name == VARY || *name == SET_COOKIE {
            response.headers_mut().append(name, value.clone());
        } else {
            response.headers_mut().insert(name, value.clone());
        }
    }
    response.headers_mut().remove(CONTENT_LENGTH);
    *response.body_mut() = if is_head { Body::empty() } else { body };
    response
}

/// Returns whether a request looks for a page. Browsers open pages and send forms with three methods; for other methods,
/// only `Accept` decides.
fn looks_for_pages(request: &Request) -> bool {
    let path = request.uri().path();
    let like_a_browser = matches!(*request.method(), Method::GET | Method::HEAD | Method::POST);
    let page = like_a_browser && is_for_people(path);
    page || (!path.starts_with("/api/") && takes_html(request.headers()))
}

fn takes_html(headers: &HeaderMap) -> bool {
    let mut wishes = headers.get_all(ACCEPT).iter();
    wishes.any(|accept| {
        let accept = accept.as_bytes().to_ascii_lowercase();
        accept.windows(9).any(|part| part == b"text/html")
    })
}
