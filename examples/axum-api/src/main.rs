//! A small products API whose routes require a valid token.
//!
//! ```sh
//! ISSUER=http://127.0.0.1:8000 LISTEN=127.0.0.1:3000 cargo run -p example-axum-api
//! curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:3000/products
//! ```
//! `ISSUER` is the authorization server, `AUDIENCE` the audience of tokens for this API (default: the issuer), `LISTEN` the
//! IP address and port (port 0 picks a free one). The first line of output is the URL.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "an example prints to its terminal and is configured by its environment"
)]

use std::{
    env,
    error::Error,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    routing::{get, post},
};
use countersign_guard::{CurrentUser, Guard, RequireScope};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

#[derive(Clone, Serialize, Deserialize)]
struct Product {
    name: String,
}

type Products = Arc<Mutex<Vec<Product>>>;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // Reports on stderr when the issuer is unreachable.
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let issuer = env::var("ISSUER").unwrap_or_else(|_| "http://127.0.0.1:8000".to_owned());
    let audience = env::var("AUDIENCE").unwrap_or_else(|_| issuer.clone());
    let guard = Guard::discover(issuer).audience(audience).build().await?;

    let listener = TcpListener::bind(env::var("LISTEN").as_deref().unwrap_or("127.0.0.1:3000")).await?;
    println!("http://{}", listener.local_addr()?);
    axum::serve(listener, app(&guard)).await?;
    Ok(())
}

fn app(guard: &Guard) -> Router {
    let products = Products::new(Mutex::new(vec![Product { name: "tea".to_owned() }]));
    Router::new()
        .route("/products", post(add).route_layer(RequireScope::new("products:write")))
        .route("/products", get(list))
        .layer(guard.layer())
        .with_state(products)
}

/// Lists the products for any signed-in user.
async fn list(_user: CurrentUser, State(products): State<Products>) -> Json<Vec<Product>> {
    Json(products.lock().unwrap_or_else(PoisonError::into_inner).clone())
}

/// Adds a product. The route requires the scope `products:write`.
async fn add(
    user: CurrentUser,
    State(products): State<Products>,
    Json(product): Json<Product>,
) -> (StatusCode, Json<Product>) {
    println!("{} adds {:?}", user.id, product.name);
    products
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(product.clone());
    (StatusCode::CREATED, Json(product))
}
