//! `countersign clients` and `countersign apis`.

use countersign_testkit::{Database, ScratchDatabase, apply, on_both_databases};

use super::{done, events, json, refused};

const GRAFANA: &str = "https://grafana.example.com/login/generic_oauth";

#[apply(on_both_databases!)]
async fn a_client_is_registered_and_its_secret_is_shown_once(database: Database) {
    let scratch = &ScratchDatabase::create(database).await;
    let create = [
        "clients",
        "create",
        "grafana",
        "--name",
        "Grafana",
        "--redirect-uri",
        GRAFANA,
    ];
    let told = done(scratch, &create);
    let secret = told
        .split_whitespace()
        .find(|word| word.starts_with("csc_"))
        .unwrap()
        .to_owned();
    assert_eq!(secret.len(), 47);
    let lines: Vec<_> = told.replace(&secret, "csc_…").lines().map(str::to_owned).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    issuer         https://auth.example.com
    client id      grafana
    client secret  csc_…
    redirect URI   https://grafana.example.com/login/generic_oauth

    The secret is not shown again. To replace it, run `countersign clients rotate-secret grafana`.
    ID tokens are signed with RS256, which every client library supports. For shorter ones, use --id-token-alg ES256.
    All endpoints: https://auth.example.com/.well-known/openid-configuration
    ");
    for command in [
        &["clients", "list"][..],
        &["clients", "show", "grafana"],
        &["audit", "list"],
    ] {
        for json in [&[][..], &["--json"]] {
            assert!(
                !done(scratch, &[command, json].concat()).contains(&secret),
                "{command:?}"
            );
        }
    }
    let shown = json(scratch, &["clients", "show", "grafana"]);
    assert_eq!(
        (shown["name"].as_str(), shown["origin"].as_str()),
        (Some("Grafana"), Some("operator"))
    );
    assert_eq!(shown["metadata"]["redirect_uris"][0], GRAFANA);
    assert_eq!(shown["secrets"].as_array().unwrap().len(), 1);
    assert_eq!(shown["secrets"][0]["expires_at"], serde_json::Value::Null);

    let (code, told) = refused(scratch, &create);
    assert!(code == 1 && told.contains("already exists"), "{told}");
    let (code, told) = refused(scratch, &["clients", "show", "grafana2", "--json"]);
    assert!(code == 1 && told.contains("\"not_found\""), "{told}");

    let public = json(
        scratch,
        &[
            "clients",
            "create",
            "app",
            "--public",
            "--redirect-uri",
            "com.example.app:/cb",
        ],
    );
    assert!(
        public.get("client_secret").is_none() && public["id_token_signed_response_alg"] == "RS256",
        "{public}"
    );
    let machine = json(
        scratch,
        &[
            "clients",
            "create",
            "job",
            "--grant-type",
            "client_credentials",
            "--scope",
            "orders:read",
            "--api",
            "https://api.example.com",
        ],
    );
    assert!(machine["client_secret"].is_string() && machine.get("id_token_signed_response_alg").is_none());
    let listed = json(scratch, &["clients", "list"]);
    let ids: Vec<_> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|client| client["client_id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["app", "grafana", "job"]);
}

/// What a client must not be registered with: mass assignment of our own fields, unsafe redirect URIs, and what we could only
/// pretend to do.
#[apply(on_both_databases!)]
async fn a_87_metadata_that_is_not_allowed_registers_nothing(database: Database) {
    let scratch = &ScratchDatabase::create(database).await;
    done(scratch, &["keys", "generate"]);
    let metadata = |json: &'static str| vec!["--redirect-uri", GRAFANA, "--metadata", json];
    let cases: Vec<(Vec<&str>, &str)> = vec![
        (
            metadata(r#"{"trusted":true}"#),
            "trusted is not a client metadata field",
        ),
        (
            metadata(r#"{"client_id":"other"}"#),
            "client_id is not a client metadata field",
        ),
        (
            metadata(r#"{"client_secret":"x"}"#),
            "client_secret is not a client metadata field",
        ),
        (
            metadata(r#"{"origin":"file"}"#),
            "origin is not a client metadata field",
        ),
        (
            metadata(r#"{"disabled_at":null}"#),
            "disabled_at is not a client metadata field",
        ),
        (
            metadata(r#"{"status_list":1}"#),
            "status_list is not a client metadata field",
        ),
        (metadata(r#"{"token_endpoint_auth_method":"none"}"#), "must not be none"),
        (
            metadata(r#"{"token_endpoint_auth_method":"private_key_jwt"}"#),
            "token_endpoint_auth_method",
        ),
        (metadata(r#"{"jwks_uri":"https://a.example"}"#), "not supported"),
        (metadata(r#"{"subject_type":"pairwise"}"#), "not supported"),
        (
            metadata(r#"{"id_token_signed_response_alg":"none"}"#),
            "id_token_signed_response_alg",
        ),
        (
            metadata(r#"{"id_token_signed_response_alg":"HS256"}"#),
            "id_token_signed_response_alg",
        ),
        (metadata(r#"{"response_types":["token"]}"#), "response_types"),
        (metadata(r#"{"grant_types":["password"]}"#), "grant_types"),
        (metadata(r#"{"client_uri":"javascript:alert(1)"}"#), "client_uri"),
        (metadata(r#"{"client_name":"a\u202eb"}"#), "client_name"),
        (vec!["--redirect-uri", "http://grafana.example.com/"], "redirect_uris"),
        (
            vec!["--redirect-uri", "https://grafana.example.com/#a"],
            "redirect_uris",
        ),
        (vec!["--redirect-uri", "https://*.example.com/"], "redirect_uris"),
        (vec!["--redirect-uri", "javascript:alert(1)"], "redirect_uris"),
        (vec!["--redirect-uri", "app:/cb"], "redirect_uris"),
        (vec![], "redirect_uris"),
        (
            vec!["--public", "--grant-type", "client_credentials", "--scope", "a"],
            "grant_types",
        ),
        (vec!["--grant-type", "client_credentials"], "scope must list"),
    ];
    for (arguments, expected) in cases {
        let (code, told) = refused(scratch, &[&["clients", "create", "grafana"], &arguments[..]].concat());
        assert!(code == 1 && told.contains(expected), "{arguments:?}: {told}");
    }
    for id in [
        "countersign",
        "0198c5a0-7e1c-7000-8000-000000000000",
        "a b",
        "a/b",
        "é",
        "",
    ] {
        let (_, told) = refused(scratch, &["clients", "create", id, "--redirect-uri", GRAFANA]);
        assert!(told.contains("client_id"), "{id:?}: {told}");
    }
    done(scratch, &["migrate"]);
    assert_eq!(json(scratch, &["clients", "list"]), serde_json::json!([]));
}

#[apply(on_both_databases!)]
async fn x_8_a_client_is_changed_disabled_and_deleted(database: Database) {
    let scratch = &ScratchDatabase::create(database).await;
    done(scratch, &["clients", "create", "grafana", "--redirect-uri", GRAFANA]);
    done(
        scratch,
        &[
            "clients",
            "update",
            "grafana",
            "--name",
            "Grafana",
            "--trusted",
            "--id-token-alg",
            "ES256",
        ],
    );
    let shown = json(scratch, &["clients", "show", "grafana"]);
    assert_eq!(shown["metadata"]["id_token_signed_response_alg"], "ES256");
    assert_eq!((&shown["name"], &shown["trusted"]), (&"Grafana".into(), &true.into()));
    assert_eq!(
        shown["metadata"]["redirect_uris"][0], GRAFANA,
        "what was not named stays"
    );
    done(
        scratch,
        &[
            "clients",
            "update",
            "grafana",
            "--no-trusted",
            "--metadata",
            r#"{"client_name":null}"#,
        ],
    );
    let shown = json(scratch, &["clients", "show", "grafana"]);
    assert_eq!((&shown["name"], &shown["trusted"]), (&"grafana".into(), &false.into()));
    // Legal before, illegal after.
    for change in [
        r#"{"redirect_uris":[]}"#,
        r#"{"grant_types":["client_credentials"]}"#,
        r#"{"trusted":true}"#,
    ] {
        refused(scratch, &["clients", "update", "grafana", "--metadata", change]);
    }

    // A public client has no secret, and one that becomes confidential gets one.
    let public = json(scratch, &["clients", "update", "grafana", "--public"]);
    assert!(public.get("client_secret").is_none());
    assert_eq!(
        json(scratch, &["clients", "show", "grafana"])["secrets"],
        serde_json::json!([])
    );
    let (_, told) = refused(scratch, &["clients", "rotate-secret", "grafana"]);
    assert!(told.contains("has no secret"), "{told}");
    let confidential = json(scratch, &["clients", "update", "grafana", "--confidential"]);
    assert!(confidential["client_secret"].as_str().unwrap().starts_with("csc_"));

    assert!(done(scratch, &["clients", "rotate-secret", "grafana", "--grace", "7d"]).contains("for another 7d"));
    let secrets = json(scratch, &["clients", "show", "grafana"])["secrets"].clone();
    assert_eq!(secrets.as_array().unwrap().len(), 2);
    assert!(
        secrets[0]["expires_at"].is_string() && secrets[1]["expires_at"].is_null(),
        "{secrets}"
    );
    done(scratch, &["clients", "rotate-secret", "grafana", "--grace", "7d"]);
    let secrets = json(scratch, &["clients", "show", "grafana"])["secrets"].clone();
    assert_eq!(secrets.as_array().unwrap().len(), 2, "at most two");
    done(scratch, &["clients", "rotate-secret", "grafana"]);
    let secrets = json(scratch, &["clients", "show", "grafana"])["secrets"].clone();
    assert_eq!(secrets.as_array().unwrap().len(), 1, "the previous one ended at once");

    done(scratch, &["clients", "disable", "grafana"]);
    assert!(done(scratch, &["clients", "disable", "grafana"]).contains("nothing has changed"));
    assert!(json(scratch, &["clients", "show", "grafana"])["disabled_at"].is_string());
    done(scratch, &["clients", "enable", "grafana"]);
    assert!(json(scratch, &["clients", "show", "grafana"])["disabled_at"].is_null());
    let (_, told) = refused(scratch, &["clients", "delete", "grafana"]);
    assert!(told.contains("--yes"), "{told}");
    done(scratch, &["clients", "delete", "grafana", "--yes"]);
    refused(scratch, &["clients", "show", "grafana"]);
    let kinds: Vec<_> = events(scratch, 50)
        .into_iter()
        .filter(|(kind, _)| kind.starts_with("client."))
        .collect();
    let told: Vec<_> = kinds.iter().map(|(kind, detail)| format!("{kind} {detail}")).collect();
    insta::assert_snapshot!(told.join("\n"), @r"
    client.created grafana
    client.changed grafana: client_name, id_token_signed_response_alg, trusted
    client.changed grafana: client_name, trusted
    client.changed grafana: token_endpoint_auth_method
    client.changed grafana: token_endpoint_auth_method
    client.secret_rotated grafana
    client.secret_rotated grafana
    client.secret_rotated grafana
    client.disabled grafana
    client.enabled grafana
    client.disabled grafana
    client.deleted grafana
    ");
}

/// RFC 9700 §2.2.2: a refresh token of a public client can be used without a secret, so a stolen one is detected only if each
/// is used once.
#[apply(on_both_databases!)]
async fn no_public_client_keeps_one_refresh_token(database: Database) {
    let scratch = &ScratchDatabase::create(database).await;
    let kept = ["--metadata", r#"{"rotate_refresh_tokens":false}"#];
    let create = |id, more: &[&'static str]| {
        let es256 = ["--redirect-uri", GRAFANA, "--id-token-alg", "ES256"];
        [&["clients", "create", id], &es256[..], more].concat()
    };
    done(scratch, &create("grafana", &kept));
    done(scratch, &create("app", &["--public"]));
    let before = json(scratch, &["clients", "list"]);
    for arguments in [
        create("other", &["--public", kept[0], kept[1]]),
        vec!["clients", "update", "grafana", "--public"],
        vec!["clients", "update", "app", kept[0], kept[1]],
    ] {
        let (code, told) = refused(scratch, &arguments);
        assert!(
            code == 1 && told.contains("rotate_refresh_tokens must not be false for a public client"),
            "{arguments:?}: {told}"
        );
    }
    assert_eq!(json(scratch, &["clients", "list"]), before);
    let secrets = json(scratch, &["clients", "show", "grafana"])["secrets"].clone();
    assert_eq!(secrets.as_array().unwrap().len(), 1, "it keeps its secret");
    let rotated = ["--metadata", r#"{"rotate_refresh_tokens":null}"#];
    done(
        scratch,
        &["clients", "update", "grafana", "--public", rotated[0], rotated[1]],
    );
    let entry = "[[clients]]\nclient_id = \"declared\"\npublic = true\nredirect_uris = [\"https://a.example/\"]\n\
        rotate_refresh_tokens = false\n";
    std::fs::write(scratch.folder().join("countersign.toml"), entry).unwrap();
    let (code, told) = refused(scratch, &["clients", "apply"]);
    assert!(
        code == 78 && told.contains("clients[0].rotate_refresh_tokens: must not be false for a public client"),
        "{told}"
    );
}

#[apply(on_both_databases!)]
async fn an_update_says_what_it_changed(database: Database) {
    let scratch = &ScratchDatabase::create(database).await;
    let api = "https://api.example.com";
    done(scratch, &["clients", "create", "grafana", "--redirect-uri", GRAFANA]);
    done(scratch, &["apis", "create", api, "--name", "Orders"]);
    let both = [
        "clients",
        "update",
        "grafana",
        "--name",
        "Dash",
        "--api",
        api,
        "--trusted",
    ];
    let named = [
        "apis",
        "update",
        api,
        "--name",
        "Shop",
        "--scope",
        "orders:read",
        "--any-client",
    ];
    for (arguments, said) in [
        (&both[..], "Changed the client grafana: apis, client_name, trusted.\n"),
        (&both, "The client grafana is up to date; nothing has changed.\n"),
        (
            &["clients", "update", "grafana"],
            "The client grafana is up to date; nothing has changed.\n",
        ),
        (
            &[
                "clients",
                "update",
                "grafana",
                "--metadata",
                r#"{"client_name#de":"Tafel"}"#,
            ],
            "Changed the client grafana: client_name#de.\n",
        ),
        (
            &["clients", "update", "grafana", "--no-trusted"],
            "Changed the client grafana: trusted.\n",
        ),
        (
            &["clients", "update", "grafana", "--public"],
            "Changed the client grafana: token_endpoint_auth_method.\n",
        ),
        (
            &named,
            "Changed the API https://api.example.com: clients, name, scopes.\n",
        ),
        (
            &named,
            "The API https://api.example.com is up to date; nothing has changed.\n",
        ),
        (
            &["apis", "update", api, "--access-ttl", "5m"],
            "Changed the API https://api.example.com: access_ttl.\n",
        ),
    ] {
        assert_eq!(done(scratch, arguments), said, "{arguments:?}");
    }
}

/// An RSA key takes a while to make, and cannot be removed before it is retired.
#[apply(on_both_databases!)]
async fn o_55_a_client_that_is_refused_makes_no_rsa_key(database: Database) {
    let scratch = &ScratchDatabase::create(database).await;
    let es256 = ["--redirect-uri", GRAFANA, "--id-token-alg", "ES256"];
    done(scratch, &[&["clients", "create", "grafana"], &es256[..]].concat());
    let entry = "[[clients]]\nclient_id = \"declared\"\npublic = true\nredirect_uris = [\"https://a.example/\"]\n\
        id_token_signed_response_alg = \"ES256\"\n";
    std::fs::write(scratch.folder().join("countersign.toml"), entry).unwrap();
    done(scratch, &["clients", "apply"]);
    let rsa = scratch.folder().join("keys/rsa");
    let update =
        |client, more: &[&'static str]| [&["clients", "update", client, "--id-token-alg", "RS256"], more].concat();
    for (arguments, expected) in [
        (update("declared", &[]), "declared in the settings file"),
        (update("unknown", &[]), "unknown client"),
        (
            update("grafana", &["--metadata", r#"{"redirect_uris":[]}"#]),
            "redirect_uris",
        ),
        (update("grafana", &["--scope", "no-such-scope"]), "no-such-scope"),
        (
            vec!["clients", "create", "grafana", "--redirect-uri", GRAFANA],
            "already exists",
        ),
        (
            vec!["clients", "create", "other", "--redirect-uri", "x"],
            "redirect_uris",
        ),
    ] {
        let (code, told) = refused(scratch, &arguments);
        assert!(code == 1 && told.contains(expected), "{arguments:?}: {told}");
        assert!(!rsa.exists(), "{arguments:?}");
    }
    done(scratch, &update("grafana", &["--name", "Grafana"]));
    assert!(rsa.join("private.pem").exists());
}

#[apply(on_both_databases!)]
async fn an_api_is_registered_changed_and_deleted(database: Database) {
    let scratch = &ScratchDatabase::create(database).await;
    let api = "https://api.example.com";
    done(
        scratch,
        &[
            "apis",
            "create",
            api,
            "--name",
            "Orders",
            "--scope",
            "orders:read=See your orders",
            "--owned-scope",
            "orders:all",
        ],
    );
    done(
        scratch,
        &[
            "apis",
            "update",
            api,
            "--words",
            "de:orders:read=Deine Bestellungen sehen",
            "--any-client",
        ],
    );
    let shown = json(scratch, &["apis", "show", "https://API.example.com:443/"]);
    assert_eq!((&shown["name"], &shown["clients"]), (&"Orders".into(), &"any".into()));
    assert_eq!(
        shown["scopes"],
        serde_json::json!([
            { "name": "orders:read", "grant": "open",
              "words": { "de": "Deine Bestellungen sehen", "en": "See your orders" } },
            { "name": "orders:all", "grant": "owned" },
        ])
    );
    for (arguments, expected) in [
        (&["create", api, "--name", "Again"][..], "already exists"),
        (
            &["create", "https://API.example.com/", "--name", "Again"],
            "already belongs to",
        ),
        (
            &["create", "https://b.example", "--name", "B", "--alias", api],
            "already belongs to",
        ),
        (
            &["create", "https://auth.example.com/api", "--name", "Ours"],
            "belongs to this server",
        ),
        (&["create", "/api", "--name", "Relative"], "not an absolute URI"),
        (
            &["create", "https://b.example", "--name", "B", "--scope", "openid"],
            "OpenID Connect",
        ),
        (
            &["create", "https://b.example", "--name", "B", "--words", "de:a=b"],
            "describes the scope a",
        ),
        (
            &[
                "create",
                "https://b.example",
                "--name",
                "B",
                "--scope",
                "a",
                "--words",
                "xx:a=b",
            ],
            "which the pages do not support",
        ),
        (
            &["update", api, "--remove-scope", "orders:none"],
            "no scope orders:none",
        ),
        (&["show", "https://b.example"], "unknown API"),
    ] {
        let (_, told) = refused(scratch, &[&["apis"], arguments].concat());
        assert!(told.contains(expected), "{arguments:?}: {told}");
    }
    done(scratch, &["apis", "disable", api]);
    assert!(done(scratch, &["apis", "disable", api]).contains("nothing has changed"));
    done(
        scratch,
        &["apis", "create", "https://b.example", "--name", "B", "--alias", api],
    );
    let (_, told) = refused(scratch, &["apis", "enable", api]);
    assert!(
        told.contains("already belongs to"),
        "its identifier was taken meanwhile: {told}"
    );
    done(scratch, &["apis", "delete", "https://b.example", "--yes"]);
    done(scratch, &["apis", "enable", api]);
    done(scratch, &["apis", "delete", api, "--yes"]);
    assert_eq!(json(scratch, &["apis", "list"]), serde_json::json!([]));
}
