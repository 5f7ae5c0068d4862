//! What the authorization endpoint refuses, and how.

use axum::body::Body;
use axum::http::Request;
use countersign_testkit::{Database, TestServer, apply, on_both_databases};

use super::*;

/// Every parameter that the endpoint reads.
const PARAMETERS: [&str; 19] = [
    "client_id",
    "redirect_uri",
    "request",
    "request_uri",
    "response_type",
    "response_mode",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "prompt",
    "max_age",
    "claims",
    "acr_values",
    "login_hint",
    "ui_locales",
    "id_token_hint",
    "unknown",
];

/// The parameters that decide who is answered.
const TARGET: [&str; 4] = ["client_id", "redirect_uri", "request", "request_uri"];

#[apply(on_both_databases!)]
async fn o_1_x_13_a_parameter_sent_twice_never_leads_to_a_code(database: Database) {
    let server = server(database).await;
    for name in PARAMETERS {
        let value = query(&[]);
        let known = form_urlencoded::parse(value.as_bytes()).find(|(known, _)| known == name);
        let value = known.map_or("x".to_owned(), |(_, value)| value.into_owned());
        let once = encoded(&[(name, &value)]);
        let both = match query(&[]).contains(&format!("{name}=")) {
            true => format!("{}&{once}", query(&[])),
            false => format!("{}&{once}&{once}", query(&[])),
        };
        let by_get = bare(&server, &format!("/oauth2/authorize?{both}")).await;
        let by_post = posted(&server, "/oauth2/authorize", &both).await;
        let (first, second) = both.rsplit_once('&').unwrap();
        let by_both = posted(&server, &format!("/oauth2/authorize?{first}"), second).await;
        for (how, answer) in [("GET", by_get), ("POST", by_post), ("query and body", by_both)] {
            let what = format!("{name} twice by {how}");
            if TARGET.contains(&name) {
                assert_page(&answer, &what);
                continue;
            }
            let arrived = Arrived::of(&answer);
            arrived.assert_error("invalid_request");
            assert_eq!(arrived.field("state"), (name != "state").then_some("a-state"), "{what}");
        }
    }
}

/// PostgreSQL does not take U+0000, and a decoder would replace what is not UTF-8.
#[apply(on_both_databases!)]
async fn o_60_what_no_parameter_can_be_is_refused(database: Database) {
    let server = server(database).await;
    for name in PARAMETERS {
        let others: Vec<_> = query(&[])
            .split('&')
            .filter(|pair| !pair.starts_with(&format!("{name}=")))
            .map(str::to_owned)
            .collect();
        for value in ["%00", "a%00b", "%ff"] {
            let both = format!("{}&{name}={value}", others.join("&"));
            assert_page(
                &bare(&server, &format!("/oauth2/authorize?{both}")).await,
                &format!("{name}={value}"),
            );
        }
        let form = format!("{}&{name}=%ff", others.join("&"));
        let request = Request::post("/oauth2/authorize").header("content-type", "application/x-www-form-urlencoded");
        let answer = server.send(request.body(Body::from(form)).unwrap()).await;
        assert_eq!(answer.status.as_u16(), 400, "{name} by POST: {}", answer.text);
    }
    let page = posted(&server, "/oauth2/authorize", "client_id=%00").await;
    assert_page(&page, "by POST");
}

/// Sends a form, and follows its redirect to the same request with GET.
async fn posted(server: &TestServer, path: &str, form: &str) -> Answer {
    let request = Request::post(path)
        .header("accept", "text/html")
        .header("origin", "https://grafana.example.com")
        .header("sec-fetch-site", "cross-site")
        .header("content-type", "application/x-www-form-urlencoded");
    let answer = server.send(request.body(Body::from(form.to_owned())).unwrap()).await;
    let location = answer.assert_status(303);
    assert!(
        location.headers.get("set-cookie").is_none(),
        "a form of another site gets no cookie"
    );
    let location = location.header("location").to_owned();
    assert!(location.starts_with("/oauth2/authorize?"), "{location}");
    bare(server, &location).await
}

