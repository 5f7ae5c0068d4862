//! Rotation of refresh tokens and detection of their reuse.
//! A refresh token is spent once. Spending it twice revokes its whole family, unless it is the honest repetition
//! of a request whose answer was lost: within the replay window, while the successor is unused, the same successor
//! is given again.

use countersign_guard::Scopes;
use countersign_store::{Conn, StoreError, Tx};

use super::Sessions;
use super::end::end;
use super::living::{find_living, lock_living};
use super::tokens::Tokens;
use crate::core::caller::Caller;
use crate::core::limits::{Exceeded, Key, Policy};
use crate::core::request_info::RequestInfo;
use crate::features::accounts;
use crate::features::audit::{Event, Kind};
use crate::features::keys::IssueError;
use crate::features::sessions::refresh_secret::RefreshSecret;
use crate::features::sessions::store::Session;
use crate::features::sessions::store::refresh_tokens::{self, NewToken, Presented, Seal};

const REFRESH_PER_ADDRESS: Policy = Policy::named("refresh_per_address");

/// Why no tokens were given.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// Unknown, expired, spent, or of a dead family: from outside all the same.
    #[error("the refresh token is not valid")]
    Invalid,
    /// The token was spent before and has come back: its family has been revoked.
    #[error("a spent refresh token was used again")]
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
    /// A short name for the metrics.
    pub fn outcome(&self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Reused => "reused",
            Self::Limited(_) => "limited",
            Self::Issue(_) | Self::Store(_) => "failed",
        }
    }
}

/// What a look at the presented token says, before or after a lock.
enum Step {
    /// It is live and unspent as far as a plain look can tell.
    Spendable(Presented),
    /// It was spent just now, and its successor may be shown again.
    Replay(Box<Replay>),
    /// It was spent, and this is no honest repetition.
    Reuse(Presented),
    /// It was never valid, or no longer is.
    Dead,
}

/// A repetition within the window.
struct Replay {
    session: Session,
    successor: RefreshSecret,
    /// Where the token was spent. None if an earlier version spent it.
    spent: Option<Spender>,
}

/// Where somebody who spends a token comes from.
#[derive(PartialEq, Eq)]
struct Spender {
    network: String,
    device: String,
}

/// What a transaction that set out to spend came to.
enum Spending {
    Spent(Box<Session>),
    Lost,
    Dead,
}

