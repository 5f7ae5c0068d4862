//! Rejected values: text that a shell would have changed, malformed lists, and invalid IP addresses.

use super::*;

/// A way to write a value so that another reader is meant, and what is said about it.
const SLIPS: [(&str, &str, &str); 16] = [
    ("\"", "\"", "quotation mark"),
    ("'", "'", "quotation mark"),
    ("\"", "", "quotation mark"),
    ("", "'", "quotation mark"),
    ("\u{201c}", "\u{201d}", "quotation mark"),
    ("", "\r", "carriage return"),
    (" ", "", "a space"),
    ("", " ", "a space"),
    ("\t", "", "a tab"),
    ("\u{feff}", "", "invisible character (U+FEFF)"),
    ("\u{ad}", "", "invisible character (U+00AD)"),
    ("", "\u{202c}", "invisible character (U+202C)"),
    ("\u{2066}", "", "invisible character (U+2066)"),
    ("\u{ab}", "\u{bb}", "quotation mark"),
    ("", "\u{201e}", "quotation mark"),
    ("", "\u{ff02}", "quotation mark"),
];

/// Something that the setting takes.
fn taken(setting: &Setting) -> String {
    let example = match setting.name {
        "app_origins" => "https://app.example.com",
        "trusted_proxies" => "10.0.0.0/8",
        "redis_url" => "redis://127.0.0.1:6379",
        _ if !setting.default.is_empty() => setting.default,
        _ => "hunter2",
    };
    example.to_owned()
}

#[test]
fn no_setting_takes_quotes_blanks_or_the_line_ends_of_windows() {
    for setting in table() {
        for (before, after, said) in SLIPS {
            // A name in quotes may begin a sender.
            if setting.name == "mail.from" && (before, after) == ("\"", "") {
                continue;
            }
            let value = format!("{before}{}{after}", taken(setting));
            let variable = setting.variable();
            let told = told(load("", &[(&variable, &value)], &[]));
            assert!(
                told.contains(&variable) && told.contains(said),
                "{variable}={value:?}: {told}"
            );
            assert!(!setting.secret || !told.contains("hunter2"), "{told}");
        }
    }
}

#[test]
fn the_settings_file_the_flags_and_the_files_of_secrets_are_read_as_strictly() {
    let folder = tempfile::tempdir().unwrap();
    for (before, after, said) in SLIPS {
        let value = format!("{before}hunter2{after}");
        let written = serde_json::to_string(&value).unwrap();
        let of_file = told(load(&format!("keys_dir = {written}\n"), &[], &[]));
        assert!(
            of_file.contains("countersign.toml:1: keys_dir") && of_file.contains(said),
            "{value:?}: {of_file}"
        );
        let element = format!("app_origins = [\"https://a.example\", {written}]\n");
        let of_element = told(load(&element, &[], &[]));
        assert!(
            of_element.contains("app_origins: an element"),
            "{value:?}: {of_element}"
        );
        let of_flag = told(load("", &[], &[("keys_dir", &value)]));
        assert!(
            of_flag.contains("--keys-dir") && of_flag.contains(said),
            "{value:?}: {of_flag}"
        );
        let path = folder.path().join("secret");
        // One line break belongs to the file.
        std::fs::write(&path, format!("{value}\n")).unwrap();
        let of_secret = load("", &[("COUNTERSIGN_KEYS_PASSPHRASE_FILE", path.to_str().unwrap())], &[]);
        if after == "\r" {
            assert!(of_secret.is_ok());
            continue;
        }
        let of_secret = told(of_secret);
        assert!(
            of_secret.contains("COUNTERSIGN_KEYS_PASSPHRASE") && of_secret.contains(said),
            "{value:?}: {of_secret}"
        );
        assert!(!of_secret.contains("hunter2"), "{of_secret}");
        let named = format!("{before}{}{after}", path.display());
        let of_name = told(load("", &[("COUNTERSIGN_KEYS_PASSPHRASE_FILE", &named)], &[]));
        assert!(of_name.contains(said), "{named:?}: {of_name}");
    }
    let lists = [
        (
            "https://a.example, 'https://b.example', https://c.example",
            "an element starts or ends with a quotation mark",
        ),
        (
            "https://a.example,\u{a0}https://b.example",
            "an element starts or ends with an invisible",
        ),
        ("https://a.example\r,https://b.example", "control character (U+000D)"),
    ];
    for (value, said) in lists {
        let told = told(load("", &[("COUNTERSIGN_APP_ORIGINS", value)], &[]));
        assert!(told.contains(said), "{value:?}: {told}");
    }
    assert!(
        load(
            "",
            &[("COUNTERSIGN_APP_ORIGINS", "https://a.example, https://b.example")],
            &[]
        )
        .is_ok()
    );
    let sender = "\"Example, Inc.\" <no-reply@example.com>";
    assert!(load("", &[("COUNTERSIGN_MAIL__FROM", sender)], &[]).is_ok());
}

