//! `[tokens]`: how long tokens live, and whom they are for.

use std::time::Duration;

use super::section::section;
use super::value_error::ValueError;
use super::values::Values;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

section! {
    /// How long tokens live, and whom they are for.
    Tokens "tokens." {
        /// How long an access token is valid: 1m to 90d, and never beyond `refresh_absolute_ttl`.
        #[danger = "a verifier that does not ask for revocations accepts a stolen token this long"]
        access_ttl: Duration = "15d",
        /// Whom access tokens are for (`aud`). Our own routes accept any of them.
        #[danger = "a service must accept its own name only, or a token for one service opens another"]
        #[default_is = "the issuer"]
        audience: Vec<String> = "",
        /// How long a session lives on without a refresh: 5m up to `refresh_absolute_ttl`.
        refresh_idle_ttl: Duration = "30d",
        /// How long a session lives in all, however often it is refreshed: 5m to 3650d.
        refresh_absolute_ttl: Duration = "90d",
        /// How long the same refresh token, presented again, gets the same successor: 0s (never) to 5m.
        #[danger = "within this time a thief who copied a refresh token is not told from an honest second tab"]
        refresh_replay_window: Duration = "30s",
    }
}

impl Tokens {
    pub(super) fn check(&self, values: &mut Values) {
        values.within("tokens.access_ttl", self.access_ttl, MINUTE..=90 * DAY);
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
                "makes idle sessions outlive their absolute end",
                "refresh_idle_ttl <= refresh_absolute_ttl",
            ),
        );
        values.require(
            self.access_ttl <= self.refresh_absolute_ttl,
            &["tokens.access_ttl", "tokens.refresh_absolute_ttl"],
            ValueError::new(
                "makes access tokens outlive their session",
                "access_ttl <= refresh_absolute_ttl",
            ),
        );
        values.require(
            self.audience.iter().all(|name| !name.contains(char::is_whitespace)),
            &["tokens.audience"],
            ValueError::new("holds a name with a blank in it", "the names with commas between them"),
        );
        values.require(
            !self.audience.is_empty(),
            // Without an issuer that can be read, its own default is missing.
            &["tokens.audience", "issuer"],
            ValueError::new("is empty", "at least one name, or leave it out for the issuer"),
        );
    }
}