#[apply(on_both_databases!)]
async fn o_2_a_46_r_20_c_24_c_37_c_45_c_58_x_14_only_registered_redirect_uris_are_answered(database: Database) {
    let server = server(database).await;
    let mut mutated: Vec<String> = [
        "",
        "https://grafana.example.com",
        "https://grafana.example.com/",
        "https://grafana.example.com/login",
        "https://grafana.example.com/login/generic_oauth/",
        "https://grafana.example.com/login/generic_oauth//",
        "https://grafana.example.com/login/generic_oauth?",
        "https://grafana.example.com/login/generic_oauth?x=y",
        "https://grafana.example.com/login/generic_oauth#",
        "https://grafana.example.com/login/generic_oauth#x",
        "https://grafana.example.com/login/generic_oauth%",
        "https://grafana.example.com/login/generic_oauth%00",
        "https://grafana.example.com/login/generic_oauth%0d%0ax:y",
        "https://grafana.example.com/login/generic_oauth/../evil",
        "https://grafana.example.com/login/./generic_oauth",
        "https://grafana.example.com/login//generic_oauth",
        "https://grafana.example.com/login/%67eneric_oauth",
        "https://grafana.example.com/login%2fgeneric_oauth",
        "https://grafana.example.com/login/generic_oauth;x",
        "https://grafana.example.com/login\\generic_oauth",
        "https://grafana.example.com\\@evil.example/login/generic_oauth",
        "https://grafana.example.com@evil.example/login/generic_oauth",
        "https://evil.example@grafana.example.com/login/generic_oauth",
        "https://user:pass@grafana.example.com/login/generic_oauth",
        "https://@grafana.example.com/login/generic_oauth",
        "https://grafana.example.com:443/login/generic_oauth",
        "https://grafana.example.com:8443/login/generic_oauth",
        "https://grafana.example.com:/login/generic_oauth",
        "https://grafana.example.com./login/generic_oauth",
        "https://grafana.example.com.evil.example/login/generic_oauth",
        "https://evilgrafana.example.com/login/generic_oauth",
        "https://grafanaxexample.com/login/generic_oauth",
        "https://grafana.examplexcom/login/generic_oauth",
        "https://grafana%2eexample.com/login/generic_oauth",
        "https://grafana。example.com/login/generic_oauth",
        "https://gráfana.example.com/login/generic_oauth",
        "https://grаfana.example.com/login/generic_oauth",
        "https://xn--grfana-qta.example.com/login/generic_oauth",
        "https://GRAFANA.example.com/login/generic_oauth",
        "https://grafana.EXAMPLE.com/login/generic_oauth",
        "HTTPS://grafana.example.com/login/generic_oauth",
        "Https://grafana.example.com/login/generic_oauth",
        "http://grafana.example.com/login/generic_oauth",
        "https:grafana.example.com/login/generic_oauth",
        "https:/grafana.example.com/login/generic_oauth",
        "https:///grafana.example.com/login/generic_oauth",
        "https://https://grafana.example.com/login/generic_oauth",
        "https:\\\\grafana.example.com/login/generic_oauth",
        "//grafana.example.com/login/generic_oauth",
        "/login/generic_oauth",
        "grafana.example.com/login/generic_oauth",
        "https://grafana.example.com/Login/generic_oauth",
        "https://grafana.example.com/login/generic_oauth ",
        " https://grafana.example.com/login/generic_oauth",
        "\thttps://grafana.example.com/login/generic_oauth",
        "https://grafana.example.com/login/generic_oauth\n",
        "https://grafana.example.com/login/generic_oauth\u{0}",
        "https://grafana.example.com/login/generic_oauth\u{200b}",
        "https://grafana.example.com/login/generic_oauth,https://evil.example",
        "https://grafana.example.com/login/generic_oauth https://evil.example",
        "https://grafana.example.com/other",
        "https://grafana.example.com/other?",
        "https://grafana.example.com/other?X=y",
        "https://grafana.example.com/other?x=y&z=1",
        "https://grafana.example.com/other?z=1&x=y",
        "https://grafana.example.com/other?x=%79",
        "https://evil.example/",
        "https://evil.example/login/generic_oauth",
        "https://evil.example/?https://grafana.example.com/login/generic_oauth",
        "https://evil.example/#https://grafana.example.com/login/generic_oauth",
        "javascript:alert(1)",
        "javascript://grafana.example.com/login/generic_oauth",
        "data:text/html,x",
        "vbscript:x",
        "file:///etc/passwd",
        "blob:https://grafana.example.com/x",
        "about:blank",
        "null",
        "*",
        "https://*",
        "https://*.example.com/login/generic_oauth",
        "urn:ietf:wg:oauth:2.0:oob",
        INTRANET,
        "http://127.0.0.1/login/generic_oauth",
        "https://[::1]/login/generic_oauth",
        "com.example.notes:/callback",
    ]
    .map(str::to_owned)
    .to_vec();
    mutated.push(format!("https://grafana.example.com/{}", "a".repeat(3_000)));
    assert!(mutated.len() >= 80, "{}", mutated.len());
    for uri in mutated {
        let path = match uri.is_empty() {
            true => authorize(&[("redirect_uri", "")]),
            false => authorize(&[("redirect_uri", &uri)]),
        };
        assert_page(&bare(&server, &path).await, &uri);
    }
    // The registered ones are the only ones that are not refused.
    for uri in [CALLBACK, "https://grafana.example.com/other?x=y"] {
        let answer = bare(&server, &authorize(&[("redirect_uri", uri)])).await;
        assert!(
            answer.assert_status(303).header("location").starts_with("/authorize/"),
            "{uri}"
        );
    }
    // A client without redirect URIs does not learn one from its first request.
    let metadata = json!({ "grant_types": ["client_credentials"], "redirect_uris": [] });
    let new = NewClient {
        client_id: "machine".to_owned(),
        trusted: false,
        metadata: serde_json::from_value(metadata).unwrap(),
    };
    server.services.clients.create(&new, &Caller::server()).await.unwrap();
    for uri in ["", CALLBACK] {
        let path = authorize(&[("client_id", "machine"), ("redirect_uri", uri)]);
        assert_page(&bare(&server, &path).await, "a client without redirect URIs");
    }
}

