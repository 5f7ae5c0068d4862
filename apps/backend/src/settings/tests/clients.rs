//! `[[clients]]` and `[[apis]]` as an operator meets them.

use secrecy::ExposeSecret;

use super::super::clients::DeclaredSecret;
use super::*;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn shown(loaded: &Loaded) -> Vec<String> {
    let listed = loaded.in_force.iter().skip(table().count());
    listed.map(ToString::to_string).collect()
}

#[test]
fn clients_and_apis_are_read_from_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("grafana");
    std::fs::write(&path, format!("{SECRET}\n")).unwrap();
    let file = format!(
        "[[clients]]\n\
         client_id = 'grafana'\n\
         client_name = 'Grafana'\n\
         'client_name#de' = 'Schaubilder'\n\
         redirect_uris = ['https://grafana.example.com/login/generic_oauth']\n\
         secret_file = {path:?}\n\
         trusted = true\n\
         scope = 'openid email'\n\
         refresh_idle_ttl = '7d'\n\
         [[clients]]\n\
         client_id = 'cli'\n\
         public = true\n\
         grant_types = ['device_code', 'refresh_token']\n\
         [[apis]]\n\
         identifier = 'https://api.example.com'\n\
         name = 'Orders'\n\
         clients = 'any'\n\
         access_ttl = '5m'\n\
         scopes = [\n\
           {{ name = 'orders:read', grant = 'open', words = {{ en = 'See your orders' }} }},\n\
           {{ name = 'orders:all' }},\n\
         ]\n",
    );
    let loaded = load(&file, &[], &[]).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let [grafana, cli] = &loaded.settings.clients.iter().collect::<Vec<_>>()[..] else {
        panic!()
    };
    assert!(grafana.trusted && !grafana.metadata.is_public() && grafana.metadata.require_pkce);
    assert_eq!(grafana.metadata.name_in("de"), Some("Schaubilder"));
    let Some(DeclaredSecret::Text(secret)) = &grafana.secret else {
        panic!()
    };
    assert_eq!(secret.expose_secret(), SECRET);
    let grants: Vec<_> = grafana
        .metadata
        .grant_types
        .iter()
        .map(|grant| grant.as_str())
        .collect();
    assert_eq!(grants, ["authorization_code", "refresh_token"]);
    assert!(cli.metadata.is_public() && cli.secret.is_none() && !cli.trusted);
    let [api] = &loaded.settings.apis.iter().collect::<Vec<_>>()[..] else {
        panic!()
    };
    assert_eq!(api.access_ttl.map(|ttl| ttl.0), Some(300));
    assert_eq!(api.scope("orders:read").unwrap().in_language("ja"), "See your orders");
    assert_eq!(api.scope("orders:all").unwrap().in_language("ja"), "orders:all");
    let shown = shown(&loaded);
    assert!(
        shown.contains(&"clients[0].secret_file = *** (countersign.toml:6)".to_owned()),
        "{shown:?}"
    );
    assert!(shown.contains(&"clients[1].grant_types = device_code,refresh_token (countersign.toml:13)".to_owned()));
    assert!(shown.iter().all(|line| !line.contains(SECRET)));
    // The path is no secret, but the file may be named after one.
    assert!(!format!("{:?}", loaded.settings.clients).contains(SECRET));
}

