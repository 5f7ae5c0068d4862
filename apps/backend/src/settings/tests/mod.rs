//! The settings as an operator meets them: sources in, values or mistakes out.

mod clients;
mod texts;

use std::time::Duration;

use secrecy::ExposeSecret;

use super::source::Source;
use super::*;

/// Loads from a file, an environment and flags.
fn load(file: &str, environment: &[(&str, &str)], flags: &[(&'static str, &str)]) -> Result<Loaded, SettingsError> {
    let file = SettingsFile {
        path: "countersign.toml".into(),
        text: Ok(file.to_owned()),
    };
    Settings::load(&Sources {
        file: Some(file),
        environment: environment
            .iter()
            .map(|&(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        flags: flags.iter().map(|&(name, value)| (name, value.to_owned())).collect(),
        cores: std::num::NonZero::new(4),
    })
}

/// The mistakes of a file, as an operator reads them.
fn mistakes(file: &str) -> String {
    told(load(file, &[], &[]))
}

fn told(loaded: Result<Loaded, SettingsError>) -> String {
    loaded
        .err()
        .map_or_else(|| "no mistake".to_owned(), |mistakes| mistakes.to_string())
}

fn in_force(loaded: &Loaded, name: &str) -> String {
    loaded
        .in_force
        .iter()
        .find(|row| row.setting == name)
        .unwrap()
        .to_string()
}

#[test]
fn without_sources_the_defaults_are_in_force() {
    let Loaded { settings, in_force } = Settings::load(&Sources::default()).unwrap();
    assert_eq!(settings.listen.to_string(), "127.0.0.1:8000");
    assert_eq!(settings.issuer.as_str(), "http://127.0.0.1:8000");
    assert_eq!(settings.database_url.expose(), "sqlite://data/countersign.db");
    assert_eq!(settings.tokens.access_ttl, Duration::from_secs(15 * 86_400));
    assert_eq!(settings.tokens.audience, ["http://127.0.0.1:8000"]);
    assert_eq!((settings.hashing.workers, settings.hashing.queue), (1, 64));
    assert!(settings.metrics_listen.is_none() && settings.keys_passphrase.is_none());
    assert_eq!(in_force.len(), table().count());
    assert!(in_force.iter().all(|row| row.source == Source::Default));
}

#[test]
fn every_name_of_the_table_is_there_once_and_every_default_can_be_read() {
    // A default that cannot be read would panic in `take`; the file names every setting of the table.
    let mut names: Vec<_> = table().map(|setting| setting.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), table().count());
    // No value is right for each of these: every one is blamed, and its default read in its place.
    let environment: Vec<_> = table()
        .map(|setting| (setting.variable(), "\u{fffd}".to_owned()))
        .collect();
    let mistakes = Settings::load(&Sources {
        environment,
        ..Sources::default()
    })
    .err()
    .unwrap()
    .0;
    assert_eq!(mistakes.len(), table().count());
}

#[test]
fn each_source_goes_over_the_one_before_and_is_remembered() {
    let file = "listen = '127.0.0.1:1'\nsignup = 'closed'\n\n[tokens]\naccess_ttl = '1d'\nrefresh_idle_ttl = '2d'\n";
    let environment = [
        ("COUNTERSIGN_LISTEN", "127.0.0.1:2"),
        ("COUNTERSIGN_TOKENS__ACCESS_TTL", "3d"),
    ];
    let loaded = load(file, &environment, &[("listen", "127.0.0.1:3")]).unwrap();
    assert_eq!(in_force(&loaded, "listen"), "listen = 127.0.0.1:3 (--listen)");
    assert_eq!(
        in_force(&loaded, "tokens.access_ttl"),
        "tokens.access_ttl = 3d (COUNTERSIGN_TOKENS__ACCESS_TTL)"
    );
    assert_eq!(
        in_force(&loaded, "tokens.refresh_idle_ttl"),
        "tokens.refresh_idle_ttl = 2d (countersign.toml:6)"
    );
    assert_eq!(in_force(&loaded, "signup"), "signup = closed (countersign.toml:2)");
    assert_eq!(in_force(&loaded, "issuer"), "issuer = http://127.0.0.1:3 (default)");
    assert_eq!(loaded.settings.signup, Signup::Closed);
}

#[test]
fn all_mistakes_are_told_at_once_each_with_its_place_and_its_remedy() {
    let file = "lisen = '127.0.0.1:1'\n[tokens]\naccess_ttl = '15 dogs'\nrefresh_replay_window = '6m'\n";
    let environment = [
        ("COUNTERSIGN_TOKENS_ACCESS_TTL", "1d"),
        ("COUNTERSIGN_APP_ORIGINS", "*"),
    ];
    insta::assert_snapshot!(told(load(file, &environment, &[("issuer", "http://auth.example.com")])), @r#"
    invalid configuration (6 errors):
      countersign.toml:1: unknown setting "lisen"; did you mean "listen"?
      unknown setting COUNTERSIGN_TOKENS_ACCESS_TTL; did you mean COUNTERSIGN_TOKENS__ACCESS_TTL? Otherwise, unset it, or rename it
      --issuer: "http://auth.example.com" must use https: over http, passwords and tokens are sent unencrypted; expected an origin such as https://auth.example.com
      COUNTERSIGN_APP_ORIGINS: "*" must start with https:// or http://; expected an origin such as https://app.example.com
      countersign.toml:3: tokens.access_ttl: invalid duration "15 dogs"; expected a duration such as 15d, 12h, 30m, 45s or 250ms
      countersign.toml:4: tokens.refresh_replay_window: 6m is out of range; expected 0s to 5m
    "#);
}

#[test]
fn values_that_do_not_go_together_are_mistakes() {
    let cases = [
        ("[tokens]\nrefresh_idle_ttl = '91d'", "exceeds its absolute lifetime"),
        (
            "[tokens]\nrefresh_idle_ttl = '10d'\nrefresh_absolute_ttl = '12d'",
            "outlive their session",
        ),
        ("[tokens]\naccess_ttl = '59s'", "1m to 90d"),
        (
            "[tokens]\naccess_ttl = '91d'\nrefresh_absolute_ttl = '100d'",
            "1m to 90d",
        ),
        ("[tokens]\nrefresh_replay_window = '301s'", "0s to 5m"),
        ("[tokens]\naudience = []", "at least one name"),
        ("[passwords]\niterations = 1", "OWASP"),
        ("[passwords]\nmemory_kib = 12287\niterations = 3", "OWASP"),
        ("[passwords]\nmemory_kib = 4096\niterations = 50", "7168 to 1048576"),
        ("[passwords]\nparallelism = 0", "1 to 16"),
        ("[passwords]\nmin_length = 7", "8 to 1024"),
        ("[passwords]\nmax_length = 63", "64 to 1024"),
        ("[passwords]\nmin_length = 129", "min_length must be at most max_length"),
        ("[hashing]\nworkers = 0", "1 to 1024"),
        ("[hashing]\nqueue = 0", "1 to 100000"),
        ("[sessions]\nper_account = 0", "1 to 10000"),
        ("[http]\nbody_timeout = '0s'", "100ms to 1h"),
        ("[http]\nmax_connections = 100", "at most max_connections"),
        ("[database]\npool_size = 0", "1 to 1000"),
        ("metrics_listen = '127.0.0.1:8000'", "another port"),
        ("metrics_listen = '0.0.0.0:8000'", "another port"),
        ("issuer = 'http://localhost:0'", "port that clients use"),
        ("redis_url = 'redis://10.0.0.1'", "rediss://"),
        ("listen = '0.0.0.0:8000'", "https://auth.example.com"),
    ];
    for (file, expected) in cases {
        let told = mistakes(file);
        assert!(
            told.starts_with("invalid configuration:") && told.contains(expected),
            "{file}: {told}"
        );
    }
}

#[test]
fn values_at_the_edge_are_accepted() {
    let files = [
        "[tokens]\naccess_ttl = '1m'\nrefresh_replay_window = '5m'",
        "[tokens]\naccess_ttl = '90d'\nrefresh_idle_ttl = '90d'",
        "[passwords]\nmemory_kib = 47104\niterations = 1\nmin_length = 64\nmax_length = 64",
        "[passwords]\nmemory_kib = 7_168\niterations = 5",
        "metrics_listen = '127.0.0.1:8001'",
        "redis_url = 'redis://10.0.0.1'\nallow_unencrypted = true",
        "redis_url = 'rediss://10.0.0.1'",
        "listen = '127.0.0.1:0'\nmetrics_listen = '127.0.0.1:0'",
        "listen = '0.0.0.0:8000'\nissuer = 'https://auth.example.com'",
    ];
    for file in files {
        assert_eq!(mistakes(file), "no mistake", "{file}");
    }
}

#[test]
fn a_mistake_blames_the_place_that_was_written() {
    let told = mistakes("[tokens]\nrefresh_absolute_ttl = '20d'");
    assert!(
        told.contains("countersign.toml:2: tokens.refresh_absolute_ttl: the idle lifetime"),
        "{told}"
    );
}

#[test]
fn a_value_that_cannot_be_read_draws_no_second_mistake_behind_it() {
    let told = mistakes("[tokens]\nrefresh_absolute_ttl = 'long'\nrefresh_idle_ttl = '100d'");
    assert!(told.starts_with("invalid configuration:"), "{told}");
}

#[test]
fn unknown_names_are_refused_wherever_they_stand() {
    let told = mistakes("tokens = 3\nbanana = 1\n[token]\naccess_ttl = '1d'\n[empty]\n[listen]\nx = 1\n");
    let expected = [
        "countersign.toml:1: tokens is a section, not a setting; write [tokens], and put its settings on the lines after it",
        "countersign.toml:2: unknown setting \"banana\"; `countersign settings` lists all settings",
        "countersign.toml:4: unknown setting \"token.access_ttl\"; did you mean \"tokens.access_ttl\"?",
        "countersign.toml:5: unknown setting \"empty\"",
        "countersign.toml:7: unknown setting \"listen.x\"; did you mean \"listen\"?",
    ];
    for line in expected {
        assert!(told.contains(line), "{line}\n{told}");
    }
}

#[test]
fn a_variable_has_one_spelling() {
    let told = told(load(
        "",
        &[
            ("COUNTERSIGN_listen", "127.0.0.1:1"),
            ("COUNTERSIGN_TOKENS.ACCESS_TTL", "1d"),
        ],
        &[],
    ));
    assert!(
        told.contains("unknown setting COUNTERSIGN_listen; did you mean COUNTERSIGN_LISTEN?"),
        "{told}"
    );
    assert!(
        told.contains("; did you mean COUNTERSIGN_TOKENS__ACCESS_TTL?"),
        "{told}"
    );
}

#[test]
fn a_broken_file_is_reported_and_hides_no_other_mistake() {
    let told = told(load(
        "listen = \n",
        &[("COUNTERSIGN_LISTEN", "0.0.0.0:80"), ("COUNTERSIGN_SIGNUP", "maybe")],
        &[],
    ));
    assert!(
        told.contains("countersign.toml:1: invalid TOML") && told.contains("COUNTERSIGN_SIGNUP"),
        "{told}"
    );
    assert!(!told.contains("issuer"), "the issuer may stand in the file: {told}");
}

#[test]
fn a_named_file_that_is_missing_is_a_mistake() {
    let text = Err(std::io::Error::from(std::io::ErrorKind::NotFound));
    let file = Some(SettingsFile {
        path: "else.toml".into(),
        text,
    });
    let told = told(Settings::load(&Sources {
        file,
        ..Sources::default()
    }));
    assert!(told.contains("else.toml: failed to read the settings file"), "{told}");
}

#[test]
fn secrets_come_from_files_and_are_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    std::fs::write(&path, "postgres://ada:hunter2@db/auth\r\n").unwrap();
    let path = path.to_str().unwrap();
    let environment = [
        ("COUNTERSIGN_DATABASE_URL_FILE", path),
        ("COUNTERSIGN_KEYS_PASSPHRASE", "hunter2"),
    ];
    let loaded = load("database_url = 'sqlite://other.db'", &environment, &[]).unwrap();
    assert_eq!(loaded.settings.database_url.expose(), "postgres://ada:hunter2@db/auth");
    assert_eq!(
        loaded.settings.keys_passphrase.as_ref().unwrap().expose_secret(),
        "hunter2"
    );
    let shown = "database_url = postgres://ada:***@db/auth (COUNTERSIGN_DATABASE_URL_FILE)";
    assert_eq!(in_force(&loaded, "database_url"), shown);
    assert_eq!(
        in_force(&loaded, "keys_passphrase"),
        "keys_passphrase = *** (COUNTERSIGN_KEYS_PASSPHRASE)"
    );

    let loaded = load(&format!("database_url_file = '{path}'"), &[], &[]).unwrap();
    assert_eq!(loaded.settings.database_url.expose(), "postgres://ada:hunter2@db/auth");
}

#[test]
fn a_secret_from_a_file_is_blamed_by_the_name_of_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    std::fs::write(&path, "mysql://ada:hunter2@db/auth\n").unwrap();
    let told_file = mistakes(&format!("\ndatabase_url_file = '{}'\n", path.display()));
    assert!(
        told_file.contains("countersign.toml:2: database_url_file: is not the URL of a SQLite or PostgreSQL database;"),
        "{told_file}"
    );
    // A source that goes over the file has its own name.
    let over = [("COUNTERSIGN_DATABASE_URL", "mysql://db")];
    let told_over = told(load(&format!("database_url_file = '{}'\n", path.display()), &over, &[]));
    assert!(
        told_over.contains("COUNTERSIGN_DATABASE_URL: is not the URL"),
        "{told_over}"
    );
}

#[test]
fn a_loopback_address_with_the_port_of_http_is_an_issuer() {
    for (listen, issuer) in [
        ("127.0.0.1:80", "http://127.0.0.1"),
        ("[::1]:80", "http://[::1]"),
        ("127.0.0.1:443", "http://127.0.0.1:443"),
        ("[::1]:8000", "http://[::1]:8000"),
    ] {
        let loaded = load(&format!("listen = {listen:?}\n"), &[], &[]).unwrap();
        assert_eq!(loaded.settings.issuer.as_str(), issuer);
        assert_eq!(loaded.settings.tokens.audience, [issuer]);
    }
    let told = mistakes("listen = '0.0.0.0:80'\n");
    assert!(
        told.contains("issuer: must be set, because `listen` (0.0.0.0:80) is not a loopback address"),
        "{told}"
    );
}

#[test]
fn a_variable_of_another_program_has_to_be_renamed() {
    let told = told(load(
        "",
        &[("COUNTERSIGN_WHATEVER_ELSE", "1"), ("COUNTERSIGN_ISSUR", "x")],
        &[],
    ));
    insta::assert_snapshot!(told, @r"
    invalid configuration (2 errors):
      unknown setting COUNTERSIGN_ISSUR; did you mean COUNTERSIGN_ISSUER? Otherwise, unset it, or rename it
      unknown setting COUNTERSIGN_WHATEVER_ELSE; unset it, or rename it: all variables that begin with COUNTERSIGN_ are settings (`countersign settings` lists them)
    ");
}

#[test]
fn a_secret_given_twice_missing_or_empty_is_a_mistake() {
    let both = [
        ("COUNTERSIGN_KEYS_PASSPHRASE", "hunter2"),
        ("COUNTERSIGN_KEYS_PASSPHRASE_FILE", "/nowhere"),
    ];
    let told_both = told(load("", &both, &[]));
    assert!(
        told_both.contains("KEYS_PASSPHRASE_FILE: cannot be combined with COUNTERSIGN_KEYS_PASSPHRASE;"),
        "{told_both}"
    );
    for secret in table().filter(|setting| setting.secret) {
        let (section, name) = secret.name.rsplit_once('.').unwrap_or(("", secret.name));
        let header = if section.is_empty() {
            String::new()
        } else {
            format!("[{section}]\n")
        };
        let both = mistakes(&format!("{header}{name} = 'x'\n{name}_file = '/nowhere'\n"));
        let said = format!(
            "{0}_file: cannot be combined with {0}; set only one of the two",
            secret.name
        );
        assert!(both.contains(&said), "{both}");
        let missing = mistakes(&format!("{header}{name}_file = '/nowhere'\n"));
        assert!(
            missing.contains(&format!("{}_file: failed to read \"/nowhere\"", secret.name)),
            "{missing}"
        );
    }
    let told_missing = told(load("", &[("COUNTERSIGN_DATABASE_URL_FILE", "/nowhere/at/all")], &[]));
    assert!(
        told_missing.contains("failed to read \"/nowhere/at/all\""),
        "{told_missing}"
    );
    for name in ["COUNTERSIGN_DATABASE_URL", "COUNTERSIGN_KEYS_PASSPHRASE"] {
        let told_empty = told(load("", &[(name, "")], &[]));
        assert!(
            told_empty.contains(&format!("{name}: must not be empty")),
            "{told_empty}"
        );
    }
    assert!(!told_both.contains("hunter2"));
    // A file is for secrets alone.
    assert!(mistakes("listen_file = 'x'").contains("unknown setting \"listen_file\""));
}

#[test]
fn an_empty_variable_empties_what_may_be_empty() {
    let file = "metrics_listen = '127.0.0.1:9000'\ntrusted_proxies = ['10.0.0.1']";
    let environment = [("COUNTERSIGN_METRICS_LISTEN", ""), ("COUNTERSIGN_TRUSTED_PROXIES", "")];
    let settings = load(file, &environment, &[]).unwrap().settings;
    assert!(settings.metrics_listen.is_none() && settings.trusted_proxies.is_empty());
    assert!(told(load("", &[("COUNTERSIGN_LISTEN", "")], &[])).contains("COUNTERSIGN_LISTEN"));
}

#[test]
fn lists_are_read_from_file_and_environment_alike() {
    let from_file = load("app_origins = ['https://a.example', 'https://b.example']", &[], &[])
        .unwrap()
        .settings;
    let environment = [("COUNTERSIGN_APP_ORIGINS", "https://a.example, https://b.example")];
    let from_environment = load("", &environment, &[]).unwrap().settings;
    assert_eq!(from_file.app_origins, from_environment.app_origins);
    assert_eq!(from_file.app_origins.len(), 2);
}

#[test]
fn the_hashing_defaults_follow_the_machine() {
    let settings = load("", &[], &[]).unwrap().settings;
    assert_eq!((settings.hashing.workers, settings.hashing.queue), (4, 256));
    let settings = load("[hashing]\nworkers = 2", &[], &[]).unwrap().settings;
    assert_eq!((settings.hashing.workers, settings.hashing.queue), (2, 128));
}

#[test]
fn the_issuer_follows_the_port_that_was_found() {
    let mut settings = load("listen = '127.0.0.1:0'", &[], &[]).unwrap().settings;
    settings.bound_to("127.0.0.1:4242".parse().unwrap());
    assert_eq!(settings.issuer.as_str(), "http://127.0.0.1:4242");
    assert_eq!(settings.tokens.audience, ["http://127.0.0.1:4242"]);

    let mut settings = load("listen = '127.0.0.1:0'\nissuer = 'https://a.example'", &[], &[])
        .unwrap()
        .settings;
    settings.bound_to("127.0.0.1:4242".parse().unwrap());
    assert_eq!(settings.issuer.as_str(), "https://a.example");
}

#[test]
fn applications_are_read_from_the_file() {
    let file = "issuer = 'https://auth.example.com'\n\
        app_origins = ['https://shop.example.com', 'http://localhost:3000']\n\
        [[applications]]\n\
        name = 'Orders, and more'\n\
        origins = ['https://app.example.com', 'https://app.example.com:8443']\n\
        [applications.mail_links]\n\
        verify = 'https://app.example.com:8443/verify?a=b'\n\
        [[applications]]\n\
        name = 'Admin'\n\
        origins = ['https://auth.example.com']\n\
        start = 'https://auth.example.com/admin'\n";
    let loaded = load(file, &[], &[]).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let [orders, admin] = &loaded.settings.applications.iter().collect::<Vec<_>>()[..] else {
        panic!()
    };
    assert_eq!((orders.name.as_str(), orders.origins.len()), ("Orders, and more", 2));
    assert_eq!(orders.start.as_str(), "https://app.example.com/");
    let verify = orders.mail_links.verify.as_ref().unwrap().as_str();
    assert_eq!(verify, "https://app.example.com:8443/verify?a=b");
    assert!(orders.mail_links.recover.is_none());
    assert_eq!(admin.start.as_str(), "https://auth.example.com/admin");
    let shown: Vec<_> = loaded
        .in_force
        .iter()
        .skip(table().count())
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        shown,
        [
            "applications[0].name = Orders, and more (countersign.toml:4)",
            "applications[0].origins = https://app.example.com,https://app.example.com:8443 (countersign.toml:5)",
            "applications[0].mail_links.verify = https://app.example.com:8443/verify?a=b (countersign.toml:7)",
            "applications[1].name = Admin (countersign.toml:9)",
            "applications[1].origins = https://auth.example.com (countersign.toml:10)",
            "applications[1].start = https://auth.example.com/admin (countersign.toml:11)",
        ]
    );
    assert_eq!(mistakes("applications = []"), "no mistake");
    let inline = "applications = [{ name = 'A', origins = ['https://a.example'] }]";
    assert_eq!(load(inline, &[], &[]).unwrap().settings.applications.iter().count(), 1);
}

#[test]
fn every_mistake_in_an_application_is_reported_with_its_line() {
    let file = "app_origins = ['https://shop.example.com', 'https://shop.example.com']\n\
        [[applications]]\n\
        nam = 'Orders'\n\
        origins = ['https://app.example.com/']\n\
        [[applications]]\n\
        name = ''\n\
        origins = ['https://a.example', 'https://shop.example.com', 'http://b.example']\n\
        start = 'https://c.example/'\n\
        mail_links.verify = '/verify'\n\
        mail_links.recover = 'https://a.example/recover#x'\n\
        mail_links.signin = 'https://a.example/sign-in'\n\
        [[applications]]\n\
        [[applications]]\n\
        name = 'Empty'\n\
        origins = []\n\
        [[applications]]\n\
        name = 'Again'\n\
        origins = ['https://a.example']\n";
    let environment = [
        ("COUNTERSIGN_APPLICATIONS", "https://x.example"),
        ("COUNTERSIGN_APPLICATIONS__0__NAME", "X"),
        ("COUNTERSIGN_CORS_ORIGINS", "https://x.example"),
    ];
    insta::assert_snapshot!(told(load(file, &environment, &[])), @r#"
    invalid configuration (18 errors):
      COUNTERSIGN_APPLICATIONS can be set in the settings file only; use [[applications]] in countersign.toml, or COUNTERSIGN_APP_ORIGINS
      COUNTERSIGN_APPLICATIONS__0__NAME can be set in the settings file only; use [[applications]] in countersign.toml, or COUNTERSIGN_APP_ORIGINS
      unknown setting COUNTERSIGN_CORS_ORIGINS; did you mean COUNTERSIGN_APP_ORIGINS? Otherwise, unset it, or rename it
      countersign.toml:1: app_origins: lists "https://shop.example.com", which `app_origins` already lists; list each origin once
      countersign.toml:3: applications[0]: unknown setting "nam"; did you mean "name"?
      countersign.toml:4: applications[0].origins: "https://app.example.com/" must not end with a slash; use https://app.example.com
      countersign.toml:2: applications[0]: `name` is missing; add `name`
      countersign.toml:11: applications[1]: unknown setting "mail_links.signin"; did you mean "mail_links.sign_in"?
      countersign.toml:9: applications[1].mail_links.verify: "/verify" is not the URL of an application; expected a URL such as https://app.example.com/orders
      countersign.toml:6: applications[1].name: is empty or too long; expected a name of 1 to 60 characters, such as Orders
      countersign.toml:7: applications[1].origins: "http://b.example" must use https: over http, anyone on the network can act for its users; use https, or set `allow_unencrypted = true` if the network is private
      countersign.toml:7: applications[1].origins: lists "https://shop.example.com", which `app_origins` already lists; list each origin once
      countersign.toml:8: applications[1].start: "https://c.example/" has an origin that is not in `origins`; use a URL of the application, or add its origin
      countersign.toml:10: applications[1].mail_links.recover: "https://a.example/recover#x" has a fragment; remove it: the token of the link takes its place
      countersign.toml:12: applications[2]: `name` is missing; add `name`
      countersign.toml:12: applications[2]: `origins` is missing; add `origins`
      countersign.toml:15: applications[3].origins: must not be empty; list the origins of its pages, such as https://app.example.com
      countersign.toml:18: applications[4].origins: lists "https://a.example", which applications[1] already lists; list each origin once
    "#);
    for text in [
        "applications = 'x'",
        "applications = ['https://x.example']",
        "[applications]\nname = 'x'",
    ] {
        let told = mistakes(text);
        let expected = "countersign.toml:1: applications: is not a list of tables; begin each application with a line [[applications]]";
        assert!(told.contains(expected), "{told}");
    }
    let http = "app_origins = ['http://app.example.com']\n";
    let told = mistakes(http);
    assert!(
        told.contains("1: app_origins: \"http://app.example.com\" must use https"),
        "{told}"
    );
    assert_eq!(mistakes(&format!("{http}allow_unencrypted = true\n")), "no mistake");
}