#[apply(on_both_databases!)]
async fn o_3_a_loopback_redirect_uri_has_any_port_and_nothing_else(database: Database) {
    let server = server(database).await;
    let asked = async |uri: &str| {
        let path = authorize(&[("client_id", "native"), ("redirect_uri", uri)]);
        bare(&server, &path).await
    };
    for uri in [
        "http://127.0.0.1/callback",
        "http://127.0.0.1:49152/callback",
        "http://127.0.0.1:1/callback",
    ] {
        asked(uri).await.assert_status(303);
    }
    for uri in [
        "https://127.0.0.1:49152/callback",
        "http://127.0.0.1.evil.example:49152/callback",
        "http://127.1:49152/callback",
        "http://localhost:49152/callback",
        "http://localhost.:49152/callback",
        "http://127.0.0.1:49152/callback/",
        "http://127.0.0.1:49152/",
        "http://127.0.0.1:99999/callback",
        "http://127.0.0.1:x/callback",
        "http://127.0.0.1:/callback",
        "http://x@127.0.0.1:49152/callback",
        "com.example.notes:/callback/",
        "com.example.notes://callback",
    ] {
        assert_page(&asked(uri).await, uri);
    }
}

#[apply(on_both_databases!)]
async fn o_4_r_21_unknown_and_disabled_clients_look_the_same(database: Database) {
    let server = server(database).await;
    let page = |answer: Answer| {
        assert_page(&answer, "a client that may not ask");
        // The form cookie and the request id differ between any two pages.
        answer.text
    };
    let unknown = page(bare(&server, &authorize(&[("client_id", "nothing")])).await);
    assert_eq!(page(bare(&server, &authorize(&[("client_id", "")])).await), unknown);
    disable(&server, "grafana").await;
    assert_eq!(page(bare(&server, &authorize(&[])).await), unknown);
}