impl Sessions {
    /// Exchanges a refresh token for the next one of its family.
    ///
    /// # Errors
    /// [`RefreshError`]. From outside, `Invalid` and `Reused` must look the same.
    pub async fn rotate(&self, presented: &RefreshSecret, caller: &Caller) -> Result<Tokens, RefreshError> {
        let mut reserved = self.platform.limits.reserve();
        if let Some(prefix) = caller.request.prefix() {
            let rate = self.platform.settings.limits.refresh_per_address;
            let key = Key::of(REFRESH_PER_ADDRESS).address(prefix);
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

    async fn exchange(&self, presented: &RefreshSecret, caller: &Caller) -> Result<Tokens, RefreshError> {
        let access_ttl = self.platform.settings.tokens.access_ttl;
        // Racers read first: of many with one token, one locks the family; the others see it spent and never write.
        loop {
            match self.look(presented).await? {
                Step::Spendable(found) => {
                    let next = RefreshSecret::generate(self.platform.random);
                    match self.spend(presented, &found, &next, &caller.request).await? {
                        Spending::Spent(session) => return Ok(self.issue(&session, next, access_ttl).await?),
                        Spending::Lost => {}
                        Spending::Dead => return Err(RefreshError::Invalid),
                    }
                }
                Step::Replay(replay) => {
                    // The spending that this answer relies on must be on the disk before the answer is.
                    self.platform.db.settled().await?;
                    self.record_if_from_elsewhere(&replay, caller).await?;
                    let Replay { session, successor, .. } = *replay;
                    return Ok(self.issue(&session, successor, access_ttl).await?);
                }
                Step::Reuse(found) => return Err(self.revoke_family(&found, caller).await?),
                Step::Dead => return Err(RefreshError::Invalid),
            }
        }
    }

    async fn look(&self, presented: &RefreshSecret) -> Result<Step, StoreError> {
        let now = self.platform.clock.now();
        let Some(found) = refresh_tokens::find_token(&self.platform.db, presented.hash()).await? else {
            return Ok(Step::Dead);
        };
        // Spent or not: after its end a token means nothing, swept or not.
        if found.expires_at <= now {
            return Ok(Step::Dead);
        }
        let Some(spent_at) = found.spent_at else {
            return Ok(Step::Spendable(found));
        };
        if now >= spent_at + self.platform.settings.tokens.refresh_replay_window {
            return Ok(Step::Reuse(found));
        }
        // No seal: the successor was used, so this is the parent of a parent, not a repetition.
        let Some(successor) = found
            .sealed_successor
            .as_deref()
            .and_then(|sealed| presented.unseal(sealed))
        else {
            return Ok(Step::Reuse(found));
        };
        let Some(session) = find_living(&self.platform.db, found.session_id, now).await? else {
            return Ok(Step::Dead);
        };
        Ok(Step::Replay(Box::new(Replay {
            session: narrowed(&self.platform.db, session).await?,
            successor,
            spent: found
                .spent_from
                .zip(found.spent_with)
                .map(|(network, device)| Spender { network, device }),
        })))
    }

    /// An honest repetition comes from where the token was spent; a thief's hardly ever does. It is served all the same (a phone
    /// changes networks between two attempts), and leaves a trace by which it can be found.
    async fn record_if_from_elsewhere(&self, replay: &Replay, caller: &Caller) -> Result<(), StoreError> {
        let Some(spent) = &replay.spent else { return Ok(()) };
        let now = Spender::of(&caller.request);
        let detail = match (spent.network == now.network, spent.device == now.device) {
            (true, true) => return Ok(()),
            (false, true) => "from another network",
            (true, false) => "from another device",
            (false, false) => "from another network and device",
        };
        self.platform
            .db
            .transact(|tx| {
                Box::pin(async move {
                    let event = Event::new(Kind::RefreshReplayed, replay.session.account_id, caller)
                        .session(replay.session.id)
                        .detail(detail);
                    self.audit.record(tx, event).await
                })
            })
            .await
    }
}

impl Spender {
    fn of(request: &RequestInfo) -> Self {
        Self {
            network: request.prefix().map_or_else(String::new, |prefix| prefix.to_string()),
            device: request.user_agent.clone().unwrap_or_default(),
        }
    }
}

/// The session with those of its scopes that its account still owns: what was taken back is not renewed.
async fn narrowed<'c>(conn: impl Into<Conn<'c>>, session: Session) -> Result<Session, StoreError> {
    if session.scope.is_empty() {
        return Ok(session);
    }
    let granted: Scopes = session.scope.split(' ').map(str::to_owned).collect();
    let owned = accounts::scopes(conn, session.account_id).await?;
    Ok(Session {
        scope: granted.intersection(&owned).to_string(),
        ..session
    })
}

impl Sessions {
    /// Spends the token and gives birth to its successor, in one transaction that begins by locking the family: a
    /// revocation comes before, and nothing is spent, or after, and the successor dies with the family.
    async fn spend(
        &self,
        presented: &RefreshSecret,
        found: &Presented,
        next: &RefreshSecret,
        request: &RequestInfo,
    ) -> Result<Spending, StoreError> {
        let now = self.platform.clock.now();
        let replayable = !self.platform.settings.tokens.refresh_replay_window.is_zero();
        let sealed = replayable.then(|| presented.seal(next, self.platform.random));
        let (sealed, spender) = (sealed.as_deref(), &Spender::of(request));
        self.platform
            .db
            .transact(|tx| {
                Box::pin(async move {
                    // What was unspent at the first look may be spent by now: a loser leaves without a lock.
                    if refresh_tokens::find_token(&mut *tx, presented.hash())
                        .await?
                        .is_none_or(|token| token.spent_at.is_some())
                    {
                        return Ok(Spending::Lost);
                    }
                    let Some(session) = lock_living(tx, found.session_id, now).await? else {
                        return Ok(Spending::Dead);
                    };
                    // Where it was spent matters as long as it can be replayed.
                    let seal = sealed.map(|sealed| Seal {
                        sealed,
                        network: &spender.network,
                        device: &spender.device,
                    });
                    if !refresh_tokens::spend(tx, presented.hash(), seal, now).await? {
                        return Ok(Spending::Lost);
                    }
                    fail::fail_point!("rotate::spent");
                    self.insert_successor(tx, &session, found, presented, next).await?;
                    Ok::<_, StoreError>(Spending::Spent(Box::new(narrowed(tx, session).await?)))
                })
            })
            .await
    }

    async fn insert_successor(
        &self,
        tx: &mut Tx<'_>,
        session: &Session,
        found: &Presented,
        presented: &RefreshSecret,
        next: &RefreshSecret,
    ) -> Result<(), StoreError> {
        let idle_end = self.platform.clock.now() + self.platform.settings.tokens.refresh_idle_ttl;
        let token = NewToken {
            hash: next.hash(),
            parent_hash: Some(presented.hash()),
            session_id: session.id,
            expires_at: session.expires_at.min(idle_end),
        };
        refresh_tokens::insert_token(tx, &token).await?;
        match found.parent_hash {
            Some(parent) => refresh_tokens::wipe_seal(tx, parent).await,
            None => Ok(()),
        }
    }

    /// RFC 9700 §4.14.2: a spent token that comes back means that one of its two holders is a thief.
    async fn revoke_family(&self, found: &Presented, caller: &Caller) -> Result<RefreshError, StoreError> {
        let session = found.session_id;
        let now = self.platform.clock.now();
        self.revocations
            .transact(|tx| {
                Box::pin(async move {
                    let Some(account) = end(tx, session, None, now).await? else {
                        return Ok(RefreshError::Invalid);
                    };
                    let event = Event::new(Kind::RefreshReused, account, caller)
                        .session(session)
                        .refused();
                    self.audit.record(tx, event).await?;
                    Ok(RefreshError::Reused)
                })
            })
            .await
    }
}
