//! Responses to clients of a protected service (RFC 6750 §3, RFC 9457).

use std::error::Error;
use std::io::Write;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use axum::routing::{get, post};
use countersign_guard::{Caller, CurrentUser, Guard, OptionalUser, RequireScope, VerifiedToken};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::issuer::{Issuer, until};

fn app(guard: &Guard) -> Router {
    let list = async |user: CurrentUser| format!("{} {}", user.id, user.scopes);
    let add = async |_: CurrentUser| StatusCode::CREATED;
    Router::new()
        .route("/products", post(add).route_layer(RequireScope::new("products:write")))
        .route("/products", get(list))
        .layer(guard.layer())
}

async fn send(app: &Router, method: &str, path: &str, authorization: &[&str]) -> (StatusCode, HeaderMap, Vec<u8>) {
    let mut request = Request::builder().method(method).uri(path);
    for value in authorization {
        request = request.header("authorization", *value);
    }
    let response = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    (
        parts.status,
        parts.headers,
        to_bytes(body, 10_000).await.unwrap().to_vec(),
    )
}

fn problem(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap()
}

#[tokio::test]
async fn a_good_token_is_let_in() {
    let issuer = Issuer::start().await;
    let app = app(&issuer.guard().build().await.unwrap());
    let (status, _, body) = send(&app, "GET", "/products", &[&format!("Bearer {}", issuer.token(1))]).await;
    assert_eq!(status, 200);
    assert_eq!(body, format!("{} products:read", issuer.claims(1).sub).into_bytes());
    let writer = issuer.token_with(1, |claims| {
        claims.scope = Some("products:read products:write".to_owned());
    });
    let (status, ..) = send(&app, "POST", "/products", &[&format!("bearer {writer}")]).await;
    assert_eq!(status, 201);
}

/// A client's token is rejected on every route that requires a user, whatever its scopes.
#[tokio::test]
async fn a_clients_token_is_for_no_person() {
    let issuer = Issuer::start().await;
    let guard = issuer.guard().build().await.unwrap();
    let welcome = async |OptionalUser(user): OptionalUser| user.is_some().to_string();
    let either = async |token: VerifiedToken| format!("{} of {}", token.subject(), token.client_id());
    let stock = async |caller: Caller| match caller {
        Caller::User(user) => format!("user {}", user.id),
        Caller::Client(client) => format!("client {} {}", client.id, client.scopes),
    };
    let app = app(&guard).merge(
        Router::new()
            .route("/welcome", get(welcome))
            .route(
                "/maybe",
                get(async |user: Option<CurrentUser>| user.is_some().to_string()),
            )
            .route("/stock", get(stock))
            .route("/reports", get(either).route_layer(RequireScope::new("products:read")))
            .layer(guard.layer()),
    );
    let credentials = format!("Bearer {}", issuer.client_token(1));
    for path in ["/products", "/welcome", "/maybe"] {
        let (status, headers, body) = send(&app, "GET", path, &[&credentials]).await;
        assert_eq!(status, 403, "{path}");
        assert_eq!(
            headers["www-authenticate"],
            format!(
                "Bearer realm=\"{}\", error=\"insufficient_scope\", error_description=\"This route requires the \
                 token of a user, but the token belongs to a client.\"",
                issuer.name
            )
        );
        assert_eq!(problem(&body)["code"], "insufficient_scope");
    }
    let (status, _, body) = send(&app, "GET", "/reports", &[&credentials]).await;
    assert_eq!((status.as_u16(), &*body), (200, &b"billing of billing"[..]));
    // A route for both takes a `Caller`.
    let (status, _, body) = send(&app, "GET", "/stock", &[&credentials]).await;
    assert_eq!((status.as_u16(), &*body), (200, &b"client billing products:read"[..]));
    let of_user = format!("Bearer {}", issuer.token(2));
    let (status, _, body) = send(&app, "GET", "/stock", &[&of_user]).await;
    let expected = format!("user {}", issuer.claims(2).sub);
    assert_eq!((status.as_u16(), &*body), (200, expected.as_bytes()));
    for credentials in [&[][..], &["Bearer nonsense"]] {
        assert_eq!(send(&app, "GET", "/stock", credentials).await.0, 401);
    }
    // It can be revoked like any other.
    issuer.revoke(1);
    until("it is refused", async || {
        send(&app, "GET", "/reports", &[&credentials]).await.0 == 401
    })
    .await;
}

