//! The exchange of a code for a grant (RFC 6749 §4.1.3), without its tokens.

use std::time::Duration;

use countersign_guard::Scopes;
use countersign_oauth::{ClaimsRequest, CodeChallenge, GrantType};
use countersign_store::StoreError;

use super::Authorization;
use super::issue::GrantParameters;
use crate::core::caller::Caller;
use crate::core::ids::AccountId;
use crate::core::language::Language;
use crate::core::request_info::RequestInfo;
use crate::features::identity::accounts;
use crate::features::oauth::authorization::access::{are_given, is_covered};
use crate::features::oauth::authorization::code::{AuthorizationCode, CodeHash};
use crate::features::oauth::authorization::request::union;
use crate::features::oauth::authorization::store::codes::{self, CodeRow, inconsistent};
use crate::features::oauth::authorization::target::{TargetError, TargetOf};
use crate::features::oauth::clients::{self, Client};
use crate::features::oauth::consents;
use crate::features::operations::audit::{Event, EventKind};
use crate::features::sign_in::revocation::{Bit, Reach};
use crate::features::sign_in::sessions::{self, GrantToken, NewGrant, Session};

/// Why a code that does not exist is not exchanged, and one of another client.
const UNKNOWN: &str = "the code is unknown";

/// What a client presents.
pub struct Redemption<'r> {
    /// The code as it was sent.
    pub code: &'r str,
    /// The client, which has been authenticated.
    pub client: &'r Client,
    pub redirect_uri: Option<&'r str>,
    pub code_verifier: Option<&'r str>,
    pub resource: Option<&'r str>,
}

/// A code that can be exchanged as it was presented, and that has not been spent yet.
pub struct PresentedCode {
    hash: CodeHash,
    row: CodeRow,
    grant: GrantParameters,
}

impl PresentedCode {
    /// Returns the account of the user.
    pub fn account(&self) -> AccountId {
        self.row.account_id
    }

    /// Returns all scopes that the user has granted.
    pub fn scopes(&self) -> Scopes {
        union(self.grant.audiences.iter().map(|audience| &audience.scopes.0))
    }

    /// Returns the identifiers of the APIs that the client named, or what stands for them.
    pub fn resources(&self) -> Vec<&str> {
        let named = self.grant.audiences.iter().filter(|audience| audience.named);
        named.map(|audience| audience.identifier.as_str()).collect()
    }

    /// Returns the `claims` of the authorization request (OpenID Connect Core §5.5).
    pub fn claims(&self) -> Option<&ClaimsRequest> {
        self.grant.claims.as_ref()
    }
}

/// A new grant.
pub struct Redeemed {
    pub session: Session,
    /// Its first refresh token, if the client gets one.
    pub refresh_token: Option<GrantToken>,
    /// For the ID token.
    pub nonce: Option<String>,
}

