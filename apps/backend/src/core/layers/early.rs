//! Requests rejected before routing: a head that is too large or unreadable, or too many connections. A browser that requests a
//! page gets a small self-contained page; other clients get a problem.

use askama::Template;
use axum::body::Body;
use axum::response::Response;
use http::header::{ACCEPT, ACCEPT_LANGUAGE, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_TYPE, ORIGIN, VARY};
use http::{HeaderMap, HeaderValue};

use crate::core::language::{FluentArgs, Language, Texts};
use crate::core::problem::Problem;

/// The readable part of a rejected head.
#[derive(Debug, Default)]
pub struct EarlyRequest {
    /// The requested path, if the request line could be read.
    pub path: Option<String>,
    /// The relevant headers: `Origin`, `Accept`, `Accept-Language`.
    pub headers: HeaderMap,
}

impl EarlyRequest {
    /// Takes them from a parsed request.
    pub fn of(path: &str, headers: &HeaderMap) -> Self {
        let mut told = Self {
            path: Some(path.to_owned()),
            ..Self::default()
        };
        for name in [ORIGIN, ACCEPT, ACCEPT_LANGUAGE] {
            for value in headers.get_all(&name) {
                told.headers.append(name.clone(), value.clone());
            }
        }
        told
    }

    pub(super) fn origin(&self) -> Option<&HeaderValue> {
        self.headers.get(ORIGIN)
    }

    /// Browsers send this for navigation; scripts do not.
    fn wants_page(&self) -> bool {
        let beside_the_api = |path: &str| path != "/api" && !path.starts_with("/api/");
        self.path.as_deref().is_some_and(beside_the_api)
            && self.headers.get_all(ACCEPT).iter().any(|accept| {
                let accept = accept.as_bytes().to_ascii_lowercase();
                accept.windows(9).any(|part| part == b"text/html")
            })
    }
}

/// The content of the small pages.
#[derive(Clone)]
pub struct EarlyPages {
    pub texts: Texts,
    /// The name of the service.
    pub service: String,
}

#[derive(Template)]
#[template(path = "early.html")]
struct Page<'a> {
    language: Language,
    service: &'a str,
    title: String,
    text: String,
    home: String,
}

impl EarlyPages {
    /// Returns the same response as a page, if the client prefers one.
    pub(super) fn dress(&self, mut response: Response, told: &EarlyRequest) -> Response {
        let Some(problem) = response.extensions().get::<Problem>().filter(|_| told.wants_page()) else {
            return response;
        };
        let language = Language::preferred(&told.headers).unwrap_or_default();
        let mut values = FluentArgs::new();
        values.set("service", self.service.clone());
        let text = |message: &str| self.texts.render(language, message, &values);
        let page = Page {
            language,
            service: &self.service,
            title: text("error-title"),
            text: text(problem.code().message()),
            home: text("page-home"),
        };
        let Ok(html) = page.render() else {
            return response;
        };
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static(language.tag()));
        headers.append(VARY, HeaderValue::from(ACCEPT_LANGUAGE));
        headers.remove(CONTENT_LENGTH);
        *response.body_mut() = Body::from(html);
        response
    }
}
