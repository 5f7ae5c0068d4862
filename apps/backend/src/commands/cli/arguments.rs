//! Arguments that several commands have.

use std::time::Duration;

use clap::Args;
use countersign_guard::{Scopes, UnknownScopeCharacter};
use uuid::Uuid;

use crate::settings::parse_duration;

/// An account, by its email address or its ID.
#[derive(Args)]
pub struct Account {
    /// The account's email address or ID
    #[arg(value_name = "EMAIL|ID")]
    pub email: String,
}

/// The email address of an account to create.
#[derive(Args)]
pub struct NewEmailAddress {
    /// The email address of the new account
    #[arg(value_name = "EMAIL")]
    pub email: String,
}

/// One scope (RFC 6749 §3.3).
pub(super) fn one_scope(text: &str) -> Result<String, String> {
    if text.is_empty() || text.contains(char::is_whitespace) {
        return Err("pass each scope as a separate argument, for example: products:read products:write".to_owned());
    }
    let scopes: Scopes = text.parse().map_err(|error: UnknownScopeCharacter| error.to_string())?;
    Ok(scopes.to_string())
}

/// How many, of at most so many.
pub(super) fn count<const MOST: u32>(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(number @ 1..) if number <= MOST => Ok(number),
        _ if MOST == u32::MAX => Err("expected a whole number, at least 1".to_owned()),
        _ => Err(format!("expected a whole number from 1 to {MOST}")),
    }
}

/// The lifetime of a token.
pub(super) fn lifetime(text: &str) -> Result<Duration, String> {
    let lifetime =
        parse_duration(text).map_err(|wrong| format!("{wrong}; expected a duration such as 15d, 12h, 30m or 45s"))?;
    match lifetime >= Duration::from_secs(1) {
        true => Ok(lifetime),
        false => Err("the lifetime must be at least 1s".to_owned()),
    }
}

/// The id of a session.
pub(super) fn session_id(text: &str) -> Result<Uuid, String> {
    text.parse().map_err(|_| {
        "a session ID looks like 0198c5a0-7e1c-7000-8000-000000000000; `countersign sessions list EMAIL` lists those of an account"
            .to_owned()
    })
}

/// The id of a grant.
pub(super) fn grant_id(text: &str) -> Result<Uuid, String> {
    text.parse().map_err(|_| {
        "a grant ID looks like 0198c5a0-7e1c-7000-8000-000000000000; `countersign grants list` lists the newest grants"
            .to_owned()
    })
}
