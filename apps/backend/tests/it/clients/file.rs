//! `[[clients]]` and `[[apis]]` of the settings file, which are applied when a server starts and by `clients apply`.

use countersign_testkit::{Database, Launch, ScratchDatabase, apply, on_both_databases};
use serde_json::{Value, json};

use super::{BINARY, done, json, refused};

/// Neither client needs an RSA key.
const GRAFANA: &str = "[[clients]]\nclient_id = \"grafana\"\nsecret_file = \"grafana\"\n\
    id_token_signed_response_alg = \"ES256\"\n\
    redirect_uris = [\"https://grafana.example.com/cb\"]\n";
const APP: &str = "[[clients]]\nclient_id = \"app\"\npublic = true\nid_token_signed_response_alg = \"ES256\"\n\
    redirect_uris = [\"https://app.example.com/cb\"]\n";
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
    assert!(told.contains("already exists"), "{told}");

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
        told.contains("is already registered with `countersign clients create`"),
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
            "countersign.toml:6: clients[1]: lists the client \"app\" twice",
        ),
        (
            format!("{APP}redirects = 1\n"),
            "countersign.toml:6: clients[0]: unknown setting \"redirects\"",
        ),
        (
            format!("{APP}secret = \"hunter2\"\n"),
            "countersign.toml:6: clients[0]: contains a secret in plain text",
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

/// The standard error names every entry that is refused, and nothing is applied.
#[apply(on_both_databases!)]
async fn o_56_a_file_is_applied_as_a_whole_or_not_at_all(database: Database) {
    let scratch = &ScratchDatabase::create(database).await;
    done(scratch, &["migrate"]);
    for client in ["mine", "theirs"] {
        done(
            scratch,
            &["clients", "create", client, "--redirect-uri", "https://a.example/"],
        );
    }
    done(
        scratch,
        &["apis", "create", "https://mine.example.com", "--name", "Mine"],
    );
    done(
        scratch,
        &["apis", "create", "https://other.example.com", "--name", "Other"],
    );
    let client = |id: &str, more: &str| {
        format!("[[clients]]\nclient_id = \"{id}\"\npublic = true\nredirect_uris = [\"https://b.example/\"]\n{more}")
    };
    let api = |id: &str, more: &str| format!("[[apis]]\nidentifier = \"{id}\"\nname = \"x\"\n{more}");
    let entries = [
        ORDERS.to_owned(),
        api("https://mine.example.com", ""),
        api(
            "https://alias.example.com",
            "aliases = [\"https://other.example.com\"]\n",
        ),
        APP.to_owned(),
        client("mine", ""),
        client("typo", "scope = \"openid profil\"\n"),
        client("theirs", ""),
        client(
            "wrong",
            "scope = \"openid orders:raed\"\napis = [\"https://api.example.com\"]\n",
        ),
    ];
    let before = json(scratch, &["clients", "list"]);
    let apis = json(scratch, &["apis", "list"]);
    let problems = [
        "the settings file declares the API https://mine.example.com, but it is already registered with `countersign apis create`",
        "\"https://other.example.com\" already belongs to the API https://other.example.com",
        "the settings file declares the client mine, but it is already registered with `countersign clients create`",
        "the settings file declares the client theirs, but it is already registered with `countersign clients create`",
        "the client typo: the scope profil belongs",
        "did you mean profile?",
        "the client wrong: the scope orders:raed belongs",
        "did you mean orders:read?",
    ];
    write(scratch, &entries.each_ref().map(String::as_str));
    for command in [&["clients", "apply"][..], &["clients", "apply", "--dry-run"]] {
        let (code, told) = refused(scratch, command);
        assert_eq!(code, 1, "{told}");
        for problem in problems {
            assert!(told.contains(problem), "{problem}: {told}");
        }
    }
    let refusal = Launch::new(BINARY, scratch).refused().await;
    assert_eq!(refusal.exit_code, Some(78), "{}", refusal.text);
    for problem in problems {
        assert!(refusal.text.contains(problem), "{problem}: {}", refusal.text);
    }
    assert_eq!(json(scratch, &["clients", "list"]), before);
    assert_eq!(json(scratch, &["apis", "list"]), apis);
    // Without the entries at fault, the others are applied; a scope of an API that is applied with them is known.
    let orders = client(
        "orders",
        "scope = \"openid orders:read\"\napis = [\"https://api.example.com\"]\n",
    );
    write(scratch, &[ORDERS, APP, &orders]);
    let all = ["https://api.example.com created", "app created", "orders created"];
    assert_eq!(changes(&json(scratch, &["clients", "apply"])), all);
}

/// Each of these would be accepted and do nothing, or open the client to everyone.
#[apply(on_both_databases!)]
async fn o_56_entries_that_cannot_work_are_refused(database: Database) {
    let scratch = &ScratchDatabase::create(database).await;
    done(scratch, &["migrate"]);
    let client = |secret: &str, more: &str| {
        format!("[[clients]]\nclient_id = \"app\"\n{secret}\nredirect_uris = [\"https://b.example/\"]\n{more}")
    };
    let hash = |of: &str| format!("secret_sha256 = \"{of}\"");
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let line = "01BA4719C80B6FE911B091A7C05124B64EEECE964E09C058EF8F9805DACA546B";
    for (text, told_of) in [
        (
            client("public = true", "grant_types = []"),
            "clients[0].grant_types: must name at least one grant",
        ),
        (
            client(&hash(empty), ""),
            "clients[0].secret_sha256: is the SHA-256 of an empty secret",
        ),
        (
            client(&hash(line), ""),
            "clients[0].secret_sha256: is the SHA-256 of an empty secret",
        ),
        (
            client("public = true", "scope = \"\""),
            "clients[0].scope: must name at least one scope",
        ),
        (
            "[[apis]]\nidentifier = \"https://api.example.com\"\nname = \"x\"\nclient_id = \"countersign\"\n"
                .to_owned(),
            "apis[0].client_id: \"countersign\" is reserved for this server",
        ),
    ] {
        write(scratch, &[&text]);
        let (code, told) = refused(scratch, &["clients", "apply"]);
        assert!(code == 78 && told.contains(told_of), "{told_of}: {told}");
    }
    write(scratch, &[""]);
    done(
        scratch,
        &[
            "apis",
            "create",
            "https://api.example.com",
            "--name",
            "Orders",
            "--scope",
            "orders:read=See your orders",
        ],
    );
    let create = ["clients", "create", "app", "--redirect-uri", "https://b.example/"];
    let api = ["--api", "https://api.example.com"];
    for (arguments, told_of) in [
        (
            &["--public", "--metadata", "{\"grant_types\":[]}"][..],
            "grant_types must name at least one grant",
        ),
        (&["--scope", ""], "scope must name at least one scope"),
        (
            &["--scope", "openid profil"],
            "the client app: the scope profil belongs",
        ),
        (&["--scope", "orders:raed", api[0], api[1]], "did you mean orders:read?"),
        (&["--scope", "orders:read"], "the API https://api.example.com"),
        (&["--scope", "openid invoices:write"], ", or remove the scope"),
    ] {
        let (code, told) = refused(scratch, &[&create[..], arguments].concat());
        assert!(code == 1 && told.contains(told_of), "{arguments:?}: {told}");
    }
    let (_, told) = refused(
        scratch,
        &[
            "apis",
            "create",
            "https://b.example.com",
            "--name",
            "B",
            "--client",
            "countersign",
        ],
    );
    assert!(told.contains("is reserved for this server"), "{told}");
    assert_eq!(json(scratch, &["clients", "list"]), json!([]));
    // Changing a client is checked as well. An API that is registered later may have any scope.
    done(
        scratch,
        &[
            &create[..],
            &["--scope", "openid later:read", "--api", "https://later.example.com"],
        ]
        .concat(),
    );
    let (_, told) = refused(
        scratch,
        &["clients", "update", "app", "--scope", "openid x", api[0], api[1]],
    );
    assert!(told.contains("the client app: the scope x belongs"), "{told}");
    done(
        scratch,
        &[
            "clients",
            "update",
            "app",
            "--scope",
            "openid orders:read",
            api[0],
            api[1],
        ],
    );
}
