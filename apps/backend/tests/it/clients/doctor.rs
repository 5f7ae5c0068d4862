//! What `countersign doctor` says about clients and APIs.

use countersign_testkit::{Database, ScratchDatabase, apply, on_both_databases};
use serde_json::Value;

use super::{done, execute, json};

/// The findings about clients and APIs. Others fail here, because no server runs.
fn findings(scratch: &ScratchDatabase) -> Vec<String> {
    let output = execute(scratch, &["doctor", "--json"]);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let is_ours = |finding: &&Value| finding["about"] == "clients" || finding["about"] == "apis";
    let text = |finding: &Value, name: &str| finding[name].as_str().unwrap().to_owned();
    let found = found.as_array().unwrap().iter().filter(is_ours);
    found
        .map(|finding| format!("{}: {}", text(finding, "state"), text(finding, "found")))
        .collect()
}

#[apply(on_both_databases!)]
async fn the_doctor_names_what_is_wrong_with_a_client(database: Database) {
    let scratch = &ScratchDatabase::create(database).await;
    let create =
        |id: &'static str, arguments: &[&str]| done(scratch, &[&["clients", "create", id], arguments].concat());
    done(scratch, &["migrate"]);
    assert!(findings(scratch).is_empty(), "without clients there is nothing to say");
    create("fine", &["--redirect-uri", "https://app.example.com/cb"]);
    create("app", &["--public", "--redirect-uri", "http://127.0.0.1/cb"]);
    assert_eq!(findings(scratch), ["ok: 2 enabled, 0 disabled"]);

    create("left", &["--redirect-uri", "http://localhost:3000/cb"]);
    create(
        "http",
        &[
            "--redirect-uri",
            "http://a.example/",
            "--metadata",
            r#"{"insecure_redirects":true}"#,
        ],
    );
    create(
        "job",
        &[
            "--grant-type",
            "client_credentials",
            "--scope",
            "a",
            "--api",
            "https://api.example.com",
        ],
    );
    done(scratch, &["clients", "rotate-secret", "fine", "--grace", "6d"]);
    done(
        scratch,
        &[
            "apis",
            "create",
            "https://other.example.com",
            "--name",
            "Other",
            "--client",
            "nobody",
        ],
    );
    let app = "[[clients]]\nclient_id = \"declared\"\npublic = true\nredirect_uris = [\"https://b.example/\"]\n";
    std::fs::write(scratch.folder().join("countersign.toml"), app).unwrap();
    let secrets = json(scratch, &["clients", "show", "fine"])["secrets"].clone();
    let expiry = format!(
        "warn: the previous secret of fine expires at {}",
        secrets[0]["expires_at"].as_str().unwrap()
    );
    assert_eq!(
        findings(scratch),
        [
            "warn: differ from the settings file: declared",
            &expiry,
            "warn: the redirect URI http://a.example/ of http uses http: anyone on the network can take over a sign-in",
            "warn: job names the API https://api.example.com, which does not exist",
            "warn: all redirect URIs of left lead to the user's own device, where no web application runs",
            "warn: the client nobody of the API https://other.example.com does not exist",
        ]
    );
    done(
        scratch,
        &["clients", "create", "taken", "--redirect-uri", "https://a.example/"],
    );
    let taken = app.replace("declared", "taken");
    std::fs::write(scratch.folder().join("countersign.toml"), taken).unwrap();
    let found = findings(scratch);
    assert!(
        found[0].starts_with("fail: the settings file declares the client taken, but it is already registered"),
        "{found:?}"
    );
}
