//! A checked authorization request, as stored until it is answered.

use std::collections::BTreeSet;
use std::str::FromStr;

use countersign_guard::Scopes;
use countersign_oauth::{ClaimsRequest, CodeChallenge, Prompts, ResponseMode};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A request whose parameters have passed every check. It is stored as JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AuthorizationRequest {
    /// Where and how the client is answered.
    pub answer_to: AnswerTo,
    /// What is asked for, per audience. An OpenID request has that of the userinfo endpoint.
    pub audiences: Vec<Audience>,
    pub nonce: Option<String>,
    /// RFC 7636, of method S256.
    pub challenge: Option<CodeChallenge>,
    pub prompts: Prompts,
    /// The maximum age of the authentication in seconds, also that of the client's `default_max_age`.
    pub max_age: Option<u32>,
    pub claims: Option<ClaimsRequest>,
    /// The email address that the client expects (`login_hint`). It only prefills the sign-in form.
    pub login_hint: Option<String>,
    pub ui_locales: Option<String>,
    /// The account of `id_token_hint`: no other account may answer.
    pub subject: Option<Uuid>,
}

/// Where and how a client is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerTo {
    pub redirect_uri: String,
    /// Whether the redirect URI is a native application's, which is opened only by a click: a custom scheme, or the loopback
    /// address of a public client.
    pub native: bool,
    pub mode: ResponseMode,
    /// Returned unchanged.
    pub state: Option<String>,
}

/// What is asked for at one audience: the userinfo endpoint, or an API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audience {
    /// The registered spelling.
    pub identifier: String,
    /// Whether the client named it as `resource`, or it stands for a `resource` that was left out. The userinfo endpoint is
    /// in every OpenID request, named or not.
    pub named: bool,
    pub scopes: ScopeNames,
    /// The scopes of claims that are asked for by name (OpenID Connect Core §5.5). The user consents to them as well, but the
    /// client does not get the rest of their claims.
    #[serde(default)]
    pub by_name: ScopeNames,
}

/// A set of scopes in JSON: their names, separated by spaces.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ScopeNames(pub Scopes);

impl TryFrom<String> for ScopeNames {
    type Error = <Scopes as FromStr>::Err;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Self)
    }
}

impl From<ScopeNames> for String {
    fn from(ScopeNames(scopes): ScopeNames) -> Self {
        scopes.to_string()
    }
}

/// The scope of an OpenID request (OpenID Connect Core §3.1.2.1).
pub const OPENID: &str = "openid";
/// The scope of a grant that survives the sign-out (OpenID Connect Core §11).
pub const OFFLINE_ACCESS: &str = "offline_access";

impl Audience {
    /// Returns what the user consents to.
    pub fn consented(&self) -> Scopes {
        union([&self.scopes.0, &self.by_name.0].into_iter())
    }
}

impl AuthorizationRequest {
    /// Returns all scopes, of all audiences.
    pub fn scopes(&self) -> Scopes {
        union(self.audiences.iter().map(|audience| &audience.scopes.0))
    }
}

/// Returns the scopes that are in any of the sets.
pub fn union<'s>(sets: impl Iterator<Item = &'s Scopes>) -> Scopes {
    let names: BTreeSet<String> = sets.flat_map(|set| set.iter().map(str::to_owned)).collect();
    names.into_iter().collect()
}

/// Returns the scopes of a set that satisfy a condition.
pub fn filtered(scopes: &Scopes, keep: impl Fn(&str) -> bool) -> Scopes {
    scopes.iter().filter(|scope| keep(scope)).map(str::to_owned).collect()
}
