//! A small issuer on its own port, which can be made to lie, hang, stop and come back. It counts requests, so that
//! tests need no timing.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Response, StatusCode};
use axum::routing::get;
use countersign_guard::{Denied, Guard, GuardBuilder, Reason};
use countersign_jose::{
    AccessTokenClaims, RequiredClaims, SigningKey, StatusList, StatusListClaims, StatusReference, Subject, TokenType,
};
use futures_util::stream::{self, StreamExt};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use uuid::Uuid;

pub(crate) const NOW: i64 = 1_800_000_000;

pub(crate) struct Issuer {
    pub(crate) name: String,
    address: SocketAddr,
    pub(crate) books: Arc<Books>,
    server: Mutex<JoinSet<()>>,
}

/// The issuer's state: what it publishes, how it answers, and what was requested.
pub(crate) struct Books {
    name: Mutex<String>,
    pub(crate) clock: AtomicI64,
    pub(crate) keys: Mutex<Vec<SigningKey>>,
    lists: Mutex<BTreeMap<u64, (u64, StatusList)>>,
    changes: watch::Sender<u64>,
    /// Wrong answers, by path prefix.
    instead: Mutex<Vec<(&'static str, Instead)>>,
    asked: Mutex<BTreeMap<String, usize>>,
    /// The number of requests that are currently held.
    pub(crate) held: AtomicUsize,
}

#[derive(Clone)]
pub(crate) enum Instead {
    Hang,
    /// Begins a response and never finishes it.
    Stall,
    Say(StatusCode, &'static str, Vec<u8>),
}

impl Issuer {
    /// An issuer that is reached under its name, with one list of 1000 entries.
    pub(crate) async fn start() -> Self {
        Self::named(None).await
    }

