//! Rotation of refresh tokens and detection of their reuse.
//! A refresh token is spent once. Spending it twice revokes its session, unless it is the honest repetition of a request
//! whose answer was lost: within the replay window, while the successor is unused, the same successor is given again. It is
//! derived once more; nothing that could open it is stored.

use countersign_guard::Scopes;
use countersign_store::StoreError;

use super::Sessions;
use super::end::end;
use super::living::find_living;
use super::tokens::Tokens;
use crate::core::caller::Caller;
use crate::core::limits::{Exceeded, Key, Policy};
use crate::core::metrics::RefreshOutcome;
use crate::core::request_info::RequestInfo;
use crate::features::accounts;
use crate::features::audit::{Event, EventKind};
use crate::features::keys::IssueError;
use crate::features::sessions::refresh_token::{RefreshToken, SpenderHash};
use crate::features::sessions::store::{self, Rotation, Session};

/// How often it is tried to spend a token that is current and yet was not spent: something else about its session changed at
/// that moment.
const ATTEMPTS: usize = 5;

/// Why no tokens were given.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// Unknown, expired, spent, or of a dead family: from outside all the same.
    #[error("invalid refresh token")]
    Invalid,
    /// The token was spent before and has come back: its family has been revoked.
    #[error("a refresh token was used a second time")]
    Reused,
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
    /// What it is counted as.
    pub fn outcome(&self) -> RefreshOutcome {
        match self {
            Self::Invalid => RefreshOutcome::Invalid,
            Self::Reused => RefreshOutcome::Reused,
            Self::Limited(_) => RefreshOutcome::Limited,
            Self::Issue(_) | Self::Store(_) => RefreshOutcome::Failed,
        }
    }
}

/// What became of a token that could not be spent.
enum Step {
    /// It is current: something about its session has just changed, and it may be spent yet.
    Spendable,
    /// It was spent just now, and its successor may be shown again.
    Replay(Box<Replay>),
    /// It is of this family, was spent, and this is no honest repetition.
    Reuse,
    /// It was never valid, or no longer is.
    Dead,
}

/// A repetition within the window.
struct Replay {
    session: Session,
    successor: RefreshToken,
    /// Where the token was spent.
    spent: Option<SpenderHash>,
}

impl Sessions {
    /// Exchanges a refresh token for the next one of its family.
    ///
    /// # Errors
    /// [`RefreshError`]. From outside, `Invalid` and `Reused` must look the same.
    pub async fn rotate(&self, presented: &RefreshToken, caller: &Caller) -> Result<Tokens, RefreshError> {
        let mut reserved = self.platform.limits.reserve();
        if let Some(prefix) = caller.request.prefix() {
            let key = Key::of(Policy::RefreshPerAddress).address(prefix);
            let rate = key.rate(&self.platform.settings.limits);
            reserved.spend(key, rate).await.map_err(RefreshError::Limited)?;
            reserved.began().now();
        }
        let rotated = self.exchange(presented, caller).await;
        match &rotated {
            // Nobody was told anything: it was none.
            Err(RefreshError::Issue(_) | RefreshError::Store(_)) => reserved.give_back().await,
            _ => reserved.count(),
        }
        rotated
    }

    async fn exchange(&self, presented: &RefreshToken, caller: &Caller) -> Result<Tokens, RefreshError> {
        for _ in 0..ATTEMPTS {
            let successor = presented.successor(&self.platform.sealing);
            if let Some(session) = self.spend(presented, &successor, &caller.request).await? {
                fail::fail_point!("rotate::spent");
                return self.renewed(session, successor).await;
            }
            // Boxed: it is rare, and large.
            if let Some(tokens) = Box::pin(self.repeated(presented, caller)).await? {
                return Ok(tokens);
            }
        }
        Err(StoreError::Conflict.into())
    }

