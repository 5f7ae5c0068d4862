//! The test of an application's own route from the guide `docs/guides/testing.md`.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::routing::get;
use countersign_guard::{CurrentUser, Guard, RequireScope};
use countersign_testkit::DevServer;
use tower::ServiceExt;

use super::PROGRAM;

#[tokio::test]
async fn only_users_with_the_scope_read_the_products() {
    let countersign = DevServer::run(PROGRAM, &[]).await;
    let guard = Guard::discover(countersign.issuer()).build().await.unwrap();
    let list = get(async |user: CurrentUser| user.id.to_string());
    let app: Router = Router::new()
        .route("/products", list.route_layer(RequireScope::new("products:read")))
        .layer(guard.layer());
    let answer = async |token: &str| {
        let request = Request::get("/products").header("authorization", format!("Bearer {token}"));
        let answer = app.clone().oneshot(request.body(Body::empty()).unwrap());
        answer.await.unwrap().status()
    };

    let ada = countersign.token("ada@example.com").await;
    assert_eq!(answer(ada.as_ref()).await, StatusCode::OK);
    let without = countersign.token("ada@example.com").scopes([""; 0]).await;
    assert_eq!(answer(without.as_ref()).await, StatusCode::FORBIDDEN);
    let expired = countersign.token("ada@example.com").lifetime("-1h").await;
    assert_eq!(answer(expired.as_ref()).await, StatusCode::UNAUTHORIZED);

    countersign.revoke(&ada).await;
    // The guard learns about it within milliseconds, but not immediately.
    while answer(ada.as_ref()).await == StatusCode::OK {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert_eq!(answer(ada.as_ref()).await, StatusCode::UNAUTHORIZED);
}