#[test]
fn what_is_wrong_with_an_origin_or_an_address_is_what_is_said() {
    let cases = [
        (
            "app_origins",
            "http://localhost:3000/",
            "must not end with a slash; use http://localhost:3000",
        ),
        (
            "app_origins",
            "https://app.example.com/",
            "must not end with a slash; use https://app.example.com",
        ),
        (
            "app_origins",
            "https://app.example.com:8443/login",
            "must consist of scheme, host and port only",
        ),
        (
            "app_origins",
            "https://app.example.com:8443?x",
            "must consist of scheme, host and port only",
        ),
        (
            "app_origins",
            "https://ada:8443@app.example.com",
            "must not contain a user name",
        ),
        (
            "app_origins",
            "https://2001:db8::1",
            "must have its IPv6 address in brackets",
        ),
        ("app_origins", "https://app.example.com:port", "has an invalid port"),
        (
            "issuer",
            "http://127.0.0.1:8000/",
            "must not end with a slash; use http://127.0.0.1:8000",
        ),
        (
            "database_url",
            "postgres://ada@db/auth?sslmod=require",
            "unsupported parameter \"sslmod\"",
        ),
        (
            "database_url",
            "postgres://ada@db/auth?sslmode=require&schema=public",
            "unsupported parameter \"schema\"",
        ),
        (
            "database_url",
            "sqlite://'data/countersign.db",
            "starts or ends with a space or a quotation mark",
        ),
    ];
    for (name, value, said) in cases {
        let told = mistakes(&format!("{name} = {value:?}\n"));
        assert!(told.contains(said), "{name} = {value}: {told}");
    }
    // What stands behind the question mark may be the rest of a password.
    let told = mistakes("database_url = \"postgres://ada:hun?ter2=x@db/auth\"\n");
    assert!(!told.contains("ter2"), "{told}");
}

#[test]
fn what_only_a_shell_would_put_in_place_is_refused() {
    for path in [
        "$HOME/keys",
        "/srv/${NAME}/keys",
        "/srv/$(hostname)",
        "~/keys",
        "~countersign/keys",
        "/srv/keys # of the first server",
    ] {
        for (name, value) in [
            ("keys_dir", path.to_owned()),
            ("mail.folder", path.to_owned()),
            ("audit.checkpoint_file", path.to_owned()),
            ("database_url", format!("sqlite://{path}")),
        ] {
            let told = mistakes(&format!("{name} = {value:?}\n"));
            assert!(
                told.contains(name) && told.contains("which is not expanded"),
                "{name} = {value}: {told}"
            );
        }
    }
    for path in ["/srv/a$", "/srv/a~b", "/srv/#keys", "/srv/100%", "keys/it's"] {
        load(&format!("keys_dir = {path:?}\n"), &[], &[]).unwrap_or_else(|_| panic!("{path}"));
    }
    // A secret may hold what it likes.
    load("keys_passphrase = \"~a$b ${c} # d\"\n", &[], &[]).unwrap();
}

#[test]
fn a_list_is_written_in_the_environment_as_the_environment_writes_lists() {
    for (variable, value, said) in [
        ("COUNTERSIGN_TOKENS__AUDIENCE", "[api,shop]", "brackets"),
        ("COUNTERSIGN_TOKENS__AUDIENCE", "[]", "brackets"),
        ("COUNTERSIGN_TRUSTED_PROXIES", "[10.0.0.1]", "brackets"),
        (
            "COUNTERSIGN_TOKENS__AUDIENCE",
            "https://api.example https://shop.example",
            "a space",
        ),
    ] {
        let told = told(load("", &[(variable, value)], &[]));
        assert!(
            told.contains(variable) && told.contains(said),
            "{variable}={value}: {told}"
        );
    }
}

#[test]
fn unspecified_addresses_are_refused_as_proxies() {
    for address in [
        "0.0.0.0",
        "::",
        "0.0.0.0/32",
        "::ffff:0.0.0.0",
        "224.0.0.1",
        "ff02::1",
        "255.255.255.255",
    ] {
        let told = mistakes(&format!("trusted_proxies = {address:?}\n"));
        assert!(
            told.contains("cannot be the IP address of a proxy"),
            "{address}: {told}"
        );
    }
}
