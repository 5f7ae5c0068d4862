//! `[tokens]`: how long tokens live, and whom they are for.

use std::time::Duration;

use super::nearest::nearest;
use super::section::section;
use super::value::Value;
use super::value_error::ValueError;
use super::values::Values;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

section! {
    /// Lifetimes and audience of tokens.
    Tokens "tokens." {
        /// The lifetime of access tokens: 1m to 90d, and at most `refresh_absolute_ttl`.
        #[warning = "verifiers that do not check for revocation accept a stolen token for this long"]
        access_ttl: Duration = "15d",
        /// The lifetime of the access tokens that a browser gets in exchange for its session cookie: 1m to 90d. If
        /// `access_ttl` is shorter, that applies instead.
        #[warning = "scripts on a page can read these tokens, so a malicious script can use a stolen one for this long"]
        cookie_access_ttl: Duration = "10m",
        /// The audience of access tokens (`aud`). This server's own routes accept any of the names.
        #[warning = "each service must accept only its own name, or a token for one service is valid for another"]
        #[default_is = "the issuer"]
        audience: Vec<String> = "",
        /// The claims about the user that access tokens contain: any of `email`, `email_verified` and `name`. A change
        /// applies to tokens issued from then on. Claims that would make a token longer than 8192 bytes are left out.
        #[warning = "anyone who gets such a token can read it; an unverified email address may belong to someone else"]
        #[default_is = "none"]
        claims: Vec<UserClaim> = "",
        /// How long a session lasts without a refresh: 5m up to `refresh_absolute_ttl`.
        refresh_idle_ttl: Duration = "30d",
        /// How long a session lasts in total, even if it is refreshed: 5m to 3650d.
        refresh_absolute_ttl: Duration = "90d",
        /// How long a refresh token that was already used still returns the same successor, so that clients can retry: 0s
        /// (never) to 5m.
        #[warning = "within this time, reuse of a stolen refresh token cannot be told apart from a retry"]
        refresh_replay_window: Duration = "30s",
    }
}

/// A claim about the user in access tokens, by its name in OpenID Connect Core §5.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserClaim {
    Email,
    EmailVerified,
    Name,
}

const USER_CLAIMS: [(&str, UserClaim); 3] = [
    ("email", UserClaim::Email),
    ("email_verified", UserClaim::EmailVerified),
    ("name", UserClaim::Name),
];

impl Value for UserClaim {
    const FORM: &'static str = "`email`, `email_verified` or `name`";
    const LIST_FORM: &'static str = "list of `email`, `email_verified`, `name`";

    fn parse(text: &str) -> Result<Self, ValueError> {
        let known = USER_CLAIMS.iter().find(|(name, _)| *name == text);
        known.map(|(_, claim)| *claim).ok_or_else(|| {
            let advice = match nearest(text, USER_CLAIMS.iter().map(|(name, _)| *name)) {
                Some(name) => format!("did you mean {name}?"),
                None => "expected email, email_verified or name".to_owned(),
            };
            ValueError::new(format!("unknown claim {text:?}"), advice)
        })
    }
}

impl Tokens {
    /// Returns the lifetime of the access tokens for session cookies.
    pub fn of_cookies(&self) -> Duration {
        self.cookie_access_ttl.min(self.access_ttl)
    }

    pub(super) fn check(&self, values: &mut Values) {
        values.within("tokens.access_ttl", self.access_ttl, MINUTE..=90 * DAY);
        values.within("tokens.cookie_access_ttl", self.cookie_access_ttl, MINUTE..=90 * DAY);
        values.within(
            "tokens.refresh_idle_ttl",
            self.refresh_idle_ttl,
            5 * MINUTE..=3650 * DAY,
        );
        values.within(
            "tokens.refresh_absolute_ttl",
            self.refresh_absolute_ttl,
            5 * MINUTE..=3650 * DAY,
        );
        values.within(
            "tokens.refresh_replay_window",
            self.refresh_replay_window,
            Duration::ZERO..=5 * MINUTE,
        );
        values.require(
            self.refresh_idle_ttl <= self.refresh_absolute_ttl,
            &["tokens.refresh_idle_ttl", "tokens.refresh_absolute_ttl"],
            ValueError::new(
                "the idle lifetime of a session exceeds its absolute lifetime",
                "refresh_idle_ttl must be at most refresh_absolute_ttl",
            ),
        );
        values.require(
            self.access_ttl <= self.refresh_absolute_ttl,
            &["tokens.access_ttl", "tokens.refresh_absolute_ttl"],
            ValueError::new(
                "access tokens would outlive their session",
                "access_ttl must be at most refresh_absolute_ttl",
            ),
        );
        values.require(
            self.audience.iter().all(|name| !name.contains(char::is_whitespace)),
            &["tokens.audience"],
            ValueError::new("a name contains a space", "separate names with commas"),
        );
        values.require(
            !self.audience.is_empty(),
            // Without an issuer that can be read, its own default is missing.
            &["tokens.audience", "issuer"],
            ValueError::new(
                "must not be empty",
                "set at least one name, or remove the setting to use the issuer",
            ),
        );
    }
}