    /// Spends the token, if it is the current one of a living session: one statement, so a revocation comes before it and
    /// nothing is spent, or after it and the successor ends with the session.
    async fn spend(
        &self,
        presented: &RefreshToken,
        successor: &RefreshToken,
        request: &RequestInfo,
    ) -> Result<Option<Session>, StoreError> {
        let now = self.platform.clock.now();
        let rotation = Rotation {
            session: presented.session(),
            family_hash: presented.family_hash(),
            presented: presented.hash(),
            successor: successor.hash(),
            from: spender(presented, request),
            now,
            idle_end: now + self.platform.settings.tokens.refresh_idle_ttl,
        };
        match store::rotate(&self.platform.db, &rotation).await {
            // Where every statement is serializable, one of two at once is turned away instead of finding nothing.
            Err(StoreError::Conflict) => Ok(None),
            rotated => rotated,
        }
    }

    /// What a token gets that was not spent: the tokens of a repetition, or nothing if it may be spent yet.
    async fn repeated(&self, presented: &RefreshToken, caller: &Caller) -> Result<Option<Tokens>, RefreshError> {
        match self.look(presented).await? {
            Step::Spendable => Ok(None),
            Step::Replay(replay) => {
                // The spending that this answer relies on must be on the disk before the answer is.
                self.platform.db.settled().await?;
                self.record_if_from_elsewhere(presented, &replay, caller).await?;
                self.renewed(replay.session, replay.successor).await.map(Some)
            }
            Step::Reuse => Err(self.revoke_family(presented, caller).await?),
            Step::Dead => Err(RefreshError::Invalid),
        }
    }

    async fn look(&self, presented: &RefreshToken) -> Result<Step, StoreError> {
        let now = self.platform.clock.now();
        let Some(family) = store::find_family(&self.platform.db, presented.session()).await? else {
            return Ok(Step::Dead);
        };
        // An id is no secret. Without the family's, whoever asks learns nothing and ends nothing.
        if !presented.is_of(family.family_hash) || family.refresh_expires_at <= now {
            return Ok(Step::Dead);
        }
        let Some(session) = find_living(&self.platform.db, presented.session(), now).await? else {
            return Ok(Step::Dead);
        };
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
            // It tells nothing about who asks, so nobody's session ends.
            tracing::error!(
                session = %session.id,
                "a refresh token was rotated with a sealing key that this server does not have; check that all \
                 nodes share the same keys"
            );
            return Ok(Step::Dead);
        };
        Ok(Step::Replay(Box::new(Replay {
            session,
            successor,
            spent: family.rotated_from,
        })))
    }

    /// The tokens of a session whose refresh token has been rotated.
    async fn renewed(&self, session: Session, refresh_token: RefreshToken) -> Result<Tokens, RefreshError> {
        let session = self.narrowed(session).await?;
        let ttl = self.platform.settings.tokens.access_ttl;
        Ok(self.issue(&session, refresh_token, ttl).await?)
    }

    /// The session with those of its scopes that its account still owns: what was taken back is not renewed.
    async fn narrowed(&self, session: Session) -> Result<Session, StoreError> {
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

    /// An honest repetition comes from where the token was spent; a thief's hardly ever does. It is served all the same (a phone
    /// changes networks between two attempts), and leaves a trace by which it can be found.
    async fn record_if_from_elsewhere(
        &self,
        presented: &RefreshToken,
        replay: &Replay,
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

    /// RFC 9700 §4.14.2: a spent token that comes back means that one of its two holders is a thief.
    async fn revoke_family(&self, presented: &RefreshToken, caller: &Caller) -> Result<RefreshError, StoreError> {
        let session = presented.session();
        let now = self.platform.clock.now();
        self.revocations
            .transact(|tx| {
                Box::pin(async move {
                    let Some(account) = end(tx, session, None, now).await? else {
                        return Ok(RefreshError::Invalid);
                    };
                    let event = Event::new(EventKind::RefreshReused, account, caller)
                        .session(session)
                        .refused();
                    self.audit.record(tx, event).await?;
                    Ok(RefreshError::Reused)
                })
            })
            .await
    }
}

fn spender(presented: &RefreshToken, request: &RequestInfo) -> SpenderHash {
    let network = request.prefix().map_or_else(String::new, |prefix| prefix.to_string());
    presented.spent_at(&network, request.user_agent.as_deref().unwrap_or_default())
}