#[test]
fn o_56_every_mistake_in_a_client_or_an_api_is_told_with_its_line() {
    let file = "[[clients]]\n\
        client_id = 'grafana'\n\
        client_secret = 'hunter2-hunter2-hunter2-hunter2-hunter2'\n\
        redirect_uris = ['https://grafana.example.com/*']\n\
        [[clients]]\n\
        client_id = 'countersign'\n\
        public = true\n\
        redirect_uri = ['https://a.example/']\n\
        [[clients]]\n\
        client_id = '0198c5a0-7e1c-7000-8000-000000000000'\n\
        public = true\n\
        redirect_uris = ['http://a.example/']\n\
        [[clients]]\n\
        client_id = 'a b'\n\
        secret_sha256 = 'abc'\n\
        grant_types = ['implicit']\n\
        [[clients]]\n\
        client_id = 'backup'\n\
        secret_file = '/does/not/exist'\n\
        secret_sha256 = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'\n\
        [[clients]]\n\
        client_id = 'job'\n\
        secret_sha256 = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'\n\
        grant_types = ['client_credentials']\n\
        [[clients]]\n\
        client_id = 'app'\n\
        public = true\n\
        redirect_uris = ['app:/cb', 'com.example.app:/cb']\n\
        [[clients]]\n\
        client_id = 'web'\n\
        public = true\n\
        redirect_uris = ['https://a.example/']\n\
        trusted = 'maybe'\n\
        jwks_uri = 'https://a.example/jwks'\n\
        [[clients]]\n\
        client_id = 'twice'\n\
        public = true\n\
        redirect_uris = ['https://a.example/']\n\
        [[clients]]\n\
        client_id = 'twice'\n\
        public = true\n\
        redirect_uris = ['https://a.example/']\n\
        [[clients]]\n\
        [[apis]]\n\
        identifier = 'http://127.0.0.1:8000/api'\n\
        name = 'Ours'\n\
        [[apis]]\n\
        identifier = 'https://api.example.com'\n\
        name = 'Orders'\n\
        scopes = [{ name = 'email' }]\n\
        [[apis]]\n\
        identifier = 'https://api.example.com'\n\
        name = 'Orders'\n\
        scopes = [{ name = 'a b' }]\n\
        [[apis]]\n\
        identifier = 'https://one.example.com'\n\
        name = 'One'\n\
        scopes = [{ name = 'a', grants = 'open' }]\n\
        [[apis]]\n\
        identifier = 'https://two.example.com'\n\
        name = 'Two'\n\
        aliases = ['https://three.example.com']\n\
        [[apis]]\n\
        identifier = 'HTTPS://Three.example.com:443/'\n\
        name = 'Three'\n\
        [[apis]]\n\
        name = 'Four'\n\
        access_ttl = '2d'\n";
    let environment = [
        ("COUNTERSIGN_CLIENTS", "grafana"),
        ("COUNTERSIGN_PROVIDER__NATIVE_SCHEMES", "Cursor"),
        ("COUNTERSIGN_PROVIDER__ACCESS_TTL", "2d"),
    ];
    let told = told(load(file, &environment, &[]));
    assert!(!told.contains("hunter2"), "{told}");
    insta::assert_snapshot!(told, @r#"
    invalid configuration (30 errors):
      COUNTERSIGN_CLIENTS can be set in the settings file only; use [[clients]] in countersign.toml, or `countersign clients create`
      countersign.toml:45: apis[0].identifier: "http://127.0.0.1:8000/api" belongs to this server; use the URL of the API itself
      countersign.toml:50: apis[1].scopes: "email" is a scope of OpenID Connect; choose another name, such as orders:read
      countersign.toml:54: apis[2].scopes: "a b" is not the name of a scope; a scope has 1 to 100 printable ASCII characters except space, quotation mark and backslash
      countersign.toml:58: apis[3].scopes: unknown field `grants`, expected one of `name`, `grant`, `words`
      countersign.toml:64: apis[5].identifier: "HTTPS://Three.example.com:443/" is an identifier of apis[4]; use another one
      countersign.toml:66: apis[6]: `identifier` is missing; add `identifier`
      countersign.toml:3: clients[0]: contains a secret in plain text (`client_secret`); write it to a separate file and set `secret_file`, or set `secret_sha256`
      countersign.toml:4: clients[0].redirect_uris: must not contain *: register each URI in full
      countersign.toml:8: clients[1]: unknown setting "redirect_uri"; did you mean "redirect_uris"?
      countersign.toml:6: clients[1].client_id: "countersign" is reserved for this server; choose another one, such as grafana
      countersign.toml:5: clients[1].redirect_uris: must have at least one URI, because grant_types contains authorization_code
      countersign.toml:10: clients[2].client_id: "0198c5a0-7e1c-7000-8000-000000000000" must not be a UUID, because user IDs are UUIDs; choose another one, such as grafana
      countersign.toml:12: clients[2].redirect_uris: must use https except on 127.0.0.1, [::1] and localhost (insecure_redirects allows http); got http://a.example/
      countersign.toml:14: clients[3].client_id: "a b" must have 1 to 200 letters, digits and . _ ~ -; choose another one, such as grafana
      countersign.toml:15: clients[3].secret_sha256: is not a SHA-256; expected 64 hexadecimal digits
      countersign.toml:16: clients[3].grant_types: is invalid: unknown variant `implicit`, expected one of `authorization_code`, `refresh_token`, `client_credentials`, `urn:ietf:params:oauth:grant-type:device_code`
      countersign.toml:17: clients[4]: must have exactly one of `secret_file`, `secret_sha256` and `public = true`; set `public = true` for a client that runs on users' devices; otherwise, set the file that contains the client's secret
      countersign.toml:19: clients[4].secret_file: failed to read "/does/not/exist": No such file or directory (os error 2); expected the path of a file that contains the secret and nothing else
      countersign.toml:17: clients[4].redirect_uris: must have at least one URI, because grant_types contains authorization_code
      countersign.toml:21: clients[5].scope: must list the scopes that the client may get for itself with client_credentials
      countersign.toml:28: clients[6].redirect_uris: must use https, http on a loopback host, or a scheme with a dot, such as com.example.app; got app:/cb
      countersign.toml:34: clients[7]: unknown setting "jwks_uri"; docs/settings.md lists the settings of an entry
      countersign.toml:33: clients[7].trusted: invalid value "maybe"; expected true or false
      countersign.toml:39: clients[9]: lists the client "twice" twice; list each client once
      countersign.toml:43: clients[10]: `client_id` is missing; add `client_id`
      countersign.toml:43: clients[10]: must have exactly one of `secret_file`, `secret_sha256` and `public = true`; set `public = true` for a client that runs on users' devices; otherwise, set the file that contains the client's secret
      countersign.toml:43: clients[10].redirect_uris: must have at least one URI, because grant_types contains authorization_code
      COUNTERSIGN_PROVIDER__ACCESS_TTL: 2d is out of range; expected 1m to 1d
      COUNTERSIGN_PROVIDER__NATIVE_SCHEMES: "Cursor" is not a URL scheme without a dot; expected one in lower case and without a colon, such as vscode
    "#);
}

#[test]
fn a_secret_is_random_enough_and_alone_in_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    let file =
        format!("[[clients]]\nclient_id = 'a'\nredirect_uris = ['https://a.example/']\nsecret_file = {path:?}\n");
    for (text, expected) in [
        (SECRET, "no mistake"),
        ("0123456789abcdef0123456789abcde", "fewer than 32 characters"),
        ("0123456789abcdef 0123456789abcdef", "a space, a line break"),
        ("0123456789abcdef0123456789abcdef\n\n", "a space, a line break"),
        ("", "fewer than 32 characters"),
    ] {
        std::fs::write(&path, text).unwrap();
        let told = mistakes(&file);
        assert!(told.contains(expected), "{text:?}: {told}");
        assert!(text.is_empty() || !told.contains(text), "{told}");
    }
}
