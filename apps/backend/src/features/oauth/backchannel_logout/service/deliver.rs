//! Delivering notices.
//!
//! A slow client must not delay the others, so each client has its own lane: a few of its notices are sent at a time, and
//! the other clients' lanes go on meanwhile.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use countersign_jose::LogoutTokenClaims;
use countersign_store::{Db, StoreError};
use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use http::{HeaderValue, StatusCode};
use tracing::Instrument;

use super::receiver::Receiver;
use crate::core::caller::Caller;
use crate::core::cleanup::in_batches;
use crate::core::clock::Timestamp;
use crate::core::ids::uuid_v7;
use crate::core::metrics::NoticeOutcome;
use crate::core::outbound::{Outbound, OutboundError};
use crate::core::platform::Platform;
use crate::features::identity::accounts;
use crate::features::oauth::backchannel_logout::store::{self, Claimed, FailedNotices};
use crate::features::operations::audit::{Audit, Event, EventKind};
use crate::features::operations::keys::{IssueError, Keys};

/// How often the sender looks for notices.
const POLL_INTERVAL: Duration = Duration::from_millis(250);
/// How long it waits after the database failed.
const OUTAGE_PAUSE: Duration = Duration::from_secs(5);
/// How many clients are told at the same time, and with how many notices each.
const LANES: usize = 64;
const NOTICES_PER_CLIENT: i64 = 4;
/// How long a claimed notice is reserved for its sender: longer than a request may take.
const LEASE: Duration = Duration::from_secs(30);
/// The pauses after failed attempts. After the last one, the notice is given up.
const PAUSES: [Duration; 5] = [
    Duration::from_secs(1),
    Duration::from_secs(10),
    Duration::from_secs(60),
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
];
/// How long a logout token is valid. It is made for each attempt.
const TOKEN_LIFETIME: Duration = Duration::from_secs(2 * 60);
/// How long notices that were given up are kept, for `countersign doctor`.
const GIVEN_UP_KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// When a notice counts as overdue, and how often they are counted and old ones removed.
const OVERDUE_AFTER: Duration = Duration::from_secs(60);
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);
/// OpenID Connect Back-Channel Logout 1.0 §2.5.
const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");

/// The sender of logout notices. Cloning is cheap.
#[derive(Clone)]
pub struct BackchannelLogout {
    pub(crate) platform: Platform,
    pub(crate) keys: Keys,
    pub(crate) audit: Audit,
}

impl BackchannelLogout {
    /// Delivers notices until the process ends.
    pub async fn deliver_forever(self) {
        let sending = async {
            self.first_notice().await;
            match Outbound::new() {
                Ok(client) => self.send_forever(&client).await,
                Err(error) => tracing::error!(%error, "cannot send logout notices"),
            }
        };
        tokio::join!(sending, self.sweep_forever());
    }

    /// Waits until a notice is due, or the database fails, which the sender reports. The HTTP client is created only then,
    /// because it loads all certificates of the system.
    async fn first_notice(&self) {
        while matches!(self.due(1, &BTreeSet::new()).await, Ok(due) if due.is_empty()) {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Keeps a lane for each client with notices that are due.
    async fn send_forever(&self, client: &Outbound) {
        let mut lanes = FuturesUnordered::new();
        let mut busy = BTreeSet::new();
        loop {
            let pause = match self.due(LANES.saturating_sub(busy.len()), &busy).await {
                Ok(due) => {
                    for client_id in due {
                        busy.insert(client_id.clone());
                        lanes.push(self.lane(client, client_id));
                    }
                    POLL_INTERVAL
                }
                Err(error) => {
                    tracing::warn!(%error, "failed to read logout notices from the database; will retry");
                    OUTAGE_PAUSE
                }
            };
            let rest = tokio::time::sleep(pause);
            tokio::pin!(rest);
            loop {
                tokio::select! {
                    () = &mut rest => break,
                    Some(client_id) = lanes.next(), if !lanes.is_empty() => {
                        busy.remove(&client_id);
                    }
                }
            }
        }
    }

    /// Returns up to `room` clients with notices that are due and without a lane.
    async fn due(&self, room: usize, busy: &BTreeSet<String>) -> Result<Vec<String>, StoreError> {
        if room == 0 {
            return Ok(Vec::new());
        }
        let limit = i64::try_from(room + busy.len()).unwrap_or(i64::MAX);
        let due = store::due_clients(&self.platform.db, self.platform.clock.now(), limit).await?;
        let without_lane = due.into_iter().map(|due| due.client_id).filter(|id| !busy.contains(id));
        Ok(without_lane.take(room).collect())
    }

    /// Sends the notices of a client that are due. Returns the client.
    async fn lane(&self, client: &Outbound, client_id: String) -> String {
        loop {
            match self.deliver_some(client, &client_id).await {
                Ok(0) => return client_id,
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%error, "failed to record the outcome of a logout notice; will retry");
                    return client_id;
                }
            }
        }
    }

    /// Delivers what is due, once. Returns the number of attempts.
    ///
    /// # Errors
    /// If the database failed; the notices stay queued.
    #[cfg(feature = "testing")]
    pub async fn deliver_due(&self) -> Result<usize, StoreError> {
        let Ok(client) = Outbound::new() else {
            return Ok(0);
        };
        let mut attempts = 0;
        for client_id in self.due(usize::MAX >> 1, &BTreeSet::new()).await? {
            attempts += self.deliver_some(&client, &client_id).await?;
        }
        Ok(attempts)
    }

