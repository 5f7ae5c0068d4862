//! `[[clients]]` and `[[apis]]` of the settings file, which are applied when a server starts and by `clients apply`.

use countersign_testkit::{Database, Launch, ScratchDatabase, apply, on_both_databases};
use serde_json::{Value, json};

use super::{BINARY, done, json, refused};

const GRAFANA: &str = "[[clients]]\nclient_id = \"grafana\"\nsecret_file = \"grafana\"\n\
    redirect_uris = [\"https://grafana.example.com/cb\"]\n";
const APP: &str = "[[clients]]\nclient_id = \"app\"\npublic = true\nredirect_uris = [\"https://app.example.com/cb\"]\n";
const ORDERS: &str = "[[apis]]\nidentifier = \"https://api.example.com\"\nname = \"Orders\"\n\
    scopes = [{ name = \"orders:read\" }]\n";

fn write(scratch: &ScratchDatabase, entries: &[&str]) {
    std::fs::write(scratch.folder().join("countersign.toml"), entries.concat()).unwrap();
}

fn write_secret(scratch: &ScratchDatabase, secret: &str) {
    std::fs::write(scratch.folder().join("grafana"), secret.repeat(32)).unwrap();
}

fn changes(applied: &Value) -> Vec<String> {
    let lines = applied.as_array().unwrap().iter();
    let text = |line: &Value, name: &str| line[name].as_str().unwrap().to_owned();
    lines
        .map(|line| format!("{} {}", text(line, "name"), text(line, "change")))
        .collect()
}

fn is_disabled(scratch: &ScratchDatabase, client_id: &str) -> bool {
    !json(scratch, &["clients", "show", client_id])["disabled_at"].is_null()
}

#[apply(on_both_databases!)]
async fn o_56_the_settings_file_is_applied_and_only_it_changes_its_clients(database: Database) {
    let scratch = &ScratchDatabase::create(database).await;
    done(scratch, &["migrate"]);
    done(scratch, &["keys", "generate"]);
    write_secret(scratch, "a");
    write(scratch, &[GRAFANA, APP, ORDERS]);
    let all = ["https://api.example.com created", "grafana created", "app created"];
    assert_eq!(changes(&json(scratch, &["clients", "apply", "--dry-run"])), all);
    assert_eq!(
        json(scratch, &["clients", "list"]),
        json!([]),
        "a dry run changes nothing"
    );
    assert_eq!(changes(&json(scratch, &["clients", "apply"])), all);
    assert_eq!(json(scratch, &["clients", "apply"]), json!([]), "nothing differs");
    assert!(done(scratch, &["clients", "apply"]).contains("Nothing differs"));

    // The command line shows them and changes nothing.
    assert_eq!(json(scratch, &["clients", "show", "grafana"])["origin"], "file");
    for arguments in [
        &["clients", "update", "grafana", "--trusted"][..],
        &["clients", "rotate-secret", "grafana"],
        &["clients", "disable", "grafana"],
        &["clients", "enable", "grafana"],
        &["clients", "delete", "grafana", "--yes"],
        &["apis", "update", "https://api.example.com", "--any-client"],
        &["apis", "disable", "https://api.example.com"],
        &["apis", "delete", "https://api.example.com", "--yes"],
    ] {
        let (_, told) = refused(scratch, arguments);
        assert!(told.contains("declared in the settings file"), "{arguments:?}: {told}");
    }
    let (_, told) = refused(
        scratch,
        &["clients", "create", "grafana", "--redirect-uri", "https://a.example/"],
    );
    assert!(told.contains("exists already"), "{told}");

    // A new secret replaces the old one, and an entry that is gone is disabled, not deleted.
    write_secret(scratch, "b");
    write(scratch, &[GRAFANA, "trusted = true\n"]);
    let gone = ["https://api.example.com disabled", "grafana changed", "app disabled"];
    assert_eq!(changes(&json(scratch, &["clients", "apply", "--dry-run"])), gone);
    assert!(!is_disabled(scratch, "app"));
    assert_eq!(changes(&json(scratch, &["clients", "apply"])), gone);
    assert!(is_disabled(scratch, "app") && !is_disabled(scratch, "grafana"));
    assert_eq!(
        json(scratch, &["clients", "show", "grafana"])["secrets"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let (_, told) = refused(scratch, &["clients", "enable", "app"]);
    assert!(told.contains("declared in the settings file"), "{told}");

    // A server applies the file when it starts.
    write(scratch, &[GRAFANA, APP]);
    assert!(Launch::new(BINARY, scratch).start().await.terminate().success());
    assert!(!is_disabled(scratch, "app"));
    assert_eq!(json(scratch, &["clients", "show", "grafana"])["trusted"], false);

    // A client of the command line is not taken over.
    done(
        scratch,
        &["clients", "create", "mine", "--redirect-uri", "https://a.example/"],
    );
    write(
        scratch,
        &["[[clients]]\nclient_id = \"mine\"\npublic = true\nredirect_uris = [\"https://evil.example/\"]\n"],
    );
    let (_, told) = refused(scratch, &["clients", "apply"]);
    assert!(
        told.contains("was registered with `countersign clients create`"),
        "{told}"
    );
    let refusal = Launch::new(BINARY, scratch).refused().await;
    assert!(
        refusal.exit_code == Some(78) && refusal.text.contains("clients create"),
        "{}",
        refusal.text
    );
    assert_eq!(
        json(scratch, &["clients", "show", "mine"])["metadata"]["redirect_uris"][0],
        "https://a.example/"
    );
}

#[apply(on_both_databases!)]
async fn o_56_a_file_with_a_mistake_starts_nothing(database: Database) {
    let scratch = &ScratchDatabase::create(database).await;
    done(scratch, &["migrate"]);
    for (text, line) in [
        (
            format!("{APP}{APP}"),
            "countersign.toml:5: clients[1]: lists the client \"app\" twice",
        ),
        (
            format!("{APP}redirects = 1\n"),
            "countersign.toml:5: clients[0]: unknown setting \"redirects\"",
        ),
        (
            format!("{APP}secret = \"hunter2\"\n"),
            "countersign.toml:5: clients[0]: has a secret in clear text",
        ),
    ] {
        write(scratch, &[&text]);
        let refusal = Launch::new(BINARY, scratch).refused().await;
        assert!(
            refusal.exit_code == Some(78) && refusal.text.contains(line),
            "{}",
            refusal.text
        );
        let (code, told) = refused(scratch, &["clients", "list"]);
        assert!(code == 78 && told.contains(line) && !told.contains("hunter2"), "{told}");
    }
}