    /// An issuer with another name.
    pub(crate) async fn named(name: Option<&str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let name = name.map_or_else(|| format!("http://{address}"), str::to_owned);
        let books = Arc::new(Books {
            name: Mutex::new(name.clone()),
            clock: AtomicI64::new(NOW),
            keys: Mutex::new(vec![SigningKey::generate().unwrap()]),
            lists: Mutex::new(BTreeMap::from([(1, (1, StatusList::with_capacity(1000).unwrap()))])),
            changes: watch::Sender::new(0),
            instead: Mutex::default(),
            asked: Mutex::default(),
            held: AtomicUsize::new(0),
        });
        let issuer = Self {
            name,
            address,
            books,
            server: Mutex::default(),
        };
        issuer.serve(listener);
        issuer
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn list_uri(&self, number: u64) -> String {
        format!("{}/oauth2/status-lists/{number}", self.name)
    }

    /// A guard for this issuer that uses its clock.
    pub(crate) fn guard(&self) -> GuardBuilder {
        let books = Arc::clone(&self.books);
        Guard::discover(&self.name).clock(move || books.clock.load(Ordering::SeqCst))
    }

    pub(crate) fn pass(&self, seconds: i64) {
        self.books.clock.fetch_add(seconds, Ordering::SeqCst);
    }

    pub(crate) fn token(&self, idx: u64) -> String {
        self.token_with(idx, |_| ())
    }

    /// A token signed with the first key.
    pub(crate) fn token_with(&self, idx: u64, change: impl FnOnce(&mut AccessTokenClaims)) -> String {
        let mut claims = self.claims(idx);
        change(&mut claims);
        let keys = self.books.keys.lock().unwrap();
        keys[0].sign(TokenType::ACCESS_TOKEN, &claims).unwrap()
    }

    /// A token of a client that acts for itself.
    pub(crate) fn client_token(&self, idx: u64) -> String {
        self.token_with(idx, |claims| {
            claims.sub = Subject::Client("billing".to_owned());
            claims.client_id = "billing".to_owned();
            (claims.sid, claims.auth_time, claims.amr) = (None, None, None);
        })
    }

    pub(crate) fn claims(&self, idx: u64) -> AccessTokenClaims {
        let mut claims = AccessTokenClaims::from(RequiredClaims {
            iss: self.name.clone(),
            sub: Subject::Account(Uuid::from_u128(1)),
            aud: vec![self.name.clone()].into(),
            exp: NOW + 1_296_000,
            iat: NOW,
            jti: Uuid::from_u128(u128::from(idx)),
            client_id: "countersign".to_owned(),
        });
        claims.sid = Some(Uuid::from_u128(3));
        claims.scope = Some("products:read".to_owned());
        claims.auth_time = Some(NOW);
        claims.amr = Some(vec!["pwd".to_owned()]);
        claims.status = Some(StatusReference::new(idx, self.list_uri(1)));
        claims
    }

    pub(crate) fn add_list(&self, number: u64) {
        let list = StatusList::with_capacity(1000).unwrap();
        self.books.lists.lock().unwrap().insert(number, (1, list));
    }

    pub(crate) fn revoke(&self, idx: u64) {
        {
            let mut lists = self.books.lists.lock().unwrap();
            let (version, list) = lists.get_mut(&1).unwrap();
            *version += 1;
            assert!(list.set(idx));
        }
        self.books.changes.send_modify(|changes| *changes += 1);
    }

    /// The list as it is currently signed.
    pub(crate) fn signed_list(&self, change: impl FnOnce(&mut StatusListClaims)) -> String {
        self.books.signed_list(1, change).unwrap().1
    }

    pub(crate) fn answer(&self, path: &'static str, instead: Instead) {
        self.books.instead.lock().unwrap().push((path, instead));
        // Releases held requests, so that they get this answer.
        self.books.changes.send_modify(|changes| *changes += 1);
    }

    pub(crate) fn answer_rightly(&self) {
        self.books.instead.lock().unwrap().clear();
    }

    /// How often paths with this prefix were requested. Held requests are counted with the prefix `held:`.
    pub(crate) fn asked(&self, path: &str) -> usize {
        let asked = self.books.asked.lock().unwrap();
        asked
            .iter()
            .filter(|(at, _)| at.starts_with(path))
            .map(|(_, count)| count)
            .sum()
    }

    /// Closes the port and all connections.
    pub(crate) async fn die(&self) {
        let mut server = std::mem::take(&mut *self.server.lock().unwrap());
        server.shutdown().await;
    }

    pub(crate) async fn come_back(&self) {
        self.serve(TcpListener::bind(self.address).await.unwrap());
    }

    fn serve(&self, listener: TcpListener) {
        let app = Router::new()
            .route("/.well-known/oauth-authorization-server", get(metadata))
            .route("/jwks", get(jwks))
            .route("/elsewhere", get(jwks))
            .route("/oauth2/status-lists/{number}", get(list))
            .with_state(Arc::clone(&self.books));
        let accept = async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let service = TowerToHyperService::new(app.clone());
                connections.spawn(async move {
                    let io = TokioIo::new(stream);
                    drop(
                        hyper::server::conn::http1::Builder::new()
                            .serve_connection(io, service)
                            .await,
                    );
                });
            }
        };
        self.server.lock().unwrap().spawn(accept);
    }
}

impl Books {
    /// Counts the request, and answers it if a wrong answer is set for its path.
    async fn instead(&self, path: &str) -> Option<Response<Body>> {
        *self.asked.lock().unwrap().entry(path.to_owned()).or_default() += 1;
        let instead = self
            .instead
            .lock()
            .unwrap()
            .iter()
            .find(|(at, _)| path.starts_with(at))
            .cloned()?;
        match instead.1 {
            Instead::Hang => std::future::pending().await,
            Instead::Stall => {
                let begin = stream::once(async { Ok::<_, std::io::Error>("{") });
                Some(Response::new(Body::from_stream(begin.chain(stream::pending()))))
            }
            Instead::Say(status, header, body) => {
                let (name, value) = header.split_once(": ").unwrap_or(("x-none", ""));
                Some(
                    Response::builder()
                        .status(status)
                        .header(name, value)
                        .body(Body::from(body))
                        .unwrap(),
                )
            }
        }
    }