/// A guard inside another one's layer does not rely on what the other one has verified.
#[tokio::test]
async fn a_guard_inside_another_one_verifies_for_its_own_audience() {
    const OUTER: &str = "https://shop.example";
    const INNER: &str = "https://shop.example/admin";
    let issuer = Issuer::start().await;
    let outer = issuer.guard().audience(OUTER).build().await.unwrap();
    let inner = issuer.guard().audience(INNER).build().await.unwrap();
    let app = Router::new()
        .route("/products", get(async |user: CurrentUser| user.id.to_string()))
        .layer(inner.layer())
        .layer(RequireScope::new("products:read"))
        .layer(outer.layer());
    for (audiences, expected) in [(&[OUTER][..], 401), (&[INNER], 401), (&[OUTER, INNER], 200)] {
        let token = issuer.token_with(1, |claims| {
            claims.aud = audiences.iter().copied().map(str::to_owned).collect::<Vec<_>>().into();
        });
        let (status, ..) = send(&app, "GET", "/products", &[&format!("Bearer {token}")]).await;
        assert_eq!(status, expected, "{audiences:?}");
    }
}

#[tokio::test]
async fn a_missing_token_gets_no_error_code() {
    let issuer = Issuer::start().await;
    let app = app(&issuer.guard().build().await.unwrap());
    let in_query = format!("/products?access_token={}", issuer.token(1));
    for (path, authorization) in [
        ("/products", &[][..]),
        ("/products", &["Basic YTpi"]),
        (in_query.as_str(), &[]),
    ] {
        let (status, headers, body) = send(&app, "GET", path, authorization).await;
        assert_eq!(status, 401);
        assert_eq!(headers["www-authenticate"], format!("Bearer realm=\"{}\"", issuer.name));
        assert_eq!(headers["content-type"], "application/problem+json");
        let expected = json!({
            "type": "about:blank", "title": "Unauthorized", "status": 401, "code": "missing_token",
            "detail": "This route requires a bearer token.",
        });
        assert_eq!(problem(&body), expected);
    }
}

/// What is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_token_for_another_audience_is_logged_once() {
    let issuer = Issuer::start().await;
    let guard = issuer.guard().build().await.unwrap();
    let log = Log::default();
    let writer = log.clone();
    let lines = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone());
    let _logging = tracing::subscriber::set_default(lines.finish());
    let for_another = |audience: &str| {
        let audience = vec![audience.to_owned()];
        issuer.token_with(1, |claims| claims.aud = audience.into())
    };
    // A forged token is not logged.
    let genuine = for_another("https://forged.example");
    let (unsigned, _) = genuine.rsplit_once('.').unwrap();
    guard
        .verify(&format!("{unsigned}.{}", "A".repeat(86)))
        .await
        .unwrap_err();
    for _ in 0..2 {
        guard.verify(&for_another("https://other.example")).await.unwrap_err();
    }
    let text = log.text();
    let both = format!(
        "the token is for https://other.example, and this guard expects {}",
        issuer.name
    );
    assert_eq!(text.matches(&both).count(), 1, "{text}");
    assert!(!text.contains("forged"), "{text}");
}

