//! Hints that the database has new revocations, sent through Redis or PostgreSQL. Revocations are read from the tables, so
//! a lost hint only causes a short delay, and a forged one only an extra read. Redis messages also contain the bits,
//! because the database may become unavailable before other processes have read it: see [`super::unconfirmed`].

use std::time::Duration;

use countersign_store::{Listener, OpenError};
use redis::RedisError;

use super::{Bit, Revocations};
use crate::core::redis::{Redis, Subscription};
use crate::settings::DatabaseUrl;

/// How processes that share a database wake each other.
pub enum Feed {
    /// Not at all; each polls. SQLite has only one server.
    None,
    /// With `NOTIFY` in the transaction that numbers the revocations.
    Postgres {
        /// The database URL to listen on, if it differs from the pool's.
        url: Option<DatabaseUrl>,
    },
    /// With a message after that transaction.
    Redis(Redis),
}

/// The channel name in both.
pub(super) const CHANNEL: &str = "countersign_revocations";
/// Separates the list from the index of a bit. A message without it is a number.
const BETWEEN: char = ':';
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

enum Open {
    Postgres(Box<Listener>),
    Redis(Box<Subscription>),
}

#[derive(Debug, thiserror::Error)]
enum FeedError {
    #[error(transparent)]
    Postgres(#[from] OpenError),
    #[error(transparent)]
    Redis(#[from] RedisError),
}

impl Feed {
    pub(super) fn is_postgres(&self) -> bool {
        matches!(self, Self::Postgres { .. })
    }

    /// Tells other processes that revocations were numbered and can be read.
    pub(super) async fn publish(&self, number: i64) {
        if let Self::Redis(redis) = self {
            redis.publish(CHANNEL, &number.to_string()).await;
        }
    }

    /// Tells other processes that these bits were set and committed. They need not read the database before the bits are
    /// numbered.
    pub(super) async fn notify(&self, bits: &[Bit]) {
        if let Self::Redis(redis) = self {
            redis.publish(CHANNEL, &encoded(bits)).await;
        }
    }
}

impl Revocations {
    /// Listens for hints from other processes, and reconnects while it cannot. Never returns.
    pub async fn listen_forever(self) {
        let (mut pause, mut silent) = (FIRST_PAUSE, false);
        loop {
            match self.open_feed().await {
                Ok(Some(mut feed)) => {
                    if silent {
                        tracing::info!("resumed listening for revocations from other nodes");
                    }
                    (pause, silent) = (FIRST_PAUSE, false);
                    self.feed(true);
                    while let Some(message) = feed.heard().await {
                        self.0.options.metrics.hints.inc();
                        self.hear(&message);
                    }
                    self.feed(false);
                }
                Ok(None) => return std::future::pending().await,
                Err(error) if !silent => {
                    silent = true;
                    tracing::warn!(%error, "cannot LISTEN for revocations from other nodes; falling back to polling \
                         every 100 ms");
                }
                Err(_) => {}
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn hear(&self, message: &str) {
        if message.contains(BETWEEN) {
            self.0.unconfirmed.add(bits(message));
        } else {
            self.0.woken.notify_one();
        }
    }

    /// Records whether the feed works. Triggers a read either way, because hints sent in between were missed.
    fn feed(&self, fed: bool) {
        self.0.options.metrics.feed_up.set(i64::from(fed));
        self.0.woken.notify_one();
    }

    async fn open_feed(&self) -> Result<Option<Open>, FeedError> {
        match &self.0.options.feed {
            Feed::None => Ok(None),
            Feed::Postgres { url } => {
                let listener = self.0.db.listen(url.as_ref().map(DatabaseUrl::expose), CHANNEL).await?;
                Ok(Some(Open::Postgres(Box::new(listener))))
            }
            Feed::Redis(redis) => Ok(Some(Open::Redis(Box::new(redis.subscribe(CHANNEL).await?)))),
        }
    }
}

impl Open {
    async fn heard(&mut self) -> Option<String> {
        match self {
            Self::Postgres(listener) => match listener.heard().await {
                Ok(()) => Some(String::new()),
                Err(error) => {
                    tracing::warn!(%error, "lost the connection that listens for revocations; reconnecting");
                    None
                }
            },
            Self::Redis(subscription) => subscription.heard().await,
        }
    }
}

fn encoded(bits: &[Bit]) -> String {
    let words: Vec<_> = bits
        .iter()
        .map(|Bit { list, idx }| format!("{list}{BETWEEN}{idx}"))
        .collect();
    words.join(" ")
}

fn bits(message: &str) -> impl Iterator<Item = Bit> {
    message.split(' ').filter_map(|word| {
        let (list, idx) = word.split_once(BETWEEN)?;
        Some(Bit {
            list: list.parse().ok()?,
            idx: idx.parse().ok()?,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn announced_bits_arrive_and_invalid_ones_are_ignored() {
        let both = [Bit { list: 1, idx: 17 }, Bit { list: 2, idx: 0 }];
        assert_eq!(encoded(&both), "1:17 2:0");
        assert_eq!(bits(&encoded(&both)).collect::<Vec<_>>(), both);
        assert_eq!(bits("1: :2 x:y 3:4:5 6").count(), 0);
    }
}
