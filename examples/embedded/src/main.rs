//! An axum application that embeds the whole server: one process, one port, one database.
//!
//! Run `cargo run -p example-embedded`. Its own routes, `/api/auth/*` and `/docs` are on <http://127.0.0.1:8000>. Settings come
//! from `countersign.toml` and the environment, as for the standalone server.

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use countersign::{Clock, Role, Server, Services, Settings, Shutdown, Sources};
use countersign_guard::{CurrentUser, Denied};
use serde_json::{Value, json};

#[tokio::main]
#[expect(clippy::print_stdout, reason = "it prints its URL")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let settings = Settings::load(&Sources::of_process(Vec::new(), None))?.settings;
    let services = Services::open(settings, Role::Server, Clock::system()).await?;
    // Sweeps, watches the keys and follows revocations.
    tokio::spawn(services.clone().maintain());

    let app = Router::new()
        .route("/products", get(list).post(create))
        .with_state("gloves")
        .layer(services.guard.layer())
        .fallback_service(countersign::app(services.clone()));
    // Countersign's accept loop closes stalled connections and provides the client's IP address. With `axum::serve`, use
    // `app.into_make_service_with_connect_info::<SocketAddr>()`.
    let server = Server::bind(services.settings.listen, services.server.clone()).await?;
    let shutdown = Shutdown::on_signals(services.readiness.clone())?;
    println!("http://{}", server.local_address());
    server.serve(app, shutdown).await;
    Ok(())
}

async fn list(State(product): State<&'static str>, user: CurrentUser) -> Json<Value> {
    Json(json!({ "owner": user.id, "products": [product] }))
}

async fn create(user: CurrentUser, Json(product): Json<Value>) -> Result<Json<Value>, Denied> {
    user.require_scope("products:write")?;
    Ok(Json(json!({ "owner": user.id, "created": product })))
}
