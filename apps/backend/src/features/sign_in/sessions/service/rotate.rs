//! Rotation of refresh tokens and detection of their reuse.
//! A refresh token is spent once. Spending it twice revokes its session, unless the client repeats a request whose response
//! was lost: within the replay window, while the successor is unused, it gets the same successor again. The successor is
//! derived again; it is not stored.

use std::time::Duration;

use countersign_guard::Scopes;
use countersign_store::StoreError;

use super::Sessions;
use super::active::find_active;
use super::end::{end, end_grant_returning_account};
use super::tokens::Tokens;
use crate::core::caller::Caller;
use crate::core::first_party::FIRST_PARTY_CLIENT;
use crate::core::limits::{Exceeded, Key, Policy};
use crate::core::metrics::RefreshOutcome;
use crate::core::request_info::RequestInfo;
use crate::features::identity::accounts;
use crate::features::operations::audit::{Event, EventKind};
use crate::features::operations::keys::IssueError;
use crate::features::sign_in::sessions::refresh_token::{FamilyToken, Kind, RefreshToken, SpenderHash};
use crate::features::sign_in::sessions::store::{self, Presented, Rotation, Session};

/// How often to retry spending a current token that was not spent because another change of its session interfered.
const ATTEMPTS: usize = 5;

/// Why a refresh failed.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// The token is unknown, expired or spent, or its family was revoked. Clients cannot tell which.
    #[error("invalid refresh token")]
    Invalid,
    /// The token had been spent before; its family has been revoked.
    #[error("a refresh token was used a second time")]
    Reused,
    /// The token belongs to another client; its family has been revoked.
    #[error("a refresh token was used by another client")]
    ForeignClient,
    /// Too many refreshes from this network.
    #[error("too many refreshes")]
    Limited(Exceeded),
    /// The access token could not be signed.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl RefreshError {
    /// Returns the outcome for the metrics.
    pub fn outcome(&self) -> RefreshOutcome {
        match self {
            Self::Invalid => RefreshOutcome::Invalid,
            Self::Reused | Self::ForeignClient => RefreshOutcome::Reused,
            Self::Limited(_) => RefreshOutcome::Limited,
            Self::Issue(_) | Self::Store(_) => RefreshOutcome::Failed,
        }
    }
}

/// The client that presents a refresh token, and how it uses it.
pub(super) struct By<'a> {
    pub client_id: &'a str,
    /// Whether a use spends the token and returns its successor.
    pub rotates: bool,
    /// How long the session lasts without a refresh.
    pub idle_ttl: Duration,
}

/// The state of a token that could not be used.
enum Step<K> {
    /// It is current: its session was changed concurrently, and it may still be spent.
    Spendable,
    /// It was just spent, and its successor may be returned again.
    Replay(Box<Replay<K>>),
    /// It belongs to this family, was spent, and the request is not a valid repetition.
    Reuse,
    /// It belongs to a client other than the one that presents it.
    Foreign,
    /// It was never valid, or no longer is.
    Invalid,
}

/// A repetition within the replay window.
struct Replay<K> {
    session: Session,
    successor: FamilyToken<K>,
    /// Where the token was spent.
    spent: Option<SpenderHash>,
}

/// The session of a used token, and the next token unless the client keeps its token.
type Used<K> = (Session, Option<FamilyToken<K>>);

impl Sessions {
    /// Exchanges a refresh token of our own API for the next one of its family.
    ///
    /// # Errors
    /// [`RefreshError`]. Responses must not distinguish `Invalid` and `Reused`.
    pub async fn rotate(&self, presented: &RefreshToken, caller: &Caller) -> Result<Tokens, RefreshError> {
        let mut reserved = self.platform.limits.reserve();
        if let Some(prefix) = caller.request.prefix() {
            let key = Key::of(Policy::RefreshPerAddress).address(prefix);
            let rate = key.rate(&self.platform.settings.limits);
            reserved.spend(key, rate).await.map_err(RefreshError::Limited)?;
            reserved.began().now();
        }
        let rotated = self.rotate_first_party(presented, caller).await;
        match &rotated {
            // The server failed and the response revealed nothing, so the attempt does not count.
            Err(RefreshError::Issue(_) | RefreshError::Store(_)) => reserved.give_back().await,
            _ => reserved.count(),
        }
        rotated
    }