#[tokio::test]
async fn the_audiences_are_named_to_the_service_and_not_to_the_client() {
    let issuer = Issuer::start().await;
    let guard = issuer.guard().build().await.unwrap();
    let cases = [
        (
            vec![
                "https://other.example".to_owned(),
                format!("\n\u{1b}[31m{}", "x".repeat(200)),
            ],
            format!("https://other.example,??[31m{}...", "x".repeat(72)),
        ),
        (
            vec!["https://other.example".to_owned()],
            "https://other.example".to_owned(),
        ),
        (vec![], "no one".to_owned()),
    ];
    for (audiences, shown) in cases {
        let token = issuer.token_with(1, |claims| claims.aud = audiences.into());
        let denied = guard.verify(&token).await.unwrap_err();
        assert_eq!(denied.to_string(), "The token is for another audience.");
        let cause = denied.source().map(ToString::to_string);
        let expected = format!("the token is for {shown}, and this guard expects {}", issuer.name);
        assert_eq!(cause, Some(expected));
        let (status, headers, body) = send(&app(&guard), "GET", "/products", &[&format!("Bearer {token}")]).await;
        assert_eq!(status, 401);
        let response = format!("{headers:?} {}", problem(&body));
        assert!(
            !response.contains("other.example") && !response.contains("expects"),
            "{response}"
        );
    }
    let expired = issuer.token_with(1, |claims| claims.exp = 1);
    assert!(guard.verify(&expired).await.unwrap_err().source().is_none());
    // Each of several audiences is named.
    let guard = issuer
        .guard()
        .audience("https://a.example")
        .audience("https://b.example");
    let denied = guard.build().await.unwrap().verify(&issuer.token(1)).await.unwrap_err();
    let cause = denied.source().map(ToString::to_string).unwrap_or_default();
    assert!(
        cause.ends_with("this guard expects https://a.example or https://b.example"),
        "{cause}"
    );
}

#[tokio::test]
async fn an_invalid_token_gets_the_reason() {
    let issuer = Issuer::start().await;
    let app = app(&issuer.guard().build().await.unwrap());
    let good = format!("Bearer {}", issuer.token(1));
    let other = issuer.token_with(1, |claims| {
        claims.aud = vec!["https://other.example.com".to_owned()].into();
    });
    issuer.revoke(5);
    for (authorization, why) in [
        (vec!["Bearer x.y.z"], "The token's header is not"),
        (vec![&*good, &*good], "The Authorization header must have the form"),
        (vec!["Bearer"], "The Authorization header must have the form"),
        (
            vec![&*format!("Bearer {other}")],
            "The token is for another audience.\"",
        ),
        (
            vec![&*format!("Bearer {}", issuer.token(5))],
            "The token has been revoked.",
        ),
        (
            vec![&*format!("Bearer {}", issuer.token(1000))],
            "The token's status index is out of range.",
        ),
    ] {
        let (status, headers, body) = send(&app, "GET", "/products", &authorization).await;
        assert_eq!(status, 401, "{why}");
        let challenge = headers["www-authenticate"].to_str().unwrap();
        let start = format!(
            "Bearer realm=\"{}\", error=\"invalid_token\", error_description=\"{why}",
            issuer.name
        );
        assert!(challenge.starts_with(&start), "{challenge}");
        assert_eq!(problem(&body)["code"], "invalid_token");
    }
}

#[tokio::test]
async fn a_missing_scope_is_named() {
    let issuer = Issuer::start().await;
    let app = app(&issuer.guard().build().await.unwrap());
    let (status, headers, body) = send(&app, "POST", "/products", &[&format!("Bearer {}", issuer.token(1))]).await;
    assert_eq!(
        (status, problem(&body)["code"].clone()),
        (StatusCode::FORBIDDEN, json!("insufficient_scope"))
    );
    let challenge = headers["www-authenticate"].to_str().unwrap();
    assert!(
        challenge.ends_with("error=\"insufficient_scope\", scope=\"products:write\""),
        "{challenge}"
    );
}

#[tokio::test]
async fn a_token_that_cannot_be_checked_is_answered_with_retry_after() {
    let issuer = Issuer::start().await;
    issuer.die().await;
    let app = app(&issuer.guard().build().await.unwrap());
    let good = format!("Bearer {}", issuer.token(1));
    let (status, headers, body) = send(&app, "GET", "/products", &[&good]).await;
    assert_eq!(
        (status, problem(&body)["code"].clone()),
        (StatusCode::SERVICE_UNAVAILABLE, json!("unavailable"))
    );
    assert_eq!(headers["retry-after"], "1");
    assert!(!headers.contains_key("www-authenticate"));
    issuer.come_back().await;
    until("it is let in", async || {
        send(&app, "GET", "/products", &[&good]).await.0 == 200
    })
    .await;
}
