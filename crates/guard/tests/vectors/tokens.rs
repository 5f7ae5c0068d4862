//! The tokens of the table: each is a rule that every verifier must follow.

use serde_json::{Value, json};

use crate::document::{Expect, Subject, Token, Verified};
use crate::forge::{Forge, encode, sign_with, text};
use crate::sample::{AUDIENCE, CLIENT, FIRST_LIST, ISSUER, NOW, SECOND_LIST, claims, client_claims, status};

const ANOTHER_ACCOUNT: &str = "01980000-0000-7000-8000-00000000000f";

pub(crate) fn tokens(forge: &Forge) -> Vec<Token> {
    let table = Table { forge };
    [
        table.good(),
        table.headers(),
        table.keys(),
        table.shapes(),
        table.times(),
        table.parties(),
        table.persons(),
        table.clients(),
        table.for_clients(),
        table.states(),
        table.places(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

struct Table<'a> {
    forge: &'a Forge,
}

impl Table<'_> {
    fn good(&self) -> Vec<Token> {
        let scopes = ["products:read", "products:write"];
        let second = sign_with(
            &self.forge.second,
            &json!({ "alg": "ES256", "typ": "at+jwt", "kid": self.forge.second.kid() }),
            &claims(),
        );
        let padding = "x".repeat(5_340);
        vec![
            valid("a good token", self.claiming("unknown", json!({ "exp": 1 })), &scopes),
            valid("a good token of the second key", second, &scopes),
            valid("typ in capitals", self.typ("AT+JWT"), &scopes),
            valid("typ with application/", self.typ("application/at+jwt"), &scopes),
            valid(
                "typ with application/ in mixed case",
                self.typ("Application/At+JWT"),
                &scopes,
            ),
            valid("aud a list of one", self.claiming("aud", json!([AUDIENCE])), &scopes),
            valid(
                "aud a list of several",
                self.claiming("aud", json!(["https://other.example.com", AUDIENCE])),
                &scopes,
            ),
            valid_of(
                "a token of another client",
                "grafana",
                self.of_another_client(),
                &scopes,
            ),
            valid("no scope", self.without("scope"), &[]),
            valid("an empty scope", self.claiming("scope", json!("")), &[]),
            valid("one scope", self.claiming("scope", json!("a")), &["a"]),
            valid(
                "several spaces between scopes",
                self.claiming("scope", json!("a  b")),
                &["a", "b"],
            ),
            valid(
                "a header parameter that is not known",
                self.header("unknown", json!(1)),
                &scopes,
            ),
            valid(
                "a token just short of 8 KiB",
                self.claiming("padding", json!(padding)),
                &scopes,
            ),
        ]
    }

    fn headers(&self) -> Vec<Token> {
        let none = |alg: &str| {
            format!(
                "{}.",
                text(
                    &json!({ "alg": alg, "typ": "at+jwt", "kid": self.forge.key.kid() }),
                    &claims()
                )
            )
        };
        vec![
            invalid("alg none without a signature", none("none")),
            invalid("alg None without a signature", none("None")),
            invalid("alg NONE without a signature", none("NONE")),
            invalid("alg none with a good signature", self.header("alg", json!("none"))),
            invalid("alg es256", self.header("alg", json!("es256"))),
            invalid("alg ES384 over an ES256 signature", self.header("alg", json!("ES384"))),
            invalid("alg null", self.header("alg", Value::Null)),
            invalid("alg a list", self.header("alg", json!(["ES256"]))),
            invalid("alg missing", self.header_without("alg")),
            invalid("typ JWT", self.typ("JWT")),
            invalid("typ jwt of another kind", self.typ("logout+jwt")),
            invalid("typ of a status list", self.typ("statuslist+jwt")),
            invalid("typ another media type", self.typ("text/at+jwt")),
            invalid("typ application/ twice", self.typ("application/application/at+jwt")),
            invalid("typ empty", self.typ("")),
            invalid("typ a list", self.header("typ", json!(["at+jwt"]))),
            invalid("typ missing", self.header_without("typ")),
            invalid("crit", self.header("crit", json!(["https://example.com/unknown"]))),
            invalid("crit that lists a known claim", self.header("crit", json!(["exp"]))),
            invalid("crit empty", self.header("crit", json!([]))),
            invalid(
                "jwk in the header",
                self.header("jwk", json!(self.forge.key.verifying_key().to_jwk())),
            ),
            invalid(
                "jku in the header",
                self.header("jku", json!(format!("{ISSUER}/.well-known/jwks.json"))),
            ),
            invalid(
                "x5u in the header",
                self.header("x5u", json!(format!("{ISSUER}/chain.pem"))),
            ),
            invalid("x5c in the header", self.header("x5c", json!(["MIIB"]))),
        ]
    }

    fn keys(&self) -> Vec<Token> {
        let forge = self.forge;
        let header = forge.header("at+jwt");
        let mut own_key = header.clone();
        own_key["jwk"] = forge.unknown_jwk();
        let pem = forge.key.verifying_key().to_spki_pem();
        let mut of_second = header.clone();
        of_second["kid"] = json!(forge.second.kid());
        vec![
            invalid("kid unknown", self.header("kid", json!("unknown"))),
            invalid("kid empty", self.header("kid", json!(""))),
            invalid("kid a path", self.header("kid", json!("../../../../dev/null"))),
            invalid("kid a number", self.header("kid", json!(1))),
            invalid("kid missing", self.header_without("kid")),
            invalid("kid of another key of the set", forge.sign(&of_second, &claims())),
            invalid(
                "signed with an unknown key under our kid",
                forge.sign_with_unknown_key(&header, &claims()),
            ),
            invalid(
                "signed by the jwk that it brings",
                forge.sign_with_unknown_key(&own_key, &claims()),
            ),
            invalid(
                "HS256 with the public key's PEM as the secret",
                forge.hs256(forge.key.kid(), &claims(), pem.as_bytes()),
            ),
            invalid(
                "HS256 with an oct key of the set",
                forge.hs256_with_key_of_the_set(&claims()),
            ),
            invalid("RS256 with an RSA key of the set", forge.rs256(&claims())),
            invalid("EdDSA with an OKP key of the set", forge.eddsa(&claims())),
            invalid("ES384 with a P-384 key of the set", forge.es384(&claims())),
        ]
    }

    fn shapes(&self) -> Vec<Token> {
        let good = self.claims(&claims());
        let (signed, signature) = good.rsplit_once('.').unwrap();
        let (header, payload) = signed.split_once('.').unwrap();
        let mut evil = claims();
        evil["sub"] = json!("01980000-0000-7000-8000-00000000000f");
        let (evil, header_text) = (encode(evil.to_string()), self.forge.header("at+jwt").to_string());
        let json_form = json!({ "protected": header, "payload": payload, "signature": signature });
        let signed_text = |payload: &str| format!("{header}.{}.{signature}", encode(payload));
        vec![
            invalid("empty", String::new()),
            invalid("a word", "token".to_owned()),
            invalid("two dots", "..".to_owned()),
            invalid("two parts", signed.to_owned()),
            invalid("four parts", format!("{good}.{signature}")),
            invalid(
                "five parts, as a JWE has",
                format!("{header}.{payload}.{payload}.{payload}.{signature}"),
            ),
            invalid("JSON serialisation", json_form.to_string()),
            invalid("no signature", format!("{signed}.")),
            invalid("half a signature", format!("{signed}.{}", &signature[..43])),
            invalid("a signature of zeros", format!("{signed}.{}", encode([0; 64]))),
            invalid("a signature in DER", self.forge.der_signed(&claims())),
            invalid("the claims of another user", format!("{header}.{evil}.{signature}")),
            invalid(
                "a rewritten header",
                format!("{}.{payload}.{signature}", encode(header_text.replace(':', ": "))),
            ),
            invalid("claims that are not JSON", signed_text("claims")),
            invalid("claims that are a list", self.claims(&json!([claims()]))),
            invalid("claims that are a string", self.claims(&json!("claims"))),
            invalid("over 8 KiB", self.claiming("padding", json!("x".repeat(6_200)))),
            invalid("nine thousand dots", ".".repeat(9_000)),
        ]
    }

    fn times(&self) -> Vec<Token> {
        let with = |name: &str, value: Value| self.claiming(name, value);
        vec![
            valid_plain("exp within the leeway", with("exp", json!(NOW - 29))),
            invalid("exp at the end of the leeway", with("exp", json!(NOW - 30))),
            invalid("exp long past", with("exp", json!(NOW - 86_400))),
            invalid("exp zero", with("exp", json!(0))),
            invalid("exp a string", with("exp", json!((NOW + 60).to_string()))),
            invalid("exp null", with("exp", Value::Null)),
            invalid("exp a list", with("exp", json!([NOW + 60]))),
            invalid("exp missing", self.without("exp")),
            valid_plain("iat within the leeway", with("iat", json!(NOW + 30))),
            invalid("iat beyond the leeway", with("iat", json!(NOW + 31))),
            invalid("iat a string", with("iat", json!(NOW.to_string()))),
            invalid("iat missing", self.without("iat")),
            valid_plain("nbf past", with("nbf", json!(NOW))),
            invalid("nbf to come", with("nbf", json!(NOW + 86_400))),
        ]
    }

    fn parties(&self) -> Vec<Token> {
        let with = |name: &str, value: Value| self.claiming(name, value);
        vec![
            invalid("iss another", with("iss", json!("https://evil.example.com"))),
            invalid("iss with a slash", with("iss", json!(format!("{ISSUER}/")))),
            invalid("iss in capitals", with("iss", json!(ISSUER.to_uppercase()))),
            invalid(
                "iss with more behind",
                with("iss", json!(format!("{ISSUER}.evil.example.com"))),
            ),
            invalid("iss a list", with("iss", json!([ISSUER]))),
            invalid("iss missing", self.without("iss")),
            invalid("aud another", with("aud", json!("https://other.example.com"))),
            invalid(
                "aud others",
                with("aud", json!(["https://a.example.com", "https://b.example.com"])),
            ),
            invalid("aud a part", with("aud", json!(AUDIENCE[..AUDIENCE.len() - 1]))),
            invalid("aud the issuer", with("aud", json!(ISSUER))),
            invalid("aud an empty list", with("aud", json!([]))),
            invalid("aud null", with("aud", Value::Null)),
            invalid("aud missing", self.without("aud")),
        ]
    }

    fn persons(&self) -> Vec<Token> {
        let with = |name: &str, value: Value| self.claiming(name, value);
        vec![
            invalid("sub no UUID", with("sub", json!("root"))),
            invalid("sub a number", with("sub", json!(1))),
            invalid("sub missing", self.without("sub")),
            invalid("sid no UUID", with("sid", json!("1"))),
            invalid("sid null", with("sid", Value::Null)),
            valid_without_session("sid missing", self.without("sid")),
            valid_without_session("no claim of a sign-in", self.bare()),
            invalid("auth_time a string", with("auth_time", json!(NOW.to_string()))),
            invalid("auth_time null", with("auth_time", Value::Null)),
            valid_plain("auth_time missing", self.without("auth_time")),
            invalid("amr a string", with("amr", json!("pwd"))),
            invalid("amr null", with("amr", Value::Null)),
            valid_plain("amr missing", self.without("amr")),
            valid_plain("amr an empty list", with("amr", json!([]))),
            invalid("client_id missing", self.without("client_id")),
            invalid("client_id null", with("client_id", Value::Null)),
            invalid("client_id empty", with("client_id", json!(""))),
            invalid("client_id a UUID", with("client_id", json!(ANOTHER_ACCOUNT))),
            invalid("client_id the account", with("client_id", claims()["sub"].clone())),
            invalid("scope a list", with("scope", json!(["admin"]))),
        ]
    }

    /// RFC 9068 §2.2, §5: a client that acts for itself, and one that imitates a user.
    fn clients(&self) -> Vec<Token> {
        let named = |sub: &str, client_id: &str| self.of_client(json!({ "sub": sub, "client_id": client_id }));
        let with = |name: &str, value: Value| self.of_client(json!({ name: value }));
        let scopes = ["products:read", "products:write"];
        vec![
            valid_client("a client's token", CLIENT, self.of_client(json!({})), &scopes),
            valid_client(
                "a client's token without a scope",
                CLIENT,
                self.of_client_without("scope"),
                &[],
            ),
            valid_client(
                "a client named by its URL",
                "https://client.example.com/app?a=1",
                named(
                    "https://client.example.com/app?a=1",
                    "https://client.example.com/app?a=1",
                ),
                &scopes,
            ),
            valid_client(
                "a client named nearly as an account is",
                "01980000000070008000000000000001",
                named("01980000000070008000000000000001", "01980000000070008000000000000001"),
                &scopes,
            ),
            revoked(
                "a client's token, revoked",
                with("status", status(json!(5), FIRST_LIST)),
            ),
            invalid(
                "a client named like an account",
                named(ANOTHER_ACCOUNT, ANOTHER_ACCOUNT),
            ),
            invalid(
                "a client named like an account, in capitals",
                named(ANOTHER_ACCOUNT, &ANOTHER_ACCOUNT.to_uppercase()),
            ),
            invalid("a client without a name", named("", "")),
            invalid("a client in another client's name", named("reports", CLIENT)),
            invalid("a client in capitals", named("Billing", CLIENT)),
            invalid("a client with a space behind it", named("billing ", CLIENT)),
            invalid("a client without a client_id", self.of_client_without("client_id")),
            invalid("a client without a sub", self.of_client_without("sub")),
            invalid("a client's sub a list", with("sub", json!([CLIENT]))),
            invalid("a client with a session", with("sid", claims()["sid"].clone())),
            invalid("a client with a session that is null", with("sid", Value::Null)),
            invalid("a client that signed in", with("auth_time", json!(NOW))),
            invalid("a client that signed in with a password", with("amr", json!(["pwd"]))),
            invalid("a client that signed in with nothing", with("amr", json!([]))),
            invalid("a client's token that has expired", with("exp", json!(NOW - 30))),
            invalid(
                "a client's token for another audience",
                with("aud", json!("https://other.example.com")),
            ),
            invalid("a client's token without a status", self.of_client_without("status")),
        ]
    }

    /// Tokens of the same issuer that are for a client to read, with everything that could make them pass.
    fn for_clients(&self) -> Vec<Token> {
        let forge = self.forge;
        let mut id_token = claims();
        for (name, value) in [
            ("nonce", json!("n-0S6_WzA2Mj")),
            ("acr", json!("aal1")),
            ("at_hash", json!("77QmUPtjPfzWtF2AnpK9RQ")),
            ("client_id", json!("grafana")),
        ] {
            id_token[name] = value;
        }
        let mut bare = id_token.clone();
        for name in ["client_id", "jti", "scope", "status"] {
            bare.as_object_mut().unwrap().remove(name);
        }
        let mut logout = claims();
        logout["events"] = json!({ "http://schemas.openid.net/event/backchannel-logout": {} });
        let rs256 = |typ: &str, kid: &str| json!({ "alg": "RS256", "typ": typ, "kid": kid });
        let ours = forge.key.kid();
        vec![
            invalid("an ID token", forge.sign(&forge.header("JWT"), &bare)),
            invalid(
                "an ID token with the claims of an access token",
                forge.sign(&forge.header("JWT"), &id_token),
            ),
            invalid(
                "an ID token signed with RS256",
                forge.rs256_with(&rs256("JWT", "rsa"), &id_token),
            ),
            invalid(
                "an access token signed with RS256 under the kid of an ES256 key",
                forge.rs256_with(&rs256("at+jwt", ours), &claims()),
            ),
            invalid(
                "an access token signed with RS256 whose header says ES256",
                forge.rs256_with(&forge.header("at+jwt"), &claims()),
            ),
            invalid(
                "an ES256 access token under the kid of an RSA key",
                self.header("kid", json!("rsa")),
            ),
            invalid("a logout token", forge.sign(&forge.header("logout+jwt"), &logout)),
            invalid(
                "a logout token signed with RS256",
                forge.rs256_with(&rs256("logout+jwt", "rsa"), &logout),
            ),
        ]
    }

    fn states(&self) -> Vec<Token> {
        vec![
            revoked("revoked", self.place(json!(5), FIRST_LIST)),
            valid_plain("the place before a revoked one", self.place(json!(4), FIRST_LIST)),
            valid_plain("the place behind a revoked one", self.place(json!(6), FIRST_LIST)),
            revoked(
                "revoked, in the highest bit of a byte",
                self.place(json!(15), FIRST_LIST),
            ),
            revoked(
                "revoked, in the lowest bit of a byte",
                self.place(json!(16), FIRST_LIST),
            ),
            valid_plain("the last place of the list", self.place(json!(131_070), FIRST_LIST)),
            revoked(
                "revoked, in the last place of the list",
                self.place(json!(131_071), FIRST_LIST),
            ),
            valid_plain("two bits, state 0", self.place(json!(2), SECOND_LIST)),
            revoked("two bits, state 1", self.place(json!(0), SECOND_LIST)),
            revoked("two bits, state 2", self.place(json!(1), SECOND_LIST)),
            revoked("two bits, state 3", self.place(json!(3), SECOND_LIST)),
        ]
    }

    fn places(&self) -> Vec<Token> {
        let uri = |uri: &str| self.place(json!(1), uri);
        let status = |status: Value| self.claiming("status", status);
        vec![
            invalid("status missing", self.without("status")),
            invalid("status null", status(Value::Null)),
            invalid("status empty", status(json!({}))),
            invalid(
                "status without idx",
                status(json!({ "status_list": { "uri": FIRST_LIST } })),
            ),
            invalid("status without uri", status(json!({ "status_list": { "idx": 1 } }))),
            invalid("idx behind the list", self.place(json!(131_072), FIRST_LIST)),
            invalid(
                "idx far behind the list",
                self.place(json!(4_294_967_297_i64), FIRST_LIST),
            ),
            invalid("idx negative", self.place(json!(-1), FIRST_LIST)),
            invalid("idx a fraction", self.place(json!(1.5), FIRST_LIST)),
            invalid("idx a string", self.place(json!("1"), FIRST_LIST)),
            invalid("idx null", self.place(Value::Null, FIRST_LIST)),
            invalid(
                "status uri of another host",
                uri("https://evil.example.com/oauth2/status-lists/1"),
            ),
            invalid(
                "status uri of a host that begins alike",
                uri("https://auth.example.com.evil.example.com/oauth2/status-lists/1"),
            ),
            invalid(
                "status uri with the issuer as its user",
                uri("https://auth.example.com@evil.example.com/oauth2/status-lists/1"),
            ),
            invalid(
                "status uri of another port",
                uri("https://auth.example.com:8443/oauth2/status-lists/1"),
            ),
            invalid(
                "status uri of another scheme",
                uri("http://auth.example.com/oauth2/status-lists/1"),
            ),
            invalid("status uri of a file", uri("file:///oauth2/status-lists/1")),
            invalid("status uri without an origin", uri("/oauth2/status-lists/1")),
            invalid(
                "status uri with the origin left out",
                uri("//auth.example.com/oauth2/status-lists/1"),
            ),
            invalid("status uri empty", uri("")),
            invalid(
                "status uri a number",
                self.claiming("status", json!({ "status_list": { "idx": 1, "uri": 1 } })),
            ),
        ]
    }

    /// A user's token that a client of the OpenID provider got.
    fn of_another_client(&self) -> String {
        let mut claims = claims();
        claims["client_id"] = json!("grafana");
        claims["acr"] = json!("aal1");
        self.claims(&claims)
    }

    /// Without `sid`, `auth_time` and `amr`.
    fn bare(&self) -> String {
        let mut claims = claims();
        for name in ["sid", "auth_time", "amr"] {
            claims.as_object_mut().unwrap().remove(name);
        }
        self.claims(&claims)
    }

    fn of_client(&self, changes: Value) -> String {
        let mut claims = client_claims();
        claims
            .as_object_mut()
            .unwrap()
            .extend(changes.as_object().unwrap().clone());
        self.claims(&claims)
    }

    fn of_client_without(&self, name: &str) -> String {
        let mut claims = client_claims();
        claims.as_object_mut().unwrap().remove(name);
        self.claims(&claims)
    }

    fn claims(&self, claims: &Value) -> String {
        self.forge.sign(&self.forge.header("at+jwt"), claims)
    }

    fn claiming(&self, name: &str, value: Value) -> String {
        let mut claims = claims();
        claims[name] = value;
        self.claims(&claims)
    }

    fn without(&self, name: &str) -> String {
        let mut claims = claims();
        claims.as_object_mut().unwrap().remove(name);
        self.claims(&claims)
    }

    fn place(&self, idx: Value, uri: &str) -> String {
        self.claiming("status", status(idx, uri))
    }

    fn header(&self, name: &str, value: Value) -> String {
        let mut header = self.forge.header("at+jwt");
        header[name] = value;
        self.forge.sign(&header, &claims())
    }

    fn header_without(&self, name: &str) -> String {
        let mut header = self.forge.header("at+jwt");
        header.as_object_mut().unwrap().remove(name);
        self.forge.sign(&header, &claims())
    }

    fn typ(&self, typ: &str) -> String {
        self.forge.sign(&self.forge.header(typ), &claims())
    }
}

fn valid(name: &str, token: String, scopes: &[&str]) -> Token {
    let claim = |name: &str| claims()[name].as_str().unwrap().to_owned();
    let verified = Verified {
        subject: Subject::Account(claim("sub")),
        client_id: claim("client_id"),
        session: Some(claim("sid")),
        scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
    };
    Token {
        verified: Some(verified),
        ..entry(name, token, Expect::Valid)
    }
}

/// A user's token that this client got.
fn valid_of(name: &str, client: &str, token: String, scopes: &[&str]) -> Token {
    let Token { verified, .. } = valid(name, String::new(), scopes);
    Token {
        verified: verified.map(|verified| Verified {
            client_id: client.to_owned(),
            ..verified
        }),
        ..entry(name, token, Expect::Valid)
    }
}

fn valid_without_session(name: &str, token: String) -> Token {
    let Token { verified, .. } = valid_plain(name, String::new());
    Token {
        verified: verified.map(|verified| Verified {
            session: None,
            ..verified
        }),
        ..entry(name, token, Expect::Valid)
    }
}

fn valid_client(name: &str, client: &str, token: String, scopes: &[&str]) -> Token {
    let verified = Verified {
        subject: Subject::Client(client.to_owned()),
        client_id: client.to_owned(),
        session: None,
        scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
    };
    Token {
        verified: Some(verified),
        ..entry(name, token, Expect::Valid)
    }
}

fn valid_plain(name: &str, token: String) -> Token {
    valid(name, token, &["products:read", "products:write"])
}

fn invalid(name: &str, token: String) -> Token {
    entry(name, token, Expect::Invalid)
}

fn revoked(name: &str, token: String) -> Token {
    entry(name, token, Expect::Revoked)
}

fn entry(name: &str, token: String, expect: Expect) -> Token {
    Token {
        name: name.to_owned(),
        token,
        expect,
        verified: None,
    }
}