    async fn rotate_first_party(&self, presented: &RefreshToken, caller: &Caller) -> Result<Tokens, RefreshError> {
        let by = By {
            client_id: FIRST_PARTY_CLIENT,
            rotates: true,
            idle_ttl: self.platform.settings.tokens.refresh_idle_ttl,
        };
        let (session, successor) = self.exchange(presented, &by, caller).await?;
        // A rotation always has a successor.
        let successor = successor.ok_or(RefreshError::Invalid)?;
        self.renewed(session, successor).await
    }

    /// Uses a refresh token of a client.
    pub(super) async fn exchange<K: Kind>(
        &self,
        presented: &FamilyToken<K>,
        by: &By<'_>,
        caller: &Caller,
    ) -> Result<Used<K>, RefreshError> {
        for _ in 0..ATTEMPTS {
            if let Some((session, successor)) = self.spend(presented, by, &caller.request).await? {
                fail::fail_point!("rotate::spent");
                return Ok((session, successor));
            }
            // Boxed because it is rare and large.
            if let Some(used) = Box::pin(self.repeated(presented, by, caller)).await? {
                return Ok(used);
            }
        }
        Err(StoreError::Conflict.into())
    }

    /// Uses the token if it is the current one of an active session of this client, which is enabled. This is one statement: if
    /// a revocation comes first, nothing is spent; if it comes later, it ends the successor too.
    async fn spend<K: Kind>(
        &self,
        presented: &FamilyToken<K>,
        by: &By<'_>,
        request: &RequestInfo,
    ) -> Result<Option<Used<K>>, StoreError> {
        let now = self.platform.clock.now();
        let token = Presented {
            session: presented.session(),
            family_hash: presented.family_hash(),
            presented: presented.hash(),
            client_id: by.client_id,
            now,
            idle_end: now + by.idle_ttl,
        };
        let (used, successor) = if by.rotates {
            let successor = presented.successor(&self.platform.sealing);
            let rotation = Rotation {
                token,
                successor: successor.hash(),
                from: spender(presented, request),
            };
            (store::rotate(&self.platform.db, &rotation).await, Some(successor))
        } else {
            (store::reuse(&self.platform.db, &token).await, None)
        };
        match used {
            // With serializable isolation, one of two concurrent statements fails instead of finding no row.
            Err(StoreError::Conflict) => Ok(None),
            used => Ok(used?.map(|session| (session, successor))),
        }
    }

    /// Handles a token that was not spent: returns the tokens of a valid repetition, or `None` if it may still be spent.
    async fn repeated<K: Kind>(
        &self,
        presented: &FamilyToken<K>,
        by: &By<'_>,
        caller: &Caller,
    ) -> Result<Option<Used<K>>, RefreshError> {
        match self.look(presented, by).await? {
            Step::Spendable => Ok(None),
            Step::Replay(replay) => {
                // The rotation that this response relies on must be on disk before the response is sent.
                self.platform.db.settled().await?;
                self.record_if_from_elsewhere(presented, &replay, caller).await?;
                Ok(Some((replay.session, Some(replay.successor))))
            }
            Step::Reuse => Err(self
                .revoke_family(presented, EventKind::RefreshReused, by, caller)
                .await?),
            Step::Foreign => Err(self
                .revoke_family(presented, EventKind::RefreshForeignClient, by, caller)
                .await?),
            Step::Invalid => Err(RefreshError::Invalid),
        }
    }

