//! The link to Redis or Valkey, which several nodes share. It holds only what may be lost: counters, and hints to look.
//! Nobody waits for it longer than [`BUDGET`], and nothing is refused because it is away: whoever asks gets `None`.
//!
//! Requests never connect. One task keeps the connection; the first request that gets no answer takes it away, and all
//! after it are told at once that there is none, until the task has one that answers again (a circuit breaker).

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use redis::aio::{MultiplexedConnection, PubSub};
use redis::{AsyncConnectionConfig, Client, Cmd, FromRedisValue, RedisError};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::core::metrics::Register;

/// How long a request waits for an answer.
const BUDGET: Duration = Duration::from_millis(100);
/// How long it may take to connect.
const CONNECT: Duration = Duration::from_secs(1);
/// How often the connection is tried out, and how soon a lost one is tried again.
const KEEP: Duration = Duration::from_secs(1);

/// Redis, there or not. Cloning it is cheap.
#[derive(Clone)]
pub struct Redis(Arc<Parts>);

struct Parts {
    client: Client,
    /// Before every name, so that two installations do not meet in one Redis.
    prefix: String,
    link: watch::Sender<Option<Link>>,
    up: Gauge,
    errors: Counter,
}

#[derive(Clone)]
struct Link {
    connection: MultiplexedConnection,
    /// Which of all connections it is: who fails on an old one does not take the new one away.
    generation: u64,
}

/// A channel that is listened to.
pub struct Subscription {
    messages: PubSub,
    link: watch::Receiver<Option<Link>>,
}

impl Redis {
    /// Connects, if Redis answers soon; else it will be tried again by [`Redis::keep_forever`].
    ///
    /// # Errors
    /// The URL cannot be used.
    pub async fn open(url: &str, issuer: &str, registry: &mut Registry) -> Result<Self, RedisError> {
        let opened = Self(Arc::new(Parts {
            client: Client::open(url)?,
            prefix: format!("countersign:{issuer}:"),
            link: watch::Sender::new(None),
            up: Gauge::default(),
            errors: Counter::default(),
        }));
        registry.add("redis_up", opened.0.up.clone());
        registry.add("redis_errors", opened.0.errors.clone());
        if let Err(error) = opened.connect().await {
            tracing::warn!(%error, "{AWAY}");
        }
        Ok(opened)
    }

    /// Tries the connection out, and makes a new one when it is lost. It never returns.
    pub async fn keep_forever(self) {
        loop {
            let connected = self.0.link.borrow().is_some();
            if connected {
                self.ask::<()>(&redis::cmd("PING")).await;
            } else if self.connect().await.is_ok() {
                tracing::info!("reconnected to Redis; rate limits are shared again");
            }
            // A link that was just lost is tried again after a moment; one that lives is looked at after the same.
            sleep(KEEP).await;
        }
    }

    /// Runs a script on one key, atomically and in one round trip. `None`: Redis is away.
    pub async fn eval(&self, script: &'static str, key: &str, arguments: [u64; 2]) -> Option<u64> {
        let mut command = redis::cmd("EVAL");
        command
            .arg(script)
            .arg(1)
            .arg(format!("{}{key}", self.0.prefix))
            .arg(&arguments);
        self.ask(&command).await
    }

    /// Its clock, in milliseconds since the epoch. `None`: Redis is away.
    pub async fn now(&self) -> Option<i64> {
        let (seconds, micros): (i64, i64) = self.ask(&redis::cmd("TIME")).await?;
        Some(seconds * 1000 + micros / 1000)
    }

    /// Tells whoever listens to the channel. Nobody is told while Redis is away.
    pub async fn publish(&self, channel: &str, message: &str) {
        let mut command = redis::cmd("PUBLISH");
        command.arg(format!("{}{channel}", self.0.prefix)).arg(message);
        self.ask::<()>(&command).await;
    }

    /// Listens to a channel, once Redis is there.
    ///
    /// # Errors
    /// Redis went away meanwhile.
    pub async fn subscribe(&self, channel: &str) -> Result<Subscription, RedisError> {
        let mut link = self.0.link.subscribe();
        // The sender lives as long as we do.
        let _ = link.wait_for(Option::is_some).await;
        let subscribing = async {
            let mut messages = self.0.client.get_async_pubsub().await?;
            messages.subscribe(format!("{}{channel}", self.0.prefix)).await?;
            Ok::<_, RedisError>(messages)
        };
        let messages = timeout(CONNECT, subscribing).await.map_err(|_| late())??;
        Ok(Subscription { messages, link })
    }

    async fn connect(&self) -> Result<(), RedisError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(Some(CONNECT));
        let connecting = self.0.client.get_multiplexed_async_connection_with_config(&config);
        let mut connection = timeout(CONNECT, connecting).await.map_err(|_| late())??;
        let answer = timeout(BUDGET, redis::cmd("PING").query_async::<()>(&mut connection)).await;
        answer.map_err(|_| late())??;
        // At least one error lies between two connections.
        let generation = self.0.errors.get();
        self.0.link.send_replace(Some(Link { connection, generation }));
        self.0.up.set(1);
        Ok(())
    }

    async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Option<T> {
        let mut link = self.0.link.borrow().clone()?;
        match timeout(BUDGET, command.query_async(&mut link.connection)).await {
            Ok(Ok(answer)) => Some(answer),
            Ok(Err(error)) => self.lose(&link, &error),
            Err(_) => self.lose(&link, &late()),
        }
    }

    /// One of all who fail on a connection takes it away, and says so.
    fn lose<T>(&self, lost: &Link, error: &dyn Display) -> Option<T> {
        self.0.errors.inc();
        let was_ours = self.0.link.send_if_modified(|link| {
            let ours = link.as_ref().is_some_and(|link| link.generation == lost.generation);
            if ours {
                *link = None;
            }
            ours
        });
        if was_ours {
            self.0.up.set(0);
            tracing::warn!(%error, "{AWAY}");
        }
        None
    }
}

impl Subscription {
    /// Waits for a message; one that is no text is empty. `None`: nothing more will come.
    pub async fn heard(&mut self) -> Option<String> {
        let mut messages = self.messages.on_message();
        tokio::select! {
            message = messages.next() => message.map(|message| message.get_payload().unwrap_or_default()),
            _ = self.link.wait_for(Option::is_none) => None,
        }
    }
}

const AWAY: &str = "lost the connection to Redis; rate limits are counted per node and revocations are read from \
                    the database until it is back";

fn late() -> RedisError {
    RedisError::from((redis::ErrorKind::Io, "timed out"))
}
