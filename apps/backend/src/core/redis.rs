//! The connection to Redis or Valkey, which nodes share. It stores only data that may be lost: counters, and hints to
//! reload. No request waits longer than [`BUDGET`], and none is refused because Redis is unavailable: callers get `None`.
//!
//! Requests never connect. One task maintains the connection. The first request that gets no response removes it, and later
//! requests get `None` immediately, until the task has a connection that responds (a circuit breaker).

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

/// How long a request waits for a response.
const BUDGET: Duration = Duration::from_millis(100);
/// The timeout for connecting.
const CONNECT: Duration = Duration::from_secs(1);
/// How often the connection is checked, and how soon a lost one is replaced.
const KEEP: Duration = Duration::from_secs(1);

/// Redis, whether available or not. Cheap to clone.
#[derive(Clone)]
pub struct Redis(Arc<Parts>);

struct Parts {
    client: Client,
    /// The prefix of all names, so that several installations can share one Redis.
    prefix: String,
    link: watch::Sender<Option<Link>>,
    up: Gauge,
    errors: Counter,
}

#[derive(Clone)]
struct Link {
    connection: MultiplexedConnection,
    /// Identifies the connection, so that a request failing on an old one does not remove the new one.
    generation: u64,
}

/// A subscribed channel.
pub struct Subscription {
    messages: PubSub,
    link: watch::Receiver<Option<Link>>,
}

impl Redis {
    /// Connects if Redis responds in time; otherwise, [`Redis::keep_forever`] retries.
    ///
    /// # Errors
    /// The URL is invalid.
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

    /// Checks the connection, and replaces a lost one. Never returns.
    pub async fn keep_forever(self) {
        loop {
            let connected = self.0.link.borrow().is_some();
            if connected {
                self.ask::<()>(&redis::cmd("PING")).await;
            } else if self.connect().await.is_ok() {
                tracing::info!("reconnected to Redis; rate limits are shared again");
            }
            // The same pause applies to retrying a lost connection and to checking a live one.
            sleep(KEEP).await;
        }
    }

    /// Runs a script on one key, atomically and in one round trip. `None`: Redis is unavailable.
    pub async fn eval(&self, script: &'static str, key: &str, arguments: [u64; 2]) -> Option<u64> {
        let mut command = redis::cmd("EVAL");
        command
            .arg(script)
            .arg(1)
            .arg(format!("{}{key}", self.0.prefix))
            .arg(&arguments);
        self.ask(&command).await
    }

    /// The clock of Redis, in milliseconds since the epoch. `None`: Redis is unavailable.
    pub async fn now(&self) -> Option<i64> {
        let (seconds, micros): (i64, i64) = self.ask(&redis::cmd("TIME")).await?;
        Some(seconds * 1000 + micros / 1000)
    }

    /// Publishes a message to a channel. It is dropped if Redis is unavailable.
    pub async fn publish(&self, channel: &str, message: &str) {
        let mut command = redis::cmd("PUBLISH");
        command.arg(format!("{}{channel}", self.0.prefix)).arg(message);
        self.ask::<()>(&command).await;
    }

    /// Subscribes to a channel, once Redis is available.
    ///
    /// # Errors
    /// Redis became unavailable meanwhile.
    pub async fn subscribe(&self, channel: &str) -> Result<Subscription, RedisError> {
        let mut link = self.0.link.subscribe();
        // The sender is owned by `self`, so it is not dropped.
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
        // At least one error occurs between two connections.
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

    /// Removes the connection of a failed request and logs it, once per connection.
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
    /// Waits for a message; one that is not text becomes empty. `None`: the subscription has ended.
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