    /// Sends a few notices of a client at a time. Returns their number.
    async fn deliver_some(&self, client: &Outbound, client_id: &str) -> Result<usize, StoreError> {
        let (db, now) = (&self.platform.db, self.platform.clock.now());
        let claimed = store::claim(db, client_id, now, now + LEASE, NOTICES_PER_CLIENT).await?;
        if claimed.is_empty() {
            return Ok(0);
        }
        let receiver = Receiver::find(db, client_id).await?;
        let sent = claimed
            .iter()
            .map(|notice| self.deliver(client, receiver.as_ref(), notice));
        join_all(sent).await.into_iter().collect::<Result<(), StoreError>>()?;
        Ok(claimed.len())
    }

    async fn deliver(
        &self,
        client: &Outbound,
        receiver: Option<&Receiver>,
        notice: &Claimed,
    ) -> Result<(), StoreError> {
        // The client is gone, or no longer wants to be told.
        let Some(receiver) = receiver else {
            return store::remove(&self.platform.db, notice.sid).await;
        };
        if notice.expires_at <= self.platform.clock.now() {
            return self.give_up(notice, NoticeOutcome::GivenUp, "expired").await;
        }
        match self.send(client, receiver, notice).await {
            Ok(()) => {
                self.platform.metrics.logout_notice(NoticeOutcome::Sent);
                store::remove(&self.platform.db, notice.sid).await
            }
            // §2.8: the client understood it and does not accept it. It would not accept a repetition either.
            Err(SendError::Outbound(OutboundError::Status(status))) if status == StatusCode::BAD_REQUEST => {
                self.give_up(notice, NoticeOutcome::Refused, "it responded with 400 Bad Request")
                    .await
            }
            Err(error) => self.postpone(notice, &error.to_string()).await,
        }
    }

    async fn send(&self, client: &Outbound, receiver: &Receiver, notice: &Claimed) -> Result<(), SendError> {
        let token = self.logout_token(receiver, notice).await?;
        let body = Bytes::from(format!("logout_token={token}"));
        let span = tracing::info_span!("send a logout notice", otel.kind = "client");
        client.post(&receiver.url, FORM, body).instrument(span).await?;
        Ok(())
    }

    /// Returns a logout token (§2.4), signed like the ID tokens of the client.
    async fn logout_token(&self, receiver: &Receiver, notice: &Claimed) -> Result<String, IssueError> {
        let now = self.platform.clock.now();
        let claims = LogoutTokenClaims {
            iss: self.platform.settings.issuer.as_str().to_owned(),
            sub: notice.sub.0,
            aud: notice.client_id.clone(),
            exp: (now + TOKEN_LIFETIME).seconds(),
            iat: now.seconds(),
            jti: uuid_v7(now, self.platform.random),
            sid: notice.sid.0,
        };
        self.keys.sign_for_client(receiver.alg, &claims, now).await
    }

    /// Schedules another attempt after a failure, unless it was the last one.
    async fn postpone(&self, notice: &Claimed, failure: &str) -> Result<(), StoreError> {
        let failed = usize::try_from(notice.attempts - 1).unwrap_or(0);
        let Some(pause) = PAUSES.get(failed) else {
            return self.give_up(notice, NoticeOutcome::GivenUp, failure).await;
        };
        self.platform.metrics.logout_notice(NoticeOutcome::Postponed);
        tracing::warn!(
            client = notice.client_id,
            attempt = notice.attempts,
            failure,
            "failed to send a logout notice; will retry"
        );
        store::postpone(
            &self.platform.db,
            notice.sid,
            self.platform.clock.now() + *pause,
            failure,
        )
        .await
    }

    async fn give_up(&self, notice: &Claimed, outcome: NoticeOutcome, failure: &str) -> Result<(), StoreError> {
        self.platform.metrics.logout_notice(outcome);
        tracing::error!(
            client = notice.client_id,
            attempt = notice.attempts,
            failure,
            "gave up sending a logout notice; the user may still be signed in at this client"
        );
        let now = self.platform.clock.now();
        self.platform
            .db
            .transact(|tx| {
                Box::pin(async move {
                    if !store::give_up(tx, notice.sid, now, failure).await? {
                        return Ok(());
                    }
                    // Nothing is recorded about an account that was deleted meanwhile.
                    let account = accounts::find(&mut *tx, notice.sub).await?.map(|account| account.id);
                    let caller = Caller::server();
                    let event = Event::new(EventKind::LogoutNoticeFailed, account, &caller)
                        .detail(&*notice.client_id)
                        .refused();
                    self.audit.record(tx, event).await
                })
            })
            .await
    }

    async fn sweep_forever(&self) {
        loop {
            tokio::time::sleep(SWEEP_INTERVAL).await;
            if let Err(error) = self.sweep().await {
                tracing::warn!(%error, "failed to count and remove old logout notices; will retry");
            }
        }
    }

    /// Counts the overdue notices for the metrics, and removes those that were given up long ago.
    ///
    /// # Errors
    /// If the database failed.
    pub async fn sweep(&self) -> Result<(), StoreError> {
        let (db, now) = (&self.platform.db, self.platform.clock.now());
        let overdue = store::overdue(db, now - OVERDUE_AFTER).await?;
        self.platform.metrics.logout_notices_overdue(overdue);
        in_batches(|limit| store::remove_given_up(db, now - GIVEN_UP_KEPT, limit)).await
    }
}

/// Returns the notices that were given up in the last days, by client. `countersign doctor` shows them.
///
/// # Errors
/// If the database failed.
pub async fn failed_notices(db: &Db, now: Timestamp) -> Result<Vec<FailedNotices>, StoreError> {
    store::failed(db, now - GIVEN_UP_KEPT).await
}

/// Why an attempt failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum SendError {
    /// The token could not be signed.
    #[error("failed to sign the logout token: {0}")]
    Issue(#[from] IssueError),
    /// The client did not accept it.
    #[error(transparent)]
    Outbound(#[from] OutboundError),
}
