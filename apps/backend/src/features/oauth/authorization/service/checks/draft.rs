//! A request while it is being checked.

use countersign_guard::Scopes;
use countersign_jose::IdTokenHint;
use countersign_oauth::{
    ClaimsRequest, CodeChallenge, Doubled, ErrorCode, OauthError, Parameters, Prompts, ResponseMode,
};
use uuid::Uuid;

use crate::features::oauth::apis::Api;
use crate::features::oauth::authorization::request::{AnswerTo, Audience, AuthorizationRequest};
use crate::features::oauth::clients::Client;

/// What the checks know besides the parameters. It is read before them, so that they are pure functions.
pub struct Facts<'f> {
    /// The identifier of the userinfo endpoint as an audience.
    pub userinfo: &'f str,
    /// The client, unless it is unknown or disabled.
    pub client: Option<&'f Client>,
    pub apis: &'f [Api],
    /// What `id_token_hint` says, if we signed it.
    pub hint: Option<&'f IdTokenHint>,
}

/// A request while it is being checked: its parameters, and what the checks so far have read of them.
pub struct Draft<'f> {
    pub parameters: &'f Parameters,
    pub facts: Facts<'f>,
    pub redirect_uri: String,
    /// Whether the redirect URI is a native application's, which is opened only by a click.
    pub native: bool,
    pub mode: ResponseMode,
    /// The scopes that the client may ask for.
    pub scopes: Scopes,
    pub audiences: Vec<Audience>,
    pub nonce: Option<String>,
    pub challenge: Option<CodeChallenge>,
    pub prompts: Prompts,
    pub max_age: Option<u32>,
    pub claims: Option<ClaimsRequest>,
    pub login_hint: Option<String>,
    pub ui_locales: Option<String>,
    pub subject: Option<Uuid>,
}

impl<'f> Draft<'f> {
    pub fn new(parameters: &'f Parameters, facts: Facts<'f>) -> Self {
        Self {
            parameters,
            facts,
            redirect_uri: String::new(),
            native: false,
            mode: ResponseMode::Query,
            scopes: Scopes::default(),
            audiences: Vec::new(),
            nonce: None,
            challenge: None,
            prompts: Prompts::default(),
            max_age: None,
            claims: None,
            login_hint: None,
            ui_locales: None,
            subject: None,
        }
    }

    /// Returns the client. The check `client` has made sure that there is one.
    ///
    /// # Errors
    /// There is none.
    pub fn client(&self) -> Result<&'f Client, OauthError> {
        self.facts
            .client
            .ok_or_else(|| invalid("no enabled client has this client_id"))
    }

    /// Returns a parameter. An empty one counts as left out (RFC 6749 §3.1).
    ///
    /// # Errors
    /// It was sent more than once.
    pub fn one(&self, name: &'static str) -> Result<Option<&'f str>, OauthError> {
        self.parameters.one(name).map_err(|Doubled(_)| doubled())
    }

    /// Returns the parameter `state`, unless it was sent twice or has control characters.
    pub fn state(&self) -> Option<&'f str> {
        let state = self.one("state").ok().flatten()?;
        (!state.chars().any(char::is_control)).then_some(state)
    }

    /// Returns where the client is answered.
    pub fn answer_to(&self) -> AnswerTo {
        AnswerTo {
            redirect_uri: self.redirect_uri.clone(),
            native: self.native,
            mode: self.mode,
            state: self.state().map(str::to_owned),
        }
    }

    /// Returns the request after all checks.
    pub fn finish(self) -> AuthorizationRequest {
        AuthorizationRequest {
            answer_to: self.answer_to(),
            audiences: self.audiences,
            nonce: self.nonce,
            challenge: self.challenge,
            prompts: self.prompts,
            max_age: self.max_age,
            claims: self.claims,
            login_hint: self.login_hint,
            ui_locales: self.ui_locales,
            subject: self.subject,
        }
    }
}

/// An `invalid_request` with this description.
pub fn invalid(description: &'static str) -> OauthError {
    error(ErrorCode::InvalidRequest, description)
}

pub fn error(code: ErrorCode, description: &'static str) -> OauthError {
    OauthError::new(code, description)
}

/// The error for a parameter that was sent more than once.
pub fn doubled() -> OauthError {
    invalid("a parameter was sent more than once")
}
