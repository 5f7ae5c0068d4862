//! How a page leaves: with its policy, its cookies and its language; and what a browser sees of a problem.

use askama::Template;
use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any};
use http::header::{ACCEPT, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION};
use http::{HeaderValue, Method, StatusCode};

use super::view::View;
use super::visitor::Visitor;
use crate::Context;
use crate::core::problem::{Code, Problem, Shown};

/// Only our own files, no code in the page itself, and no other page around it. Forms go to this origin; where a sign-in
/// leads on, it leads below it.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; form-action 'self'; \
     base-uri 'none'; frame-ancestors 'none'";

/// A page.
pub(super) fn page(visitor: &Visitor, status: StatusCode, template: &impl Template) -> Response {
    let html = match template.render() {
        Ok(html) => html,
        Err(error) => return Problem::internal(error).into_response(),
    };
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (CONTENT_LANGUAGE, HeaderValue::from_static(visitor.language.tag())),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    ];
    let mut response = (status, headers, html).into_response();
    visitor.bake(response.headers_mut());
    response
}

/// To another page, by GET, whatever the method was (RFC 9110 §15.4.4; RFC 9700 §4.12).
pub(super) fn see_other(visitor: &Visitor, path: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    if let Ok(path) = HeaderValue::from_str(path) {
        response.headers_mut().insert(LOCATION, path);
    }
    visitor.bake(response.headers_mut());
    response
}

/// Something is over, and where to go from here.
#[derive(Template)]
#[template(path = "pages/done.html")]
pub(super) struct Done {
    v: View,
    title: String,
    text: String,
    link: &'static str,
    label: String,
}

impl Done {
    /// `what` names two messages: `<what>-title` and `<what>-text`.
    pub(super) fn new(view: View, what: &str, (link, label): (&'static str, &str)) -> Self {
        Self {
            title: view.t(&format!("{what}-title")),
            text: view.t(&format!("{what}-text")),
            label: view.t(label),
            v: view,
            link,
        }
    }
}

/// What a browser sees of a problem that no form can show.
pub(super) fn problem_page(context: &Context, visitor: &Visitor, problem: Problem) -> Response {
    let view = View::new(context, visitor).fixed();
    let done = Done {
        title: view.t(match problem.code() {
            Code::NotFound => "not-found-title",
            _ => "error-title",
        }),
        text: view.told(problem.code().name()),
        label: view.t("page-home"),
        v: view,
        link: "/",
    };
    let headers = problem.headers().clone();
    let mut response = page(visitor, problem.http_status(), &done);
    response.headers_mut().extend(headers);
    response.extensions_mut().insert(Shown(problem));
    response
}

/// Around the routes of the pages: whatever problem they end in is told as a page.
pub(super) async fn as_pages(State(context): State<Context>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let Ok(visitor) = Visitor::from_request_parts(&mut parts, &context).await;
    parts.extensions.insert(visitor.device.hash());
    parts.extensions.insert(visitor.clone());
    let mut response = next.run(Request::from_parts(parts, body)).await;
    match response.extensions_mut().remove::<Problem>() {
        Some(problem) => problem_page(&context, &visitor, problem),
        None => response,
    }
}

/// Where there is nothing: a page for who looks for pages, a problem for programs.
pub fn not_found(context: &Context) -> MethodRouter {
    any(not_found_page).with_state(context.clone())
}

async fn not_found_page(State(context): State<Context>, request: Request) -> Response {
    let problem = Problem::new(Code::NotFound);
    let wants_pages = |accept: &HeaderValue| accept.as_bytes().windows(9).any(|part| part == b"text/html");
    let looks = matches!(*request.method(), Method::GET | Method::HEAD)
        && !request.uri().path().starts_with("/api/")
        && request.headers().get(ACCEPT).is_some_and(wants_pages);
    if !looks {
        return problem.into_response();
    }
    let (mut parts, _) = request.into_parts();
    let Ok(visitor) = Visitor::from_request_parts(&mut parts, &context).await;
    problem_page(&context, &visitor, problem)
}
