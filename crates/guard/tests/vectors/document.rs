//! The format of `clients/vectors.json`, which every client library reads.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Serialize, Deserialize)]
pub(crate) struct Document {
    pub(crate) issuer: String,
    pub(crate) audience: Vec<String>,
    /// The time for the verifier's clock, in seconds since the epoch.
    pub(crate) now: i64,
    /// Seconds.
    pub(crate) leeway: u32,
    pub(crate) jwks: Value,
    /// Each list that a token names, by URL.
    pub(crate) status_lists: BTreeMap<String, String>,
    pub(crate) tokens: Vec<Token>,
    pub(crate) lists: Vec<List>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Token {
    pub(crate) name: String,
    pub(crate) token: String,
    pub(crate) expect: Expect,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) verified: Option<Verified>,
}

/// The expected verdict on an entry. `Invalid` and `Revoked` are both answered 401.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Expect {
    Valid,
    Invalid,
    Revoked,
}

/// The content of a valid token.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Verified {
    pub(crate) subject: Subject,
    pub(crate) client_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) session: Option<String>,
    pub(crate) scopes: Vec<String>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Subject {
    Account(String),
    Client(String),
}

#[derive(Serialize, Deserialize)]
pub(crate) struct List {
    pub(crate) name: String,
    /// The URL from which the list was fetched.
    pub(crate) uri: String,
    pub(crate) jwt: String,
    pub(crate) expect: Expect,
    /// Some indexes and their statuses.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) statuses: BTreeMap<u64, u8>,
}