    async fn look<K: Kind>(&self, presented: &FamilyToken<K>, by: &By<'_>) -> Result<Step<K>, StoreError> {
        let now = self.platform.clock.now();
        let Some(family) = store::find_family(&self.platform.db, presented.session()).await? else {
            return Ok(Step::Invalid);
        };
        // Session ids are not secret. Without the family secret, a client learns nothing and ends nothing.
        if !presented.is_of(family.family_hash) || family.refresh_expires_at <= now {
            return Ok(Step::Invalid);
        }
        let Some(session) = find_active(&self.platform.db, presented.session(), now).await? else {
            return Ok(Step::Invalid);
        };
        // RFC 6749 §10.4: a refresh token is bound to its client. Whatever its state, another client must not have it.
        if family.client_id != by.client_id {
            return Ok(Step::Foreign);
        }
        if family.refresh_hash == presented.hash() {
            return Ok(Step::Spendable);
        }
        let window = self.platform.settings.tokens.refresh_replay_window;
        let is_repetition = family.previous_hash == Some(presented.hash())
            && family.rotated_at.is_some_and(|rotated_at| now < rotated_at + window);
        if !is_repetition {
            return Ok(Step::Reuse);
        }
        let Some(successor) = presented.successor_with(family.refresh_hash, &self.platform.sealing) else {
            // This says nothing about the client, so no session is ended.
            tracing::error!(
                session = %session.id,
                "a refresh token was rotated with a sealing key that this server does not have; check that all \
                 nodes share the same keys"
            );
            return Ok(Step::Invalid);
        };
        Ok(Step::Replay(Box::new(Replay {
            session,
            successor,
            spent: family.rotated_from,
        })))
    }

    /// Returns the tokens of a session whose refresh token has been rotated.
    async fn renewed(&self, session: Session, refresh_token: RefreshToken) -> Result<Tokens, RefreshError> {
        let session = self.narrowed(session).await?;
        let ttl = self.platform.settings.tokens.access_ttl;
        Ok(self.issue(&session, refresh_token, ttl).await?)
    }

    /// Returns the session without the scopes that its account no longer has.
    pub async fn narrowed(&self, session: Session) -> Result<Session, StoreError> {
        if session.scope.is_empty() {
            return Ok(session);
        }
        let granted: Scopes = session.scope.split(' ').map(str::to_owned).collect();
        let owned = accounts::scopes(&self.platform.db, session.account_id).await?;
        Ok(Session {
            scope: granted.intersection(&owned).to_string(),
            ..session
        })
    }

    /// Records a repetition from another network or device than the one where the token was spent. It may come from a
    /// thief, but it is served, because a phone may change networks between two attempts.
    async fn record_if_from_elsewhere<K: Kind>(
        &self,
        presented: &FamilyToken<K>,
        replay: &Replay<K>,
        caller: &Caller,
    ) -> Result<(), StoreError> {
        let Some(spent) = replay.spent else { return Ok(()) };
        let now = spender(presented, &caller.request);
        let detail = match (spent.is_same_network(now), spent.is_same_device(now)) {
            (true, true) => return Ok(()),
            (false, true) => "from another network",
            (true, false) => "from another device",
            (false, false) => "from another network and device",
        };
        self.platform
            .db
            .transact(|tx| {
                Box::pin(async move {
                    let event = Event::new(EventKind::RefreshReplayed, replay.session.account_id, caller)
                        .session(replay.session.id)
                        .detail(detail);
                    self.audit.record(tx, event).await
                })
            })
            .await
    }

    /// Revokes the session. RFC 9700 §4.14.2: if a spent token is presented again, one of its two holders is a thief. So is
    /// one of two clients that hold the same token.
    async fn revoke_family<K: Kind>(
        &self,
        presented: &FamilyToken<K>,
        why: EventKind,
        by: &By<'_>,
        caller: &Caller,
    ) -> Result<RefreshError, StoreError> {
        let session = presented.session();
        let now = self.platform.clock.now();
        self.revocations
            .transact(|tx| {
                Box::pin(async move {
                    let ended = match K::OF_GRANTS {
                        true => end_grant_returning_account(tx, session, now).await?,
                        false => end(tx, session, None, now).await?,
                    };
                    let Some(account) = ended else {
                        return Ok(RefreshError::Invalid);
                    };
                    let mut event = Event::new(why, account, caller).session(session).refused();
                    if K::OF_GRANTS {
                        event = event.detail(by.client_id);
                    }
                    self.audit.record(tx, event).await?;
                    Ok(match why {
                        EventKind::RefreshForeignClient => RefreshError::ForeignClient,
                        _ => RefreshError::Reused,
                    })
                })
            })
            .await
    }
}

fn spender<K: Kind>(presented: &FamilyToken<K>, request: &RequestInfo) -> SpenderHash {
    let network = request.prefix().map_or_else(String::new, |prefix| prefix.to_string());
    presented.spent_at(&network, request.user_agent.as_deref().unwrap_or_default())
}
