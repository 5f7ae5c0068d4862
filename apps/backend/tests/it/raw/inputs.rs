//! Invalid requests, by the part that is invalid.

use super::{NOTHING, Probe};

pub(super) fn request_lines() -> Vec<Probe> {
    let line = |line: &[u8], status| Probe::new([line, b"\r\nHost: a\r\n\r\n"].concat(), status);
    let mut probes = vec![
        Probe::new("", NOTHING),
        Probe::new("\r\n\r\n\r\n", NOTHING),
        Probe::new("\n", NOTHING),
        Probe::new("\0", 400),
        Probe::new(vec![0xff; 64], 400),
        Probe::new(vec![b'A'; 1000], NOTHING),
        Probe::new(vec![b'A'; 100_000], 431),
        Probe::new("GET", NOTHING),
        Probe::new("GET /healthz\r\n\r\n", 400),
        // TLS, HTTP/2, SSH, SOCKS and the PROXY protocol: valid messages of other protocols.
        Probe::new(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".as_slice(), 400),
        Probe::new("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", NOTHING),
        Probe::new("SSH-2.0-OpenSSH_9.2\r\n", 400),
        Probe::new("\x05\x01\0", 400),
        Probe::new(
            "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nGET /healthz HTTP/1.1\r\nHost: a\r\n\r\n",
            400,
        ),
        Probe::new("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 400),
        line(b"GET /healthz HTTP/1.1", 200),
        line(b"GET /healthz HTTP/1.0", 200),
        line(b"get /healthz HTTP/1.1", 405),
        line(b"GET /healthz http/1.1", 400),
        line(b"GET /healthz HTTP/1.2", 400),
        line(b"GET /healthz HTTP/0.9", 400),
        line(b"GET /healthz HTTP/2.0", 400),
        line(b"GET /healthz HTTP/3", 400),
        line(b"GET /healthz HTTP/11", 400),
        line(b"GET /healthz HTTP/1.1 ", 400),
        line(b"GET /healthz HTTP/1.1\0", 400),
        line(b"GET  /healthz HTTP/1.1", 400),
        line(b"GET\t/healthz\tHTTP/1.1", 400),
        line(b" GET /healthz HTTP/1.1", 400),
        line(b"GET /heal thz HTTP/1.1", 400),
        line(b"GET HTTP/1.1", 400),
        line(b"GET /healthz\0 HTTP/1.1", 400),
        line(b"G\0T /healthz HTTP/1.1", 400),
        line(b"G\xc3\x8aT /healthz HTTP/1.1", 400),
        line(b"G(T /healthz HTTP/1.1", 400),
        line(b"TRACE /api/auth/me HTTP/1.1", 405),
        line(b"BREW /api/auth/me HTTP/1.1", 405),
        line(b"PROPFIND / HTTP/1.1", 405),
        line(b"OPTIONS * HTTP/1.1", 404),
        line(b"CONNECT a:443 HTTP/1.1", 404),
        line(b"CONNECT /healthz HTTP/1.1", 405),
        line(b"HEAD /api/auth/login HTTP/1.1", 405),
    ];
    let long = "M".repeat(300);
    probes.push(line(format!("{long} /api/auth/me HTTP/1.1").as_bytes(), 405));
    probes.push(line(
        format!("{} /api/auth/me HTTP/1.1", "M".repeat(20_000)).as_bytes(),
        431,
    ));
    probes
}

pub(super) fn targets(token: &str) -> Vec<Probe> {
    let of = |method: &str, target: &[u8], status| {
        let head = format!(" HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n");
        Probe::new([method.as_bytes(), b" ", target, head.as_bytes()].concat(), status)
    };
    let get = |target: &str, status| of("GET", target.as_bytes(), status);
    let mut probes = vec![
        get("/api/auth/me", 200),
        get("/api/auth/me?", 200),
        get("/api/auth/me?%00=%ff&&&=;[]{}", 200),
        get("http://a/api/auth/me", 200),
        get("http://elsewhere:1/api/auth/me", 200),
        get("HTTP://a/api/auth/me", 200),
        get("ftp://a/api/auth/me", 200),
        get("http:///api/auth/me", 400),
        get("http://", 400),
        get("://a/b", 404),
        get("a", 404),
        get("*", 404),
        get("?", 400),
        get("#", 400),
        get("/#", 200),
        get("/api/auth/me#part", 200),
        get("/", 200),
        get("//", 404),
        get("//api/auth/me", 404),
        get("/api//auth/me", 404),
        get("/api/auth/me/", 404),
        get("/api/auth/ME", 404),
        get("/api/./auth/me", 404),
        get("/api/auth/../auth/me", 404),
        get("/../../../../etc/passwd", 404),
        get("/..%2f..%2fetc%2fpasswd", 404),
        get("/docs/../../../etc/passwd", 404),
        get("/docs/..%2f..%2f..%2fetc%2fpasswd", 404),
        get("/docs/%2e%2e/%2e%2e/etc/passwd", 404),
        get("/docs/%00", 404),
        get("/docs/index.html%00.js", 404),
        get("/docs/C:%5cwindows%5cwin.ini", 404),
        get("/docs//etc/passwd", 404),
        get("/docs/%ff%fe", 400),
        get("/api\\auth\\me", 404),
        get("/api/auth/%6de", 404),
        get("/api/auth/me%00", 404),
        get("/api/auth/me;jsessionid=1", 404),
        get("/%", 404),
        get("/%zz", 404),
        get("/%ff%00%0d%0a", 404),
        get("/<script>alert(1)</script>", 400),
        get("/.well-known/", 404),
        get("/.well-known/jwks.json/..", 404),
        get("/.git/config", 404),
        get("/metrics", 404),
        get("/api/auth/sessions/%00", 405),
        of("GET", b"/\xc3\xa9", 404),
        of("GET", b"/\xff", 400),
        of("GET", b"/a\x7f", 400),
        of("GET", b"/a\x01", 400),
        of("GET", b"\xff\xfe", 400),
    ];
    for id in [
        "x",
        "%00",
        "%ff",
        "..",
        "%2e%2e%2f",
        "0",
        "-1",
        "00000000-0000-0000-0000-000000000000",
        "'%20OR%201=1--",
    ] {
        probes.push(get(&format!("/api/auth/sessions/{id}"), 405));
        probes.push(of("DELETE", format!("/api/auth/sessions/{id}").as_bytes(), 404));
    }
    probes.push(get(&format!("/{}", "a".repeat(12_000)), 404));
    probes.push(get(&format!("/{}", "%00".repeat(4_000)), 404));
    probes.push(get(&format!("/{}", "a/".repeat(6_000)), 404));
    probes.push(get(&format!("/api/auth/me?{}", "a&".repeat(6_000)), 200));
    probes.push(get(&format!("/{}", "a".repeat(70_000)), 431));
    probes
}

pub(super) fn headers(token: &str) -> Vec<Probe> {
    let with = |lines: &[u8], status| {
        let request = b"GET /api/auth/me HTTP/1.1\r\nHost: a\r\n";
        Probe::new([request.as_slice(), lines, b"\r\n\r\n"].concat(), status)
    };
    let bearer = format!("Authorization: Bearer {token}");
    let also = |lines: &[u8], status| with(&[bearer.as_bytes(), b"\r\n", lines].concat(), status);
    let mut probes = vec![
        also(b"X: y", 200),
        also(b"X:", 200),
        also(b"X: \x80\xff\xfe", 200),
        also(b"User-Agent: \xff\xfe", 200),
        also(b"X-Request-Id: a\tb", 200),
        also(b"X-Request-Id: \xff", 200),
        also(b"X-Forwarded-For: \xff, , 1.2.3.4.5, [::1, ::ffff:10.0.0.1", 200),
        also(b"Forwarded: for=\"[::1\";for=;;,,for", 200),
        also(b"Forwarded: \xff\"\"\"", 200),
        also(b"Accept: */*;q=abc", 200),
        also(b"Cookie: \xff=\xff;;;=", 200),
        also(b"Origin: \xff\r\nAccess-Control-Request-Method: \xff", 200),
        also(b"Range: bytes=5-1", 200),
        also(b"If-None-Match: \xff", 200),
        also(b"Upgrade: websocket\r\nConnection: upgrade", 200),
        also(
            b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk",
            200,
        ),
        also(b"Expect: 200-maybe", 200),
        also(b"Connection: authorization", 200),
        also(b"Host: b", 400),
        also(b"Host : a", 400),
        also(b"No colon", 400),
        also(b": empty", 400),
        also(b"X Y: z", 400),
        also(b"X\0: y", 400),
        also(b"X: a\0b", 400),
        also(b"X: a\rb", 400),
        also(b"X: a\x0bb", 400),
        also(b"X: a\x7f", 400),
        also(b"X: a\r\n folded", 400),
        also(b"\x80: y", 400),
        also(b"X: y\nZ: w", 400),
        with(bearer.replace("Bearer ", "bEARER   ").as_bytes(), 200),
        with(bearer.replace("Bearer ", "Bearer\t").as_bytes(), 401),
        with(format!("{bearer}\r\n{bearer}").as_bytes(), 401),
        with(format!("{bearer}, Bearer x").as_bytes(), 401),
        with(format!("{bearer}=").as_bytes(), 401),
        with(b"Authorization:", 401),
        with(b"Authorization: Bearer", 401),
        with(b"Authorization: Bearer \xff\xfe", 401),
        with(b"Authorization: Bearer ..", 401),
        with(b"Authorization: Bearer a.b.c", 401),
        with(b"Authorization: Bearer ....................", 401),
        with(b"Authorization: Basic %%%", 401),
        with(b"Authorization: \xff", 401),
        with(
            format!("Authorization: Bearer {}", "e30.".repeat(3_000)).as_bytes(),
            401,
        ),
        with("X: y\r\n".repeat(100).trim_end().as_bytes(), 431),
        with(format!("X: {}", "y".repeat(17_000)).as_bytes(), 431),
        with(format!("{}: y", "X".repeat(17_000)).as_bytes(), 431),
        Probe::new("GET /healthz HTTP/1.1\r\n\r\n", 400),
        Probe::new("GET /healthz HTTP/1.1\r\nHost:\r\n\r\n", 200),
        Probe::new("GET /healthz HTTP/1.1\r\nHost: [2001:db8::1]:443\r\n\r\n", 200),
        Probe::new(b"GET /healthz HTTP/1.1\r\nHost: \xff/ \\\r\n\r\n".as_slice(), 400),
        Probe::new("GET /healthz HTTP/1.1\r\nHost: a, b\r\n\r\n", 400),
        Probe::new("GET /healthz HTTP/1.1\r\nHost: a@b\r\n\r\n", 400),
        Probe::new("GET /healthz HTTP/1.1\nHost: a\n\n", 400),
        Probe::new("GET /healthz HTTP/1.0\r\n\r\n", 200),
        Probe::new("GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200),
    ];
    let header = "GET /.well-known/jwks.json HTTP/1.1\r\nHost: a\r\nIf-None-Match: *\r\n\r\n";
    probes.push(Probe::new(header, 304));
    probes
}

/// Ambiguous framing, in the first request and after a valid one.
pub(super) fn ambiguous() -> Vec<Probe> {
    let whole = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
    let framings = [
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: identity, chunked",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: \x0bchunked",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\nX: y",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding:\r\n chunked",
        "Content-Length: 12\r\nTransfer-Encoding: chunked",
        "Content-Length: 12\r\nContent-Length: 13",
        "Content-Length: 12\nX: y",
        "Content-Length: +12",
        "Content-Length: 12\r",
        "Content-Length: 12\r\n\tX: y",
        "X: y\0\r\nContent-Length: 12",
    ];
    let heads = framings.iter().flat_map(|framing| {
        let head = format!("POST /api/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n{framing}");
        [head.clone(), format!("{whole}{head}")]
    });
    let probe = |head: String| Probe {
        expected: if head.starts_with("GET") {
            vec![200, 400]
        } else {
            vec![400]
        },
        sent: format!("{head}\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n{whole}").into_bytes(),
    };
    let old = "POST /api/auth/login HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
    let piped = [
        format!("{whole}GET /healthz HTTP/1.1\nHost: a\n\n"),
        format!("{whole}\nGET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"),
    ];
    let piped = piped.map(|sent| Probe {
        sent: sent.into_bytes(),
        expected: vec![200, 400],
    });
    heads.map(probe).chain([Probe::new(old, 400)]).chain(piped).collect()
}

pub(super) fn framings() -> Vec<Probe> {
    let post = |rest: &[u8], status| {
        let head = b"POST /api/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n";
        Probe::new([head.as_slice(), rest].concat(), status)
    };
    let chunked = |body: &[u8], status| post(&[b"Transfer-Encoding: chunked\r\n\r\n", body].concat(), status);
    let whole = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
    vec![
        post(b"\r\n", 400),
        post(b"Content-Length: 0\r\n\r\n", 400),
        post(b"Content-Length: 2\r\n\r\n{}", 422),
        post(b"Content-Length: 5\r\n\r\n{}", 408),
        post(b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", 422),
        post(b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400),
        post(b"Content-Length: 2, 2\r\n\r\n{}", 400),
        post(b"Content-Length: -2\r\n\r\n{}", 400),
        post(b"Content-Length: +2\r\n\r\n{}", 400),
        post(b"Content-Length: 0x2\r\n\r\n{}", 400),
        post(b"Content-Length: 2.0\r\n\r\n{}", 400),
        post(b"Content-Length: \r\n\r\n{}", 400),
        post(b"Content-Length: 65537\r\n\r\n", 413),
        // hyper treats an excessive length as an oversized head.
        post(b"Content-Length: 18446744073709551615\r\n\r\n{}", 431),
        post(b"Content-Length: 18446744073709551614\r\n\r\n{}", 431),
        post(b"Content-Length: 9223372036854775807\r\n\r\n{}", 413),
        post(b"Content-Length: 99999999999999999999999\r\n\r\n{}", 400),
        post(b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        post(b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n", 400),
        post(b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", 415),
        post(b"Content-Encoding: \xff\r\nContent-Length: 2\r\n\r\n{}", 415),
        post(b"Expect: 100-continue\r\nContent-Length: 70000\r\n\r\n", 413),
        chunked(b"2\r\n{}\r\n0\r\n\r\n", 422),
        chunked(b"2;a=\"b\"\r\n{}\r\n0\r\n\r\n", 422),
        chunked(b"2\r\n{}\r\n0\r\nTrailer: x\r\n\r\n", 422),
        chunked(b"0\r\n\r\n", 400),
        chunked(b"", 408),
        chunked(b"2\r\n{}\r\n", 408),
        chunked(b"x\r\n{}\r\n0\r\n\r\n", 400),
        chunked(b"-2\r\n{}\r\n0\r\n\r\n", 400),
        chunked(b"0x2\r\n{}\r\n0\r\n\r\n", 400),
        chunked(b"2\n{}\n0\n\n", 400),
        chunked(b"2\r\n{}x\r\n0\r\n\r\n", 400),
        chunked(b"1\r\n{}\r\n0\r\n\r\n", 400),
        chunked(b"ffffffffffffffff\r\n{}", 408),
        chunked(b"fffffffffffffffff\r\n{}", 400),
        chunked(b"\0\r\n\r\n", 400),
        chunked(
            &[b"2;", vec![b'a'; 40_000].as_slice(), b"\r\n{}\r\n0\r\n\r\n"].concat(),
            400,
        ),
        chunked(
            &[b"0\r\n".as_slice(), b"X: y\r\n".repeat(20_000).as_slice(), b"\r\n"].concat(),
            400,
        ),
        chunked(
            &[b"8\r\n[[[[[[[[\r\n".repeat(9_000).as_slice(), b"0\r\n\r\n"].concat(),
            413,
        ),
        // Without a length there is no body: what follows is the next request.
        Probe {
            sent: b"POST /api/auth/login HTTP/1.1\r\nHost: a\r\n\r\n{}".to_vec(),
            expected: vec![415, 400],
        },
        Probe {
            sent: whole.repeat(3).into_bytes(),
            expected: vec![200; 3],
        },
        Probe {
            sent: format!("{whole}\0\0\0\r\n\r\n").into_bytes(),
            expected: vec![200, 400],
        },
        Probe {
            sent: format!("{whole}GET /heal").into_bytes(),
            expected: vec![200],
        },
        // A GET may have a body, which is not read as the next request.
        Probe {
            sent: format!(
                "GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{whole}",
                whole.len()
            )
            .into_bytes(),
            expected: vec![200],
        },
    ]
}

pub(super) fn bodies(token: &str) -> Vec<Probe> {
    let send = |method: &str, path: &str, content_type: &[u8], body: &[u8], status| {
        let head = format!("{method} {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\nContent-Type: ");
        let length = format!("\r\nContent-Length: {}\r\n\r\n", body.len());
        Probe::new(
            [head.as_bytes(), content_type, length.as_bytes(), body].concat(),
            status,
        )
    };
    let json = |path: &str, body: &[u8], status| send("POST", path, b"application/json", body, status);
    let form = |body: &[u8], status| {
        send(
            "POST",
            "/api/auth/login",
            b"application/x-www-form-urlencoded",
            body,
            status,
        )
    };
    let mut probes = vec![
        form(b"username=ada%40example.com&password=%00", 401),
        form(b"username=ada%00%40example.com&password=x", 401),
        form(b"username=%ff%fe&password=%ff", 401),
        form(b"username=%&password=%zz", 401),
        form(b"username=a&password=b&client_id=%00&client_secret=%00", 401),
        form(b"username=a&password=b&scope=%00", 422),
        form(b"username=a&password=b&scope=%22%5c", 422),
        form(b"username=a&password=b&grant_type=%00", 422),
        form(b"username[]=a&password[]=b", 422),
        form(b"\xff\xfe\0", 400),
        form(b"&&&===", 422),
        send(
            "DELETE",
            "/api/auth/me",
            b"application/json",
            b"{\"password\":\"\\u0000\"}",
            403,
        ),
        send("DELETE", "/api/auth/me", b"application/json", b"", 400),
        send("DELETE", "/api/auth/me", b"", b"{}", 415),
        send("GET", "/api/auth/me", b"application/json", b"{", 200),
        send("GET", "/api/auth/me/export", b"\xff", b"\xff", 200),
        send("GET", "/api/auth/sessions", b"", b"\0", 200),
        json(
            "/api/auth/change-password",
            br#"{"current_password":"\u0000","new_password":"a long new password"}"#,
            403,
        ),
        json(
            "/api/auth/register",
            br#"{"email":"a\u0000b@example.com","password":"a long new password"}"#,
            422,
        ),
        json(
            "/api/auth/register",
            br#"{"email":"b@exa\u0000mple.com","password":"a long new password"}"#,
            422,
        ),
        json(
            "/api/auth/register",
            br#"{"email":"c@example.com","password":"\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000"}"#,
            201,
        ),
        json(
            "/api/auth/register",
            r#"{"email":"\u202ed@example.com","password":"a long new password"}"#.as_bytes(),
            422,
        ),
        json(
            "/api/auth/register",
            r#"{"email":"é@例え.jp","password":"a long new password"}"#.as_bytes(),
            201,
        ),
        json(
            "/api/auth/login",
            br#"{"email":"ada@example.com","password":"\u0000"}"#,
            401,
        ),
        json(
            "/api/auth/login",
            br#"{"email":"ada@example.com","password":"","scope":"\u0000"}"#,
            422,
        ),
        json("/api/auth/refresh", br#"{"refresh_token":""}"#, 401),
        json("/api/auth/refresh", br#"{"refresh_token":"\u0000"}"#, 401),
        json("/api/auth/refresh", r#"{"refresh_token":"csr_é"}"#.as_bytes(), 401),
        json(
            "/api/auth/refresh",
            format!(r#"{{"refresh_token":"csr_{}"}}"#, "A".repeat(60_000)).as_bytes(),
            401,
        ),
    ];
    for path in ["/api/auth/login", "/api/auth/register"] {
        probes.push(json(path, b"{\"email\":\"\xff\"}", 400));
        probes.push(json(path, b"{\"email\":\"\\ud800\"}", 400));
    }
    for path in [
        "/api/auth/login",
        "/api/auth/register",
        "/api/auth/refresh",
        "/api/auth/change-password",
    ] {
        for (body, status) in [
            (b"".as_slice(), 400),
            (b"\0", 400),
            (b"\xff\xfe{\0}\0", 400),
            (b"\xef\xbb\xbf{}", 400),
            (b"null", 422),
            (b"NaN", 400),
            (b"1e999999", 400),
            (b"-", 400),
            (b"\"", 400),
            (b"{\"a\":}", 400),
            (b"{\"email\":\"\\x\"}", 400),
            (b"{}{}", 422),
            (b"{\"__proto__\":{},\"constructor\":1}", 422),
        ] {
            probes.push(json(path, body, status));
        }
        let nested = [b"{\"email\":".repeat(6_000), b"1".to_vec(), b"}".repeat(6_000)].concat();
        probes.push(json(path, &nested, 422));
        probes.push(send("POST", path, b"application/json; charset=\"utf-8\"", b"{}", 422));
        probes.push(send("POST", path, b"application/json;;;=", b"{}", 422));
        probes.push(send("POST", path, b"application/jsonx", b"{}", 415));
        let takes_forms = matches!(path, "/api/auth/login" | "/api/auth/refresh");
        let parts = if takes_forms { 422 } else { 415 };
        probes.push(send(
            "POST",
            path,
            b"multipart/form-data; boundary=x",
            b"--x--\r\n",
            parts,
        ));
        probes.push(send("POST", path, b"\xff", b"{}", 415));
        probes.push(send("POST", path, b"application/json, text/plain", b"{}", 415));
    }
    probes
}
