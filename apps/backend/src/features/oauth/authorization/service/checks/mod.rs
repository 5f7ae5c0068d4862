//! The checks of an authorization request: one file each, in the order of [`CHECKS`].
//!
//! Until the redirect URI is known to be the client's, a refusal is a page, because a redirect could lead anywhere (RFC 6749
//! §4.1.2.1, RFC 9700 §4.11). After that, it is an error for the client.

mod acr_values;
mod claims;
mod client;
mod draft;
mod grant;
mod hints;
mod id_token_hint;
mod max_age;
mod nonce;
mod once;
mod pkce;
mod prompt;
mod redirect_uri;
mod registration;
mod request_object;
mod resource;
mod response_mode;
mod response_type;
mod scope;
mod sizes;
mod target_once;

use countersign_oauth::OauthError;

pub use self::draft::{Draft, Facts, error, invalid};
pub use self::sizes::parse;
use crate::features::oauth::authorization::request::{AnswerTo, AuthorizationRequest};

/// A check of a request.
#[cfg_attr(
    not(feature = "testing"),
    expect(dead_code, reason = "the texts are for the reference")
)]
pub struct Check {
    pub name: &'static str,
    /// Where the rule is from.
    pub source: &'static str,
    /// What is refused, and how.
    pub refuses: &'static str,
    pub refusal: Refusal,
    pub check: fn(&mut Draft<'_>) -> Result<(), OauthError>,
}

/// How a check refuses a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// With a page. The browser is not redirected.
    Page,
    /// With an error for the client.
    Client,
}

macro_rules! checks {
    ($($refusal:ident $name:ident $source:literal $refuses:literal;)+) => {
        /// All checks after `sizes`, in order.
        pub const CHECKS: &[Check] = &[$(Check {
            name: stringify!($name),
            source: $source,
            refuses: $refuses,
            refusal: Refusal::$refusal,
            check: $name::check,
        },)+];
    };
}

checks! {
    Page target_once "RFC 6749 §3.1" "`client_id`, `redirect_uri`, `request` or `request_uri` more than once";
    Page client "RFC 6749 §4.1.2.1" "an unknown or disabled client";
    Page redirect_uri "RFC 9700 §2.1" "a redirect URI that is missing or not registered: `invalid_request`";
    Client response_mode "OAuth 2.0 Multiple Response Types §2.1" "an unknown `response_mode`: `invalid_request`, \
                                                                   sent with `query`";
    Client once "RFC 6749 §3.1" "any parameter other than `resource` more than once: `invalid_request`";
    Client request_object "OpenID Connect Core §6" "`request` and `request_uri`, which are not supported; the `response_mode` of an unsigned object decides how the refusal is delivered";
    Client registration "OpenID Connect Core §7.2.1" "`registration`, which is not supported";
    Client response_type "RFC 6749 §3.1.1" "anything but `code`: `unsupported_response_type`";
    Client grant "RFC 6749 §4.1.2.1" "a client that may not use `authorization_code`: `unauthorized_client`";
    Client pkce "RFC 7636 §4.4.1" "a missing or malformed challenge, or a method other than `S256`: `invalid_request`";
    Client nonce "OpenID Connect Core §3.1.2.1" "control characters in `nonce` or `state`: `invalid_request`";
    Client scope "RFC 6749 §3.3" "malformed scopes: `invalid_scope`. Scopes that are unknown, or that the client may \
                                  not have, are ignored";
    Client resource "RFC 8707 §2" "an API that is not registered, or that the client may not use: `invalid_target`; a \
                                   request left without any scope: `invalid_scope`";
    Client prompt "OpenID Connect Core §3.1.2.1" "unknown values, or `none` together with others: `invalid_request`";
    Client max_age "OpenID Connect Core §3.1.2.1" "anything but a number of seconds: `invalid_request`";
    Client claims "OpenID Connect Core §5.5" "anything but a small JSON object: `invalid_request`";
    Client acr_values "OpenID Connect Core §3.1.2.1" "nothing, because it is only a preference";
    Client hints "OpenID Connect Core §3.1.2.1" "a `login_hint` or `ui_locales` that is too long: `invalid_request`";
    Client id_token_hint "OpenID Connect Core §3.1.2.2" "a token that this server did not issue to the client: `invalid_request`";
}

/// Why a request was refused.
#[derive(Debug)]
pub enum Refused {
    /// A page says so; the client is not told.
    Page(OauthError),
    /// The client gets an error.
    Client(AnswerTo, OauthError),
}

/// Checks the parameters of a request.
///
/// # Errors
/// The first check that refuses it.
pub fn check(mut draft: Draft<'_>) -> Result<AuthorizationRequest, Refused> {
    for Check { check, refusal, .. } in CHECKS {
        if let Err(error) = check(&mut draft) {
            return Err(match refusal {
                Refusal::Page => Refused::Page(error),
                Refusal::Client => Refused::Client(draft.answer_to(), error),
            });
        }
    }
    Ok(draft.finish())
}

#[cfg(feature = "testing")]
/// Returns the table of all checks, for `docs/security/authorization-checks.md`.
pub fn reference() -> String {
    let mut text = String::from(
        "# Checks of an authorization request\n\n\
         The checks run in this order. Each has its own file in\n`apps/backend/src/features/oauth/authorization/service/checks`. Until the redirect URI is known to belong to the client, a\nrefusal is a page with status 400, never a redirect.\n\n\
         | # | check | specification | refuses | refusal |\n|---|---|---|---|---|\n\
         | 1 | `sizes` | RFC 9700 §4.11 | parameters that are too many, too long or not UTF-8 | page |\n",
    );
    for (index, check) in CHECKS.iter().enumerate() {
        let refusal = match check.refusal {
            Refusal::Page => "page",
            Refusal::Client => "error for the client",
        };
        let number = index + 2;
        let Check {
            name, source, refuses, ..
        } = check;
        text.push_str(&format!("| {number} | `{name}` | {source} | {refuses} | {refusal} |\n"));
    }
    text
}
