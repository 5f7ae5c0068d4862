//! Any body, as JSON and as a form: it is parsed, or rejected with a suitable status.
#![no_main]

use std::sync::LazyLock;

use axum::Router;
use axum::body::Body;
use axum::routing::post;
use countersign::core::extract::{Json, JsonOrForm, optional};
use countersign::core::password::Password;
use countersign::core::profile::{Change, MetadataPatch};
use http::{Request, StatusCode};
use libfuzzer_sys::fuzz_target;
use serde::Deserialize;
use tokio::runtime::Runtime;
use tower::ServiceExt;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    #[serde(rename = "email")]
    _email: String,
    #[serde(rename = "password")]
    _password: Password,
    #[serde(rename = "scope")]
    _scope: Option<String>,
    #[serde(rename = "name", default)]
    _name: Change<String>,
    #[serde(rename = "metadata", default)]
    _metadata: Change<MetadataPatch>,
}

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime starts")
});
static ROUTER: LazyLock<Router> = LazyLock::new(|| {
    Router::new()
        .route("/json", post(async |Json(_): Json<Fields>| StatusCode::OK))
        .route("/both", post(async |JsonOrForm(_): JsonOrForm<Fields>| StatusCode::OK))
        .route(
            "/optional",
            post(async |request: Request<Body>| optional::<_, Fields>(request, &()).await.map(|_| StatusCode::OK)),
        )
});

fuzz_target!(|body: &[u8]| {
    for path in ["/json", "/both", "/optional"] {
        for media_type in [
            "application/json",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "text/plain",
        ] {
            let request = Request::post(path).header("content-type", media_type);
            let request = request.body(Body::from(body.to_vec())).expect("a request");
            let answer = RUNTIME
                .block_on(ROUTER.clone().oneshot(request))
                .expect("a router never fails");
            let status = answer.status();
            assert!(status == StatusCode::OK || status.is_client_error(), "{status}");
        }
    }
});
