//! Generated documents that are checked in are up to date, and the documents that the server publishes are complete.

use std::io::Read;

use axum::body::Body;
use countersign::core::metrics::{METRICS, PREFIX};
use countersign_testkit::{Database, TestServer, apply, on_both_databases};
use flate2::bufread::GzDecoder;
use http::Request;
use serde_json::Value;

/// Fails if a checked-in document differs from the generated one. `UPDATE_DOCUMENTS=1` writes it.
pub(crate) fn assert_fresh(name: &str, generated: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs")
        .join(name);
    if update() {
        std::fs::write(&path, generated).unwrap();
    }
    let checked_in = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        checked_in == generated,
        "docs/{name} is stale: run `UPDATE_DOCUMENTS=1 cargo test -p countersign documents` and commit it"
    );
}

/// The latest measurements, each ceiling separately: nothing failed meanwhile, and the table states for each goal
/// whether the figures meet it.
#[test]
fn f_2_each_ceiling_was_measured_and_missed_goals_are_named() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../bench/results");
    let figures = std::fs::read_to_string(folder.join("latest.json")).unwrap();
    let figures: Value = serde_json::from_str(&figures).unwrap();
    let table = std::fs::read_to_string(folder.join("README.md")).unwrap();
    for database in ["SQLite", "PostgreSQL"] {
        assert!(figures["ceilings"][database]["commit"]["per_second"].as_f64().unwrap() > 0.0);
        for route in ["/healthz", "JWKS", "/me", "refresh", "login", "register"] {
            let alone = &figures["server"][database][route]["saturated"];
            let second = alone["per_second"].as_f64().unwrap();
            assert!(second > 0.0, "{route} on {database}");
            assert_eq!(alone["failed"], 0, "{route} on {database}");
        }
    }
    let number = |text: &str| {
        let mut words = text.split(' ').map(|word| word.replace(',', ""));
        words.find_map(|word| word.parse::<f64>().ok())
    };
    let mut goals = 0;
    for row in table.lines() {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let &[_, name, ours, _, share, goal, verdict @ ("met" | "**not met**"), ..] = &cells[..] else {
            continue;
        };
        let measured = if goal.ends_with("of it") { share } else { ours };
        let measured = number(measured).unwrap_or_else(|| panic!("{row}"));
        let is_met = match (goal.chars().next(), number(goal)) {
            (Some('≥'), Some(wanted)) => measured >= wanted,
            (Some('≤'), Some(wanted)) => measured <= wanted,
            // As many as before.
            _ => number(share).is_some_and(|share| share <= 1.0),
        };
        assert_eq!(verdict == "met", is_met, "{name}: {row}");
        goals += 1;
    }
    assert!(goals >= 20, "{goals} goals");
}

fn update() -> bool {
    std::env::var_os("UPDATE_DOCUMENTS").is_some()
}

#[test]
fn openapi_json_is_fresh() {
    assert_fresh(
        "openapi.json",
        &(countersign::openapi().to_pretty_json().unwrap() + "\n"),
    );
}

#[test]
fn errors_md_is_fresh() {
    assert_fresh("errors.md", &countersign::core::problem::reference());
}

#[test]
fn settings_md_is_fresh() {
    assert_fresh("settings.md", &countersign::settings::reference());
}

#[test]
fn audit_kinds_md_is_fresh() {
    assert_fresh("audit-kinds.md", &countersign::features::operations::audit::reference());
}

#[test]
fn authorization_checks_md_is_fresh() {
    let reference = countersign::features::oauth::authorization::reference();
    assert_fresh("security/authorization-checks.md", &reference);
}

#[test]
fn metrics_md_is_fresh() {
    assert_fresh("metrics.md", &countersign::core::metrics::reference());
}

#[test]
fn the_dashboard_and_the_alerts_name_metrics_that_there_are() {
    let known: Vec<_> = METRICS
        .iter()
        .map(|metric| format!("{PREFIX}_{}", metric.name))
        .collect();
    for file in ["dashboard.json", "alerts.yml", "alerts.test.yml"] {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../infra/grafana")
            .join(file);
        let text = std::fs::read_to_string(path).unwrap();
        let words = text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
        for word in words.filter(|word| word.starts_with("countersign_")) {
            let name = word.trim_end_matches("_total").trim_end_matches("_bucket");
            assert!(known.iter().any(|known| known == name), "{file} names {word}");
        }
    }
}

