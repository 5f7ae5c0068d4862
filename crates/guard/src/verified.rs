//! The result of verifying a token: its claims and its subject.

use std::sync::Arc;

use countersign_jose::{AccessTokenClaims, Subject};
use uuid::Uuid;

use crate::{Denied, Reason, Scopes};

/// A token whose signature and claims are valid and which was not revoked. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct VerifiedToken {
    scopes: Scopes,
    claims: Arc<AccessTokenClaims>,
}

/// The user of a request, according to the verified token. Cloning is cheap.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct VerifiedUser {
    /// The account's id (`sub`).
    pub id: Uuid,
    /// The session's id (`sid`), if the token belongs to one.
    pub session: Option<Uuid>,
    /// The granted scopes.
    pub scopes: Scopes,
    /// All claims of the token.
    pub claims: Arc<AccessTokenClaims>,
}

/// The client that calls on its own behalf, according to the verified token. Cloning is cheap.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct VerifiedClient {
    /// The client's id (`sub` and `client_id`), which is never a UUID.
    pub id: String,
    /// The granted scopes.
    pub scopes: Scopes,
    /// All claims of the token.
    pub claims: Arc<AccessTokenClaims>,
}

/// The caller: a user, or a client on its own behalf. Cloning is cheap.
#[derive(Clone, Debug)]
pub enum Caller {
    /// A user, through any client.
    User(VerifiedUser),
    /// A client without a user, such as a cron job.
    Client(VerifiedClient),
}

impl VerifiedToken {
    /// Returns the subject of the token: a user's account, or a client that acts for itself.
    pub fn subject(&self) -> &Subject {
        &self.claims.sub
    }

    /// Returns the client that the token was issued to.
    pub fn client_id(&self) -> &str {
        &self.claims.client_id
    }

    /// Returns the session's id (`sid`), if the token belongs to one. A client's never does.
    pub fn session(&self) -> Option<Uuid> {
        self.claims.sid
    }

    /// Returns the granted scopes.
    pub fn scopes(&self) -> &Scopes {
        &self.scopes
    }

    /// Returns all claims of the token.
    pub fn claims(&self) -> &AccessTokenClaims {
        &self.claims
    }

    /// Returns the user of the token.
    ///
    /// # Errors
    /// [`Denied`] with [`Reason::UserRequired`] (403) if the token is a client's.
    pub fn require_user(&self) -> Result<VerifiedUser, Denied> {
        match self.caller() {
            Caller::User(user) => Ok(user),
            Caller::Client(client) => Err(denied(&client.claims, Reason::UserRequired)),
        }
    }

    /// Returns who calls: the user, or the client of a client's token.
    pub fn caller(&self) -> Caller {
        let (scopes, claims) = (self.scopes.clone(), Arc::clone(&self.claims));
        match self.subject().account() {
            Some(id) => Caller::User(VerifiedUser {
                id,
                session: self.session(),
                scopes,
                claims,
            }),
            None => Caller::Client(VerifiedClient {
                id: self.client_id().to_owned(),
                scopes,
                claims,
            }),
        }
    }

    /// Returns an error (403 `insufficient_scope`) unless the token has `scope`.
    ///
    /// # Errors
    /// [`Denied`] with [`Reason::MissingScope`].
    pub fn require_scope(&self, scope: &str) -> Result<(), Denied> {
        demand(&self.scopes, &self.claims, scope)
    }

    pub(crate) fn new(claims: AccessTokenClaims) -> Self {
        // A scope signed by the issuer is granted as it is.
        let scopes = claims
            .scope
            .iter()
            .flat_map(|scope| scope.split(' '))
            .filter(|scope| !scope.is_empty());
        Self {
            scopes: scopes.map(str::to_owned).collect(),
            claims: Arc::new(claims),
        }
    }
}

impl VerifiedUser {
    /// Returns the user's email address (`email`), if the issuer includes it in its tokens. It may belong to someone else
    /// unless [`email_verified`](Self::email_verified) is `Some(true)`.
    pub fn email(&self) -> Option<&str> {
        self.claims.email.as_deref()
    }

    /// Returns whether the user has shown control of the email address (`email_verified`), if the issuer includes it in its
    /// tokens.
    pub fn email_verified(&self) -> Option<bool> {
        self.claims.email_verified
    }

    /// Returns the name that the user has given (`name`), if there is one and the issuer includes it in its tokens. It
    /// is not an identifier; escape it before you display it.
    pub fn name(&self) -> Option<&str> {
        self.claims.name.as_deref()
    }

    /// Returns an error (403 `insufficient_scope`) unless the token has `scope`.
    ///
    /// # Errors
    /// [`Denied`] with [`Reason::MissingScope`].
    pub fn require_scope(&self, scope: &str) -> Result<(), Denied> {
        demand(&self.scopes, &self.claims, scope)
    }
}

impl Caller {
    /// Returns the user; `None` for a client on its own behalf.
    pub fn user(&self) -> Option<&VerifiedUser> {
        match self {
            Self::User(user) => Some(user),
            Self::Client(_) => None,
        }
    }

    /// Returns the granted scopes.
    pub fn scopes(&self) -> &Scopes {
        match self {
            Self::User(user) => &user.scopes,
            Self::Client(client) => &client.scopes,
        }
    }

    /// Returns all claims of the token.
    pub fn claims(&self) -> &AccessTokenClaims {
        match self {
            Self::User(user) => &user.claims,
            Self::Client(client) => &client.claims,
        }
    }

    /// Returns an error (403 `insufficient_scope`) unless the token has `scope`.
    ///
    /// # Errors
    /// [`Denied`] with [`Reason::MissingScope`].
    pub fn require_scope(&self, scope: &str) -> Result<(), Denied> {
        demand(self.scopes(), self.claims(), scope)
    }
}

fn demand(scopes: &Scopes, claims: &AccessTokenClaims, scope: &str) -> Result<(), Denied> {
    match scopes.contains(scope) {
        true => Ok(()),
        false => Err(denied(claims, Reason::MissingScope(scope.to_owned()))),
    }
}

fn denied(claims: &AccessTokenClaims, reason: Reason) -> Denied {
    Denied::new(&claims.iss, reason)
}