#[apply(on_both_databases!)]
async fn o_5_r_22_r_39_r_44_r_45_errors_redirect_only_to_registered_uris_with_these_fields(database: Database) {
    let server = server(database).await;
    // Before the redirect URI is known, whatever else is wrong.
    for changes in [
        &[("client_id", "nothing"), ("response_type", "token")][..],
        &[("redirect_uri", "https://evil.example"), ("prompt", "none")],
        &[("redirect_uri", ""), ("scope", "\u{1}")],
    ] {
        let answer = bare(&server, &authorize(changes)).await;
        assert_page(&answer, &format!("{changes:?}"));
        assert!(!answer.text.contains("evil.example"), "the page repeats what was sent");
    }
    let hostile = "<script>\"\\ä";
    for (changes, error) in [
        (&[("response_type", "")][..], "invalid_request"),
        (&[("response_type", hostile)], "unsupported_response_type"),
        (&[("response_mode", hostile)], "invalid_request"),
        (&[("scope", hostile)], "invalid_scope"),
        (&[("scope", "nothing that exists")], "invalid_scope"),
        (&[("resource", hostile)], "invalid_target"),
        (&[("resource", "https://nothing.example.com")], "invalid_target"),
        (&[("prompt", hostile)], "invalid_request"),
        (&[("prompt", "none login")], "invalid_request"),
        (&[("max_age", hostile)], "invalid_request"),
        (&[("max_age", "-1")], "invalid_request"),
        (&[("max_age", "99999999999999999999")], "invalid_request"),
        (&[("claims", hostile)], "invalid_request"),
        (&[("claims", "[]")], "invalid_request"),
        (&[("id_token_hint", hostile)], "invalid_request"),
        (&[("nonce", "a\u{7}b")], "invalid_request"),
        (&[("login_hint", &"a".repeat(400))], "invalid_request"),
        (&[("request", "eyJ")], "request_not_supported"),
        (
            &[("request_uri", "https://evil.example/request")],
            "request_uri_not_supported",
        ),
        (&[("registration", "{}")], "registration_not_supported"),
        (&[("prompt", "none")], "login_required"),
    ] {
        let answer = bare(&server, &authorize(changes)).await;
        let arrived = Arrived::of(&answer);
        arrived.assert_error(error);
        assert_eq!(
            (arrived.at.as_str(), arrived.field("state")),
            (CALLBACK, Some("a-state")),
            "{changes:?}"
        );
        assert!(answer.headers.get("set-cookie").is_none(), "{changes:?}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{changes:?}");
        assert_eq!(answer.header("cache-control"), "no-store", "{changes:?}");
    }
}

#[apply(on_both_databases!)]
async fn o_7_r_35_a_49_only_code_and_three_ways_of_answering_are_supported(database: Database) {
    let server = server(database).await;
    for response_type in [
        "token",
        "id_token",
        "code token",
        "code id_token",
        "id_token code",
        "code id_token token",
        "none",
        "Code",
        "code ",
        " code",
        "code code",
        "code,token",
    ] {
        let answer = bare(&server, &authorize(&[("response_type", response_type)])).await;
        Arrived::of(&answer).assert_error("unsupported_response_type");
    }
    for mode in ["web_message", "jwt", "query.jwt", "Query", "query fragment", "cookie"] {
        let answer = bare(&server, &authorize(&[("response_mode", mode)])).await;
        Arrived::of(&answer).assert_error("invalid_request");
        assert!(answer.header("location").contains('?'), "errors go by query");
    }
    let by_fragment = bare(
        &server,
        &authorize(&[("response_mode", "fragment"), ("prompt", "none")]),
    )
    .await;
    let location = by_fragment.header("location");
    assert!(
        location.starts_with(&format!("{CALLBACK}#error=login_required")),
        "{location}"
    );
    assert!(!location.contains('?'), "{location}");
}

