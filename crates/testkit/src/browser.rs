//! A browser without JavaScript: keeps cookies, follows redirects and submits the forms of our pages.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use axum::http::request::Builder;

use crate::{Answer, PASSWORD, TestServer};

/// A user's browser, with its own IP address.
#[derive(Clone)]
pub struct Browser<'s> {
    server: &'s TestServer,
    cookies: BTreeMap<String, String>,
    address: SocketAddr,
}

/// Where a visit ended.
#[derive(Clone, Debug)]
pub struct Visit {
    /// The URL outside of the server to which the browser was sent; the last page if there was none.
    pub url: String,
    /// The paths of the pages on the way.
    pub pages: Vec<String>,
    /// The last response.
    pub answer: Answer,
}

impl TestServer {
    /// Opens a browser without cookies.
    pub fn browser(&self) -> Browser<'_> {
        let last = self.people.fetch_add(1, Ordering::Relaxed);
        Browser {
            server: self,
            cookies: BTreeMap::new(),
            address: SocketAddr::from(([198, 51, 100, last], 40_000)),
        }
    }
}

impl Browser<'_> {
    /// Opens a page.
    pub async fn get(&mut self, path: &str) -> Answer {
        self.send(
            Request::get(self.path(path)).header("accept", "text/html"),
            String::new(),
        )
        .await
    }

    /// Submits a form of our own pages.
    pub async fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let issuer = self.server.services.settings.issuer.as_str().to_owned();
        let request = Request::post(self.path(path))
            .header("accept", "text/html")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("origin", issuer)
            .header("sec-fetch-site", "same-origin");
        self.send(request, encoded(fields)).await
    }

    /// Signs in `<name>@example.com` on the sign-in page.
    pub async fn sign_in(&mut self, name: &str) {
        let email = format!("{name}@example.com");
        self.get("/signin").await.assert_status(200);
        self.submit("/signin", &[("email", &email), ("password", PASSWORD)])
            .await
            .assert_status(303);
    }

    /// Opens a URL and does what a willing user does: signs in as `<name>@example.com` and allows what is asked, until the
    /// browser is sent elsewhere.
    ///
    /// # Panics
    /// The pages ask for something else.
    pub async fn visit(&mut self, url: &str, name: &str) -> Visit {
        let email = format!("{name}@example.com");
        let mut at = url.to_owned();
        let mut answer = self.get(&at).await;
        let mut pages = Vec::new();
        for _ in 0..20 {
            if answer.status == 303 {
                answer.header("location").clone_into(&mut at);
                if at.starts_with('/') || at.starts_with(self.server.services.settings.issuer.as_str()) {
                    answer = self.get(&at).await;
                    continue;
                }
                return Visit { url: at, pages, answer };
            }
            pages.push(self.path(&at).split('?').next().unwrap_or_default().to_owned());
            let Some(form) = Form::find(&answer.text) else {
                return Visit { url: at, pages, answer };
            };
            let mut fields = form.fields;
            for (field, value) in &mut fields {
                match field.as_str() {
                    "email" => email.clone_into(value),
                    "password" => PASSWORD.clone_into(value),
                    _ => {}
                }
            }
            let fields: Vec<_> = fields
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect();
            let action = if form.action.is_empty() {
                at.clone()
            } else {
                form.action
            };
            answer = self.submit(&action, &fields).await;
            at = action;
        }
        panic!("the pages do not end: {pages:?}")
    }

    /// Returns the IP address and port from which it sends requests.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sends requests from another IP address and port.
    pub fn come_from(&mut self, address: SocketAddr) {
        self.address = address;
    }

    /// Returns a cookie's value.
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.get(name).cloned()
    }

    /// Forgets a cookie.
    pub fn forget(&mut self, name: &str) {
        self.cookies.remove(name);
    }

    /// Sends any request with the cookies, and keeps those of the response.
    pub async fn send(&mut self, request: Builder, body: String) -> Answer {
        let cookies: Vec<_> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let request = request
            .header("cookie", cookies.join("; "))
            .extension(ConnectInfo(self.address))
            .body(Body::from(body))
            .expect("the request is one");
        let answer = self.server.send(request).await;
        for cookie in answer.headers.get_all("set-cookie") {
            let cookie = cookie.to_str().expect("a cookie is ASCII");
            let (pair, rest) = cookie.split_once(';').unwrap_or((cookie, ""));
            let Some((name, value)) = pair.split_once('=') else {
                panic!("not a cookie: {cookie}")
            };
            match rest.contains("Max-Age=0") {
                true => self.cookies.remove(name),
                false => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        answer
    }

    fn path(&self, url: &str) -> String {
        let issuer = self.server.services.settings.issuer.as_str();
        url.strip_prefix(issuer).unwrap_or(url).to_owned()
    }
}

/// A form that signs in or allows.
struct Form {
    action: String,
    fields: Vec<(String, String)>,
}

impl Form {
    /// Finds it in a page.
    fn find(page: &str) -> Option<Self> {
        let mut rest = page;
        while let Some((_, after)) = rest.split_once("<form") {
            let (form, next) = after.split_once("</form>")?;
            rest = next;
            let read = Self::read(form);
            let asks = |(name, value): &(String, String)| name == "password" || value == "allow";
            if read.fields.iter().any(asks) {
                return Some(read);
            }
        }
        None
    }

    fn read(form: &str) -> Self {
        let mut fields = Vec::new();
        for tag in form.split('<').skip(1) {
            let is_button = tag.starts_with("button");
            let Some(name) = attribute(tag, "name").filter(|_| is_button || tag.starts_with("input")) else {
                continue;
            };
            let value = attribute(tag, "value").unwrap_or_default();
            // Of several buttons, the one that allows.
            if !is_button || value == "allow" {
                fields.push((name, value));
            }
        }
        Self {
            action: attribute(form, "action").unwrap_or_default(),
            fields,
        }
    }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let tag = tag.split('>').next()?;
    let (_, after) = tag.split_once(&format!(" {name}=\""))?;
    let value = after.split('"').next()?;
    Some(value.replace("&#38;", "&").replace("&amp;", "&"))
}

/// Encodes the fields of a form or a query.
pub(crate) fn encoded(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish()
}