/// Why a code is not exchanged. Clients can distinguish only the first two.
#[derive(Debug, thiserror::Error)]
pub enum RedeemError {
    /// `invalid_grant`, with what is wrong.
    #[error("{0}")]
    InvalidGrant(&'static str),
    /// `invalid_target`, with what is wrong.
    #[error("{0}")]
    InvalidTarget(&'static str),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What became of an attempt to spend a code.
enum Spending {
    Spent(Box<Session>),
    /// Another request was faster.
    Lost,
}

use RedeemError::InvalidGrant;

impl From<TargetError> for RedeemError {
    fn from(error: TargetError) -> Self {
        match error {
            TargetError::Invalid(reason) => Self::InvalidTarget(reason),
            TargetError::Store(error) => Self::Store(error),
        }
    }
}

impl Authorization {
    /// Looks at a code that is presented, without spending it. A code that was spent before ends its grant (RFC 9700 §4.5).
    ///
    /// # Errors
    /// [`RedeemError`].
    pub async fn present(&self, redemption: &Redemption<'_>, caller: &Caller) -> Result<PresentedCode, RedeemError> {
        let Ok(code) = redemption.code.parse::<AuthorizationCode>() else {
            return Err(InvalidGrant(UNKNOWN));
        };
        let hash = code.hash();
        let Some(row) = codes::find(&self.platform.db, hash).await? else {
            return Err(InvalidGrant(UNKNOWN));
        };
        let reused = match row.spent_at {
            Some(_) => Some(self.reused(&row, caller).await?),
            None => None,
        };
        // Another client does not learn that there is such a code. RFC 6749 §4.1.2: its grant ended all the same.
        if row.client_id != redemption.client.client_id {
            return Err(InvalidGrant(UNKNOWN));
        }
        if let Some(reused) = reused {
            return Err(reused);
        }
        let grant = grant_of(&row)?;
        self.check_presented(&row, redemption)?;
        Ok(PresentedCode { hash, row, grant })
    }

    /// Exchanges a code for a grant, once. If that fails, the code is not spent. The caller has already read everything
    /// that it needs for its response, so that a fault afterwards costs no grant.
    ///
    /// # Errors
    /// [`RedeemError`].
    pub async fn redeem(
        &self,
        code: PresentedCode,
        redemption: &Redemption<'_>,
        caller: &Caller,
    ) -> Result<Redeemed, RedeemError> {
        fail::fail_point!("authorization::redeem");
        // Not in the transaction, because these may write.
        let refreshes = redemption
            .client
            .metadata
            .grant_types
            .contains(&GrantType::RefreshToken);
        let reach = match refreshes {
            true => Reach::Session,
            false => Reach::AccessToken,
        };
        let bit = self.revocations.allocate_for(reach).await?;
        let refresh_token = refreshes.then(|| self.sessions.first_grant_token());
        match self
            .spend(&code, redemption.resource, bit, refresh_token.as_ref())
            .await?
        {
            Spending::Spent(session) => Ok(Redeemed {
                session: *session,
                refresh_token,
                nonce: code.grant.nonce,
            }),
            Spending::Lost => match codes::find(&self.platform.db, code.hash).await? {
                // The winner has committed, so this was a second use.
                Some(row) if row.spent_at.is_some() => Err(self.reused(&row, caller).await?),
                _ => Err(InvalidGrant("the code has expired")),
            },
        }
    }

    /// Compares what is presented with what the code was issued for. A wrong presentation leaves the code valid: no one can
    /// guess a verifier in its minute.
    fn check_presented(&self, row: &CodeRow, presented: &Redemption<'_>) -> Result<(), RedeemError> {
        if row.expires_at <= self.platform.clock.now() {
            return Err(InvalidGrant("the code has expired"));
        }
        if presented.redirect_uri != Some(&row.redirect_uri) {
            return Err(InvalidGrant("redirect_uri does not match the authorization request"));
        }
        match (&row.challenge, presented.code_verifier) {
            (Some(challenge), Some(verifier)) => {
                let challenge: CodeChallenge = challenge.parse().map_err(|_| inconsistent("challenge"))?;
                if !challenge.verify(verifier) {
                    return Err(InvalidGrant("code_verifier does not match the code_challenge"));
                }
            }
            (Some(_), None) => return Err(InvalidGrant("code_verifier is missing")),
            // RFC 9700 §4.8.2: otherwise an attacker could strip the challenge from the request.
            (None, Some(_)) => return Err(InvalidGrant("the authorization request had no code_challenge")),
            (None, None) => {}
        }
        Ok(())
    }

    /// Spends the code and opens the grant in one transaction, which checks everything again.
    async fn spend(
        &self,
        code: &PresentedCode,
        resource: Option<&str>,
        bit: Bit,
        refresh_token: Option<&GrantToken>,
    ) -> Result<Spending, RedeemError> {
        let PresentedCode { hash, row, grant } = code;
        let hash = *hash;
        let now = self.platform.clock.now();
        let id = self.sessions.new_grant_id(refresh_token);
        let request = &RequestInfo {
            address: grant.address,
            user_agent: grant.user_agent.clone(),
            language: grant.language.parse().unwrap_or_else(|_| Language::default()),
            ..RequestInfo::local("token")
        };
        let (scopes, resources) = (&code.scopes(), &code.resources());
        let claims = grant.claims.as_ref().map(serde_json::to_string).transpose();
        let claims = &claims.map_err(|_| inconsistent("grant_of"))?;
        self.revocations
            .transact(|tx| {
                Box::pin(async move {
                    if !codes::spend(tx, hash, id, now).await? {
                        return Ok(Spending::Lost);
                    }
                    // A transaction that disables the client or the account, withdraws the consent or ends the session
                    // either commits before this one, so that no grant is opened, or waits for it and then sees the
                    // grant.
                    let Some(client) = clients::may_use(&mut *tx, &row.client_id).await? else {
                        return Err(InvalidGrant("the client is disabled"));
                    };
                    // A code that was issued before the client was disabled stays void once it is enabled again, and so does
                    // one from before an operator revoked the grants of the client.
                    if client.epoch != grant.client_epoch {
                        return Err(InvalidGrant("the client was disabled, or its grants were revoked"));
                    }
                    if client.metadata.redirect_uri(&row.redirect_uri).is_none() {
                        return Err(InvalidGrant("redirect_uri is no longer registered for this client"));
                    }
                    // The first token was prepared before the transaction. Its target must still be there.
                    let target = TargetOf {
                        client: &client,
                        userinfo: &self.userinfo(),
                        scopes,
                        granted: resources.clone(),
                        resource,
                    };
                    target.find(&mut *tx).await?;
                    let Some(versions) = accounts::may_sign_in(&mut *tx, row.account_id).await? else {
                        return Err(InvalidGrant("the account is disabled"));
                    };
                    // The browser that changed the password stays signed in, but no client does.
                    if versions.session_epoch != grant.epoch {
                        return Err(InvalidGrant("all sessions of the user have ended"));
                    }
                    if !client.trusted {
                        let given = consents::find(&mut *tx, row.account_id, &row.client_id).await?;
                        if !are_given(&grant.consents, &given) || !is_covered(&grant.audiences, &given) {
                            return Err(InvalidGrant("the user has removed the application's access"));
                        }
                    }
                    let new = NewGrant {
                        id,
                        account: row.account_id,
                        versions,
                        client_id: &row.client_id,
                        parent: Some(row.parent_id),
                        bound: grant.bound,
                        grant_type: "authorization_code",
                        scopes,
                        resources,
                        claims: claims.as_deref(),
                        auth_time: row.auth_time,
                        amr: &row.amr,
                        request,
                        bit,
                        refresh_token,
                        idle_ttl: client.metadata.refresh_idle_ttl.map(Duration::from),
                        absolute_ttl: client.metadata.refresh_absolute_ttl.map(Duration::from),
                    };
                    let Some(session) = self.sessions.open_grant(tx, &new).await? else {
                        return Err(InvalidGrant("the user has signed out"));
                    };
                    Ok(Spending::Spent(Box::new(session)))
                })
            })
            .await
    }

    /// Ends the grant of a code that was presented again: one of the two who had the code is not the client.
    async fn reused(&self, row: &CodeRow, caller: &Caller) -> Result<RedeemError, StoreError> {
        let now = self.platform.clock.now();
        self.revocations
            .transact(|tx| {
                Box::pin(async move {
                    let Some(grant) = row.session_id else { return Ok(()) };
                    if !sessions::end_grant(tx, grant, now).await? {
                        return Ok(());
                    }
                    let event = Event::new(EventKind::CodeReused, row.account_id, caller).refused();
                    let event = event.session(grant).detail(&row.client_id);
                    self.audit.record(tx, event).await?;
                    Ok::<_, StoreError>(())
                })
            })
            .await?;
        Ok(InvalidGrant("the code was already used"))
    }
}

fn grant_of(row: &CodeRow) -> Result<GrantParameters, StoreError> {
    serde_json::from_str(&row.grant_of).map_err(|_| inconsistent("grant_of"))
}