/// As a client sends it that wants to hide its parameters. Only how the client is answered is read of it.
#[apply(on_both_databases!)]
async fn r_44_an_unsigned_request_object(database: Database) {
    let server = server(database).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    let object = |header: &str, claims: &serde_json::Value, signature: &str| {
        let claims = claims.to_string();
        let [header, claims] = [header, &*claims].map(|json| URL_SAFE_NO_PAD.encode(json));
        format!("{header}.{claims}.{signature}")
    };
    let none = r#"{"alg":"none"}"#;
    let claims = |mode: &str| {
        json!({
            "response_mode": mode, "response_type": "code", "client_id": "trusted", "redirect_uri": INTRANET,
            "state": "of the object", "nonce": "of the object", "scope": "openid email", "prompt": "none",
        })
    };
    for (mode, outer) in [("query", "fragment"), ("fragment", "query"), ("form_post", "query")] {
        let request = object(none, &claims(mode), "");
        let path = authorize(&[("request", &request), ("response_mode", outer)]);
        for browser in [&mut ada, &mut Browser::new(&server)] {
            let answer = browser.get(&path).await;
            if mode == "form_post" {
                let answer = answer.assert_status(200);
                let (action, fields) = (
                    format!("action=\"{CALLBACK}\""),
                    ["request_not_supported", "a-state", ISSUER],
                );
                for text in fields.iter().copied().chain([&*action]) {
                    assert!(answer.text.contains(text), "{text}: {}", answer.text);
                }
                for text in ["of the object", INTRANET, "name=\"code\""] {
                    assert!(!answer.text.contains(text), "{text}: {}", answer.text);
                }
                continue;
            }
            let separator = if mode == "query" { '?' } else { '#' };
            let location = answer.header("location");
            assert!(location.starts_with(&format!("{CALLBACK}{separator}")), "{location}");
            let arrived = Arrived::of(&answer);
            arrived.assert_error("request_not_supported");
            assert_eq!(arrived.field("state"), Some("a-state"), "{mode}");
        }
    }
    // The longest one: the URL has 8 KiB with it.
    let padded = |length: usize| {
        let mut claims = claims("fragment");
        claims["x"] = "x".repeat(length).into();
        object(none, &claims, "")
    };
    let room = 8 * 1024 - query(&[("request", "x")]).len();
    let longest = padded((room - padded(0).len()) * 3 / 4 - 2);
    assert!((7_000..=room).contains(&longest.len()), "{}", longest.len());
    let answer = bare(&server, &authorize(&[("request", &longest)])).await;
    let location = answer.header("location");
    assert!(location.starts_with(&format!("{CALLBACK}#")), "{location}");
    Arrived::of(&answer).assert_error("request_not_supported");
    // Of one that is signed or malformed, nothing is read: the client is answered as the request itself says.
    for request in [
        object(none, &claims("fragment"), "c2ln"),
        object(r#"{"alg":"RS256"}"#, &claims("fragment"), "c2ln"),
        object(none, &claims("jwt"), ""),
        "x".to_owned(),
        "x".repeat(room),
    ] {
        let answer = bare(&server, &authorize(&[("request", &request)])).await;
        let location = answer.header("location");
        assert!(location.starts_with(&format!("{CALLBACK}?")), "{location}");
        let arrived = Arrived::of(&answer);
        arrived.assert_error("request_not_supported");
        assert_eq!(arrived.field("state"), Some("a-state"));
    }
    // One of more than 8 KiB is too long for the URL, and for a form, which becomes one.
    let path = authorize(&[("request", &padded(8 * 1024))]);
    assert_eq!(bare(&server, &path).await.status, 414);
    let form = Request::post("/oauth2/authorize")
        .header("accept", "text/html")
        .header("content-type", "application/x-www-form-urlencoded");
    let form = form.body(Body::from(query(&[("request", &padded(8 * 1024))]))).unwrap();
    assert_eq!(server.send(form).await.status, 414);
    // Where the redirect URI is not the client's, it leads nowhere, whatever it says.
    let elsewhere = [
        ("request", &*object(none, &claims("query"), "")),
        ("redirect_uri", "https://evil.example.com/"),
    ];
    assert_page(&bare(&server, &authorize(&elsewhere)).await, "another redirect URI");
    // Nothing was begun.
    let begun: i64 = statement(sql!("SELECT count(*) FROM authorization_requests"))
        .one(&server.services.db)
        .await
        .unwrap();
    assert_eq!(begun, 0);
}

#[apply(on_both_databases!)]
async fn o_8_state_and_nonce_return_byte_for_byte(database: Database) {
    let server = server(database).await;
    let mut ada = Browser::sign_up(&server, "ada").await;
    let odd = "+ %2B&=\"'<>;,#?/\\ä界🦀 x";
    let long = "s".repeat(384);
    for state in [odd, &long, "%", "+", " ", "a=b&c=d"] {
        let here = begun(&mut ada, &[("state", state), ("nonce", state)]).await;
        let arrived = answered(&mut ada, &here).await;
        assert_eq!(arrived.field("state"), Some(state));
        let redeemed = redeem(&server, arrived.code(), Presented::default()).await.unwrap();
        assert_eq!(redeemed.nonce.as_deref(), Some(state));
    }
    // Without a state, none is made up.
    let here = begun(&mut ada, &[("state", "")]).await;
    assert_eq!(answered(&mut ada, &here).await.field("state"), None);
    // In a form, it is escaped.
    let here = begun(&mut ada, &[("state", "\"><script>x"), ("response_mode", "form_post")]).await;
    let page = ada.get(&here).await.assert_status(200);
    assert!(
        page.text.contains("value=\"&#34;&#62;&#60;script&#62;x\""),
        "{}",
        page.text
    );
    assert!(!page.text.contains("<script>x"), "{}", page.text);
}

#[apply(on_both_databases!)]
async fn o_9_r_25_r_26_r_28_r_29_c_43_c_44_a_51_pkce_is_required_and_s256(database: Database) {
    let server = server(database).await;
    let short = &challenge()[..42];
    let long = format!("{}A", challenge());
    let odd = format!("{}=", &challenge()[..42]);
    for changes in [
        &[("code_challenge", ""), ("code_challenge_method", "")][..],
        &[("code_challenge", "")],
        &[("code_challenge_method", "")],
        &[("code_challenge_method", "plain")],
        &[("code_challenge_method", "s256")],
        &[("code_challenge_method", "S512")],
        &[("code_challenge", short)],
        &[("code_challenge", &long)],
        &[("code_challenge", &odd)],
        &[("code_challenge", VERIFIER)],
    ] {
        let answer = bare(&server, &authorize(changes)).await;
        Arrived::of(&answer).assert_error("invalid_request");
    }
    let missing = bare(
        &server,
        &authorize(&[("code_challenge", ""), ("code_challenge_method", "")]),
    )
    .await;
    let arrived = Arrived::of(&missing);
    assert!(
        arrived.field("error_description").unwrap().contains("require_pkce"),
        "{arrived:?}"
    );

    // A code of a request without a challenge accepts no verifier, and one with a challenge needs its own.
    let mut ada = Browser::sign_up(&server, "ada").await;
    let old = [
        ("client_id", "old"),
        ("redirect_uri", "https://old.example.com/callback"),
    ];
    let without = [&old[..], &[("code_challenge", ""), ("code_challenge_method", "")]].concat();
    let presented = Presented {
        client: "old",
        redirect_uri: Some("https://old.example.com/callback"),
        ..Presented::default()
    };
    let bare = Presented {
        verifier: None,
        ..presented
    };
    let code = code_of(&mut ada, &without).await;
    assert_eq!(refused(redeem(&server, &code, presented).await), "invalid_grant");
    assert_eq!(refused(redeem(&server, &code, bare).await), "redeemed");
    let code = code_of(&mut ada, &old).await;
    assert_eq!(refused(redeem(&server, &code, bare).await), "invalid_grant");
    assert_eq!(refused(redeem(&server, &code, presented).await), "redeemed");
}

#[apply(on_both_databases!)]
async fn long_requests_and_other_methods_are_refused(database: Database) {
    let server = server(database).await;
    let long = "a".repeat(9_000);
    let answer = bare(&server, &authorize(&[("unknown", &long)])).await;
    assert_eq!(answer.status, 414);
    let form = |kind: &'static str, body: String| {
        let request = Request::post("/oauth2/authorize").header("accept", "text/html");
        request.header("content-type", kind).body(Body::from(body)).unwrap()
    };
    let kind = "application/x-www-form-urlencoded";
    let answer = server.send(form(kind, query(&[("unknown", &long)]))).await;
    assert_eq!(answer.status, 414);
    let answer = server
        .send(form(kind, query(&[("unknown", &"a".repeat(20_000))])))
        .await;
    assert_eq!(answer.status, 413);
    let answer = server.send(form("application/json", "{}".to_owned())).await;
    assert_eq!(answer.status, 415);
    let many: String = (0..100).map(|number| format!("&p{number}=x")).collect();
    let answer = bare(&server, &format!("{}{many}", authorize(&[]))).await;
    assert_page(&answer, "a hundred parameters");
    let request = Request::put("/oauth2/authorize").header("accept", "text/html");
    let answer = server.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, 405);
}

#[apply(on_both_databases!)]
async fn authorization_requests_are_limited_per_address(database: Database) {
    let server = server_with(database, "[limits]\nauthorize_per_address = \"3/1m\"\n").await;
    for _ in 0..3 {
        bare(&server, &authorize(&[])).await.assert_status(303);
    }
    let limited = bare(&server, &authorize(&[])).await;
    assert_eq!(limited.status, 429);
    assert!(limited.header("content-type").starts_with("text/html"));
    assert!(!limited.header("retry-after").is_empty());
}
