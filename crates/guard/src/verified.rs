//! What a guard gives for a good token: what it says, and whom it is about.

use std::sync::Arc;

use countersign_jose::{AccessTokenClaims, Subject};
use uuid::Uuid;

use crate::{Denied, Reason, Scopes};

/// A token whose signature and claims hold, and which was not taken back. Cloning it is cheap.
#[derive(Clone, Debug)]
pub struct VerifiedToken {
    scopes: Scopes,
    claims: Arc<AccessTokenClaims>,
}

/// The person who sent a request, as the verified token says. Cloning it is cheap.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct VerifiedUser {
    /// The account's id (`sub`).
    pub id: Uuid,
    /// The session's id (`sid`), if the token belongs to one.
    pub session: Option<Uuid>,
    /// The scopes that were granted.
    pub scopes: Scopes,
    /// All claims of the token.
    pub claims: Arc<AccessTokenClaims>,
}

impl VerifiedToken {
    /// Whom the token is about: a person's account, or a client that acts for itself.
    pub fn subject(&self) -> &Subject {
        &self.claims.sub
    }

    /// The client that the token was issued to.
    pub fn client_id(&self) -> &str {
        &self.claims.client_id
    }

    /// The session's id (`sid`), if the token belongs to one. A client's never does.
    pub fn session(&self) -> Option<Uuid> {
        self.claims.sid
    }

    /// The scopes that were granted.
    pub fn scopes(&self) -> &Scopes {
        &self.scopes
    }

    /// All claims of the token.
    pub fn claims(&self) -> &AccessTokenClaims {
        &self.claims
    }

    /// The person whom the token is about.
    ///
    /// # Errors
    /// [`Denied`] with [`Reason::UserRequired`] (403) if it is about a client.
    pub fn require_user(&self) -> Result<VerifiedUser, Denied> {
        match self.subject().account() {
            Some(id) => Ok(VerifiedUser {
                id,
                session: self.session(),
                scopes: self.scopes.clone(),
                claims: Arc::clone(&self.claims),
            }),
            None => Err(denied(&self.claims, Reason::UserRequired)),
        }
    }

    /// Refuses with 403 `insufficient_scope` unless the token carries `scope`.
    ///
    /// # Errors
    /// [`Denied`] with [`Reason::MissingScope`].
    pub fn require_scope(&self, scope: &str) -> Result<(), Denied> {
        demand(&self.scopes, &self.claims, scope)
    }

    pub(crate) fn new(claims: AccessTokenClaims) -> Self {
        // A scope that the issuer signed is granted as it stands.
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
    /// Refuses with 403 `insufficient_scope` unless the token carries `scope`.
    ///
    /// # Errors
    /// [`Denied`] with [`Reason::MissingScope`].
    pub fn require_scope(&self, scope: &str) -> Result<(), Denied> {
        demand(&self.scopes, &self.claims, scope)
    }
}

fn demand(scopes: &Scopes, claims: &AccessTokenClaims, scope: &str) -> Result<(), Denied> {
    match scopes.contains(scope) {
        true => Ok(()),
        false => Err(denied(claims, Reason::MissingScope(scope.to_owned()))),
    }
}

fn denied(claims: &AccessTokenClaims, reason: Reason) -> Denied {
    Denied {
        realm: claims.iss.clone(),
        reason,
    }
}