#[apply(on_both_databases!)]
async fn a2_every_route_documents_its_authentication(database: Database) {
    let server = TestServer::start(database).await;
    let document = server.get("/openapi.json").await.assert_status(200).json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let mut routes = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let schemes = operation["security"].as_array().into_iter().flatten();
            let names: Vec<_> = schemes.flat_map(|scheme| scheme.as_object().unwrap().keys()).collect();
            let way = ["bearer", "cookie"]
                .into_iter()
                .find(|way| names.iter().any(|name| name == way));
            let way = way.map_or_else(String::new, |way| format!(" ({way})"));
            routes.push(format!("{} {path}{way}", method.to_uppercase()));
        }
    }
    routes.sort();
    assert_eq!(
        routes,
        [
            "DELETE /api/auth/me (bearer)",
            "DELETE /api/auth/sessions/{id} (bearer)",
            "GET /.well-known/jwks.json",
            "GET /.well-known/oauth-authorization-server",
            "GET /.well-known/openid-configuration",
            "GET /api/auth/forward (bearer)",
            "GET /api/auth/me (bearer)",
            "GET /api/auth/me/export (bearer)",
            "GET /api/auth/sessions (bearer)",
            "GET /healthz",
            "GET /oauth2/status-lists/{number}",
            "GET /oauth2/userinfo (bearer)",
            "GET /readyz",
            "PATCH /api/auth/me (bearer)",
            "POST /api/auth/change-email (bearer)",
            "POST /api/auth/change-email/confirm (bearer)",
            "POST /api/auth/change-password (bearer)",
            "POST /api/auth/login",
            "POST /api/auth/login/email",
            "POST /api/auth/login/email/confirm",
            "POST /api/auth/logout (bearer)",
            "POST /api/auth/logout-all (bearer)",
            "POST /api/auth/recover",
            "POST /api/auth/recover/confirm",
            "POST /api/auth/refresh",
            "POST /api/auth/register",
            "POST /api/auth/token (cookie)",
            "POST /api/auth/verify-email",
            "POST /api/auth/verify-email/confirm (bearer)",
            "POST /oauth2/device_authorization",
            "POST /oauth2/introspect",
            "POST /oauth2/revoke",
            "POST /oauth2/token",
            "POST /oauth2/userinfo (bearer)",
        ]
    );
}

#[apply(on_both_databases!)]
async fn swagger_ui_comes_from_the_binary(database: Database) {
    let server = TestServer::start(database).await;
    let page = server.get("/docs/").await.assert_status(200);
    assert!(page.header("content-type").starts_with("text/html"));
    for outside in ["http://", "https://", "//cdn"] {
        assert!(!page.text.contains(&format!("src=\"{outside}")), "{}", page.text);
    }
    let plain = server.get("/docs/swagger-ui-bundle.js").await.assert_status(200);
    assert_eq!(
        (plain.header("content-encoding"), plain.header("vary")),
        ("", "Accept-Encoding")
    );
    assert!(plain.text.contains("SwaggerUIBundle"));
    for (accepted, coding) in [
        ("gzip", "gzip"),
        ("br;q=1.0, GZip;q=0.5", "gzip"),
        ("gzip;q=0", ""),
        ("br, deflate", ""),
    ] {
        let request = Request::get("/docs/swagger-ui-bundle.js").header("accept-encoding", accepted);
        let answer = server
            .send(request.body(Body::empty()).unwrap())
            .await
            .assert_status(200);
        assert_eq!(answer.header("content-encoding"), coding, "{accepted}");
        let mut unpacked = answer.bytes.to_vec();
        if coding == "gzip" {
            assert!(answer.bytes.len() < plain.bytes.len() / 3);
            unpacked.clear();
            GzDecoder::new(&*answer.bytes).read_to_end(&mut unpacked).unwrap();
        }
        assert_eq!(unpacked, plain.bytes, "{accepted}");
    }
    server.get("/docs/nothing.js").await.assert_problem(404, "not_found");
    assert!(
        server
            .get("/errors")
            .await
            .assert_status(200)
            .text
            .contains("id=\"invalid_credentials\"")
    );
}
