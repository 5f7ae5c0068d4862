//! The settings of an entry of `[[clients]]`.

use std::path::PathBuf;
use std::time::Duration;

use crate::settings::setting::{Setting, field};
use crate::settings::value::Value;

/// The settings of one entry.
pub(in crate::settings) const FIELDS: &[Setting] = &[
    field(
        "client_id",
        String::FORM,
        "The ID of the client: 1 to 200 letters, digits and `.` `_` `~` `-`.",
        "required",
        r#""grafana""#,
    ),
    field(
        "client_name",
        String::FORM,
        "The name that users see. `\"client_name#de\"` is the name in German, and so on.",
        "`client_id`",
        r#""Grafana""#,
    ),
    field(
        "redirect_uris",
        "list of URIs",
        "Where users may be sent after they have signed in. They must match exactly; only the port of \
         `http://127.0.0.1`, `http://[::1]` and `http://localhost` may differ for public clients.",
        "none",
        r#"["https://grafana.example.com/login/generic_oauth"]"#,
    ),
    field(
        "secret_file",
        PathBuf::FORM,
        "A file that contains only the client's secret: at least 32 characters, such as the output of `openssl rand \
         -hex 32`. One trailing line break is removed.",
        "one of `secret_file`, `secret_sha256` and `public` is required",
        r#""secrets/clients/grafana""#,
    ),
    field(
        "secret_sha256",
        "64 hexadecimal digits",
        "The SHA-256 hash of the client's secret, so that only the client has the secret itself. To get it: `printf \
         %s \"$SECRET\" | sha256sum`.",
        "none",
        r#""c1d9a3f5be0c4f7a8e2b6d90517f3c8246ab0de97c15f28b3e64d7091ac58f2e""#,
    ),
    field(
        "public",
        bool::FORM,
        "Whether the client is public: a program on users' devices or in their browsers, which cannot keep a secret.",
        "`false`",
        "false",
    ),
    field(
        "trusted",
        bool::FORM,
        "Whether to skip the consent page. Only for your own applications.",
        "`false`",
        "false",
    ),
    field(
        "grant_types",
        "list of `authorization_code`, `refresh_token`, `client_credentials`, `device_code`",
        "What the client may do: sign users in, stay connected, get tokens for itself, sign users in on another device.",
        "`authorization_code` and `refresh_token`",
        r#"["authorization_code", "refresh_token"]"#,
    ),
    field(
        "scope",
        "scopes separated by spaces",
        "The scopes that the client may request. With `client_credentials`, they must be listed.",
        "all OpenID Connect scopes, and all scopes of the APIs that the client may use",
        r#""openid profile email""#,
    ),
    field(
        "apis",
        "list of URIs",
        "The APIs that the client may use, in addition to those that any client may use.",
        "none",
        r#"["https://api.example.com"]"#,
    ),
    field(
        "default_api",
        "URI",
        "The API that an access token is for if the request does not name one.",
        "the UserInfo endpoint",
        r#""https://api.example.com""#,
    ),
    field(
        "post_logout_redirect_uris",
        "list of URIs",
        "Where users may be sent after they have signed out of the client. Compared like `redirect_uris`.",
        "none",
        r#"["https://grafana.example.com/"]"#,
    ),
    field(
        "backchannel_logout_uri",
        "URL",
        "The client's URL that is notified when a user signs out.",
        "none",
        r#""https://grafana.example.com/logout/backchannel""#,
    ),
    field(
        "backchannel_logout_session_required",
        bool::FORM,
        "Whether the client needs `sid` in logout tokens. Logout tokens always have it.",
        "`false`",
        "false",
    ),
    field(
        "id_token_signed_response_alg",
        "`RS256` or `ES256`",
        "The signature algorithm of ID tokens and logout tokens. Every client library supports RS256, and many \
         support nothing else. ES256 signatures are shorter and take the server less time.",
        "`RS256`",
        r#""RS256""#,
    ),
    field(
        "userinfo_signed_response_alg",
        "`RS256` or `ES256`",
        "The signature algorithm of responses from the UserInfo endpoint.",
        "none: they are unsigned JSON",
        r#""RS256""#,
    ),
    field(
        "token_endpoint_auth_method",
        "`client_secret_basic` or `client_secret_post`",
        "How the client declares that it sends its secret. The server accepts both methods from every client that has a secret.",
        "`client_secret_basic`",
        r#""client_secret_basic""#,
    ),
    field(
        "require_pkce",
        bool::FORM,
        "Whether the client must use PKCE. Set it to `false` only for old programs that do not support PKCE. Public clients must \
         always use it.",
        "`true`",
        "true",
    ),
    field(
        "rotate_refresh_tokens",
        bool::FORM,
        "Whether a refresh token is replaced whenever it is used. Set it to `false` only for programs that cannot store the new one. \
         Refresh tokens of public clients are always replaced.",
        "`true`",
        "true",
    ),
    field(
        "refresh_idle_ttl",
        Duration::FORM,
        "How long a refresh token stays valid without being used. `tokens.refresh_idle_ttl` applies if it is shorter.",
        "`tokens.refresh_idle_ttl`",
        r#""7d""#,
    ),
    field(
        "refresh_absolute_ttl",
        Duration::FORM,
        "How long the client can refresh its tokens in total. `tokens.refresh_absolute_ttl` applies if it is shorter.",
        "`tokens.refresh_absolute_ttl`",
        r#""30d""#,
    ),
    field(
        "id_token_claims",
        "`scope` or `minimal`",
        "Whether ID tokens have the claims of the granted scopes, or only those that the client requests with `claims`.",
        "`scope`",
        r#""scope""#,
    ),
    field(
        "insecure_redirects",
        bool::FORM,
        "Whether the client's redirect URIs may use `http` on hosts other than the user's own device. Anyone on the \
         network can then take over a user's sign-in.",
        "`false`",
        "false",
    ),
    field(
        "default_max_age",
        u32::FORM,
        "The number of seconds after which users have to sign in again, unless the request specifies another (`max_age`).",
        "none",
        "3600",
    ),
    field(
        "default_acr_values",
        "list of `aal1`, `aal2`",
        "How strongly users should be authenticated, unless the request specifies it (`acr_values`).",
        "none",
        r#"["aal2"]"#,
    ),
    field(
        "require_auth_time",
        bool::FORM,
        "Whether the client needs `auth_time` in ID tokens. ID tokens always have it.",
        "`false`",
        "false",
    ),
    field(
        "client_uri",
        "URL",
        "The client's home page.",
        "none",
        r#""https://grafana.example.com""#,
    ),
    field(
        "initiate_login_uri",
        "URL",
        "The client's page that starts a sign-in.",
        "none",
        r#""https://grafana.example.com/login""#,
    ),
    field(
        "policy_uri",
        "URL",
        "The client's privacy policy, which the consent page links to.",
        "none",
        r#""https://example.com/privacy""#,
    ),
    field(
        "tos_uri",
        "URL",
        "The client's terms of service, which the consent page links to.",
        "none",
        r#""https://example.com/terms""#,
    ),
    field(
        "contacts",
        "list of strings",
        "The people responsible for the client, usually as email addresses.",
        "none",
        r#"["ops@example.com"]"#,
    ),
    field(
        "response_types",
        "list of strings",
        "Only `code` is supported.",
        "`code`",
        r#"["code"]"#,
    ),
];