    fn signed_list(&self, number: u64, change: impl FnOnce(&mut StatusListClaims)) -> Option<(String, String)> {
        let (version, status_list) = self.lists.lock().unwrap().get(&number)?.clone();
        let now = self.clock.load(Ordering::SeqCst);
        let name = self.name.lock().unwrap().clone();
        let mut claims = StatusListClaims {
            sub: format!("{name}/oauth2/status-lists/{number}"),
            iss: name,
            iat: now,
            exp: now + 3600,
            ttl: 30,
            version,
            status_list,
        };
        change(&mut claims);
        let keys = self.keys.lock().unwrap();
        let token = keys[0].sign(TokenType::STATUS_LIST, &claims).unwrap();
        Some((format!("\"{version}-{now}\""), token))
    }
}

async fn metadata(State(books): State<Arc<Books>>) -> Response<Body> {
    if let Some(instead) = books.instead("/.well-known").await {
        return instead;
    }
    let name = books.name.lock().unwrap().clone();
    json_answer(&json!({ "issuer": name, "jwks_uri": format!("{name}/jwks") }))
}

async fn jwks(State(books): State<Arc<Books>>, uri: axum::http::Uri) -> Response<Body> {
    if let Some(instead) = books.instead(uri.path()).await {
        return instead;
    }
    let keys: Vec<_> = books
        .keys
        .lock()
        .unwrap()
        .iter()
        .map(|key| key.verifying_key().to_jwk())
        .collect();
    json_answer(&json!({ "keys": keys }))
}

async fn list(State(books): State<Arc<Books>>, Path(number): Path<u64>, headers: HeaderMap) -> Response<Body> {
    let wait = headers
        .get("prefer")
        .map(|wait| wait.to_str().unwrap().strip_prefix("wait=").unwrap().parse().unwrap());
    let kind = if wait.is_some() { "held:" } else { "" };
    let mut changes = books.changes.subscribe();
    let path = format!("{kind}/oauth2/status-lists/{number}");
    if let Some(instead) = books.instead(&path).await {
        return instead;
    }
    let Some((mut etag, mut token)) = books.signed_list(number, |_| ()) else {
        return Response::builder().status(404).body(Body::empty()).unwrap();
    };
    if headers.get("if-none-match").is_some_and(|known| known == etag.as_str()) {
        let _held = Holding::new(&books);
        let wait = Duration::from_secs(wait.unwrap_or(0));
        if tokio::time::timeout(wait, changes.changed()).await.is_err() {
            return Response::builder()
                .status(304)
                .header("etag", etag)
                .body(Body::empty())
                .unwrap();
        }
        if let Some(instead) = books.instead("changed").await {
            return instead;
        }
        (etag, token) = books.signed_list(number, |_| ()).unwrap();
    }
    Response::builder()
        .header("content-type", "application/statuslist+jwt")
        .header("etag", etag)
        .body(Body::from(token))
        .unwrap()
}

struct Holding<'a>(&'a Books);

impl<'a> Holding<'a> {
    fn new(books: &'a Books) -> Self {
        books.held.fetch_add(1, Ordering::SeqCst);
        Self(books)
    }
}

impl Drop for Holding<'_> {
    fn drop(&mut self) {
        self.0.held.fetch_sub(1, Ordering::SeqCst);
    }
}

fn json_answer(body: &Value) -> Response<Body> {
    Response::builder()
        .header("content-type", "application/json")
        .header("cache-control", "public, max-age=300")
        .body(Body::from(body.to_string()))
        .unwrap()
}

/// The guard's verdict on a token: `valid`, or the reason in one word.
pub(crate) async fn says(guard: &Guard, token: &str) -> &'static str {
    match guard.verify(token).await {
        Ok(_) => "valid",
        Err(Denied { reason, .. }) => match reason {
            Reason::Token(error) => error.code(),
            Reason::Revoked => "ended",
            Reason::Status(_) => "status",
            Reason::Unavailable => "unavailable",
            other => panic!("{other}"),
        },
    }
}

/// Waits until a condition holds; fails the test on timeout.
pub(crate) async fn until(what: &str, mut so: impl AsyncFnMut() -> bool) {
    let waited = async {
        while !so().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(30), waited).await;
    assert!(waited.is_ok(), "it never came that {what}");
}
