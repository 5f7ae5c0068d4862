//! Notifications: a separate connection that listens. A notification is only a hint; the tables contain what happened.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, interval_at, timeout};
use tokio_postgres::AsyncMessage;

use super::url::Target;
use super::{errors, tls, url};
use crate::db::Engine;
use crate::options::PATIENCE;
use crate::{Db, OpenError, StoreError};

/// Receives what [`Tx::notify`](crate::Tx::notify) sends to a channel. Dropping it closes its connection.
pub struct Listener {
    db: Db,
    channel: &'static str,
    // Its connection closes with it.
    client: tokio_postgres::Client,
    heard: mpsc::Receiver<String>,
    probe: Probe,
}

/// Our own test notification.
struct Probe {
    text: String,
    every: tokio::time::Interval,
    /// When the last one must have arrived.
    due: Option<Instant>,
}

/// How often to test the connection, which can fail silently.
const PROBE_EVERY: Duration = Duration::from_secs(15);
/// The maximum number of waiting notifications. They are all equal, so more are dropped.
const WAITING: usize = 16;

impl Db {
    /// Listens for [`Tx::notify`](crate::Tx::notify) on a separate connection to `url`, or to this database if `None`. Returns
    /// after a test notification sent through the pool has arrived.
    ///
    /// # Errors
    /// [`OpenError`]; [`OpenError::Deaf`] if nothing arrives, for example through a pooler, and on SQLite.
    pub async fn listen(&self, url: Option<&str>, channel: &'static str) -> Result<Listener, OpenError> {
        match &self.inner.engine {
            Engine::Sqlite(_) => Err(OpenError::Deaf),
            Engine::Postgres(_) => Listener::open(self.clone(), url, channel).await,
        }
    }
}

impl Listener {
    async fn open(db: Db, url: Option<&str>, channel: &'static str) -> Result<Self, OpenError> {
        let Engine::Postgres(postgres) = &db.inner.engine else {
            return Err(OpenError::Deaf);
        };
        let (client, heard) = connect(url.unwrap_or(&postgres.url), postgres.allow_unencrypted).await?;
        let listening = timeout(PATIENCE, client.batch_execute(&format!("LISTEN {channel}"))).await;
        listening
            .map_err(|_| errors::silent())?
            .map_err(|why| errors::store_error(&why))?;
        let mut listener = Self {
            db,
            channel,
            client,
            heard,
            probe: Probe::new(),
        };
        listener.try_out().await?;
        Ok(listener)
    }

    /// Waits for a notification.
    ///
    /// # Errors
    /// If the connection is lost or no longer receives anything. Open another one and check what was missed.
    pub async fn heard(&mut self) -> Result<(), StoreError> {
        loop {
            let due = self.probe.due;
            tokio::select! {
                heard = self.heard.recv() => match heard {
                    Some(text) if text == self.probe.text => self.probe.due = None,
                    Some(text) if text.starts_with(PROBE) => {}
                    Some(_) => return Ok(()),
                    None => return Err(StoreError::unavailable("the connection that listens was closed")),
                },
                _ = self.probe.every.tick() => self.send_probe().await?,
                () = until(due) => return Err(errors::silent()),
            }
        }
    }

    async fn try_out(&mut self) -> Result<(), OpenError> {
        self.send_probe().await?;
        let heard = async {
            while let Some(text) = self.heard.recv().await {
                if text == self.probe.text {
                    return true;
                }
            }
            false
        };
        match timeout(PATIENCE, heard).await {
            Ok(true) => {
                self.probe.due = None;
                Ok(())
            }
            Ok(false) => Err(StoreError::unavailable("the connection that listens was closed").into()),
            Err(_) => Err(OpenError::Deaf),
        }
    }

    /// Sends it on another connection, as all other senders do: a pooler returns one's own notifications but no others.
    async fn send_probe(&mut self) -> Result<(), StoreError> {
        if self.client.is_closed() {
            return Err(StoreError::unavailable("the connection that listens was closed"));
        }
        let Engine::Postgres(postgres) = &self.db.inner.engine else {
            return Ok(());
        };
        postgres
            .simple(&format!("NOTIFY {}, '{}'", self.channel, self.probe.text))
            .await?;
        self.probe.due.get_or_insert(Instant::now() + PATIENCE);
        Ok(())
    }
}

impl Probe {
    /// A random text that distinguishes it from those of other listeners; it is not a secret.
    fn new() -> Self {
        let chance = RandomState::new().build_hasher().finish();
        Self {
            text: format!("{PROBE}{chance:016x}"),
            every: interval_at(Instant::now() + PROBE_EVERY, PROBE_EVERY),
            due: None,
        }
    }
}

const PROBE: &str = "probe ";

#[expect(
    clippy::disallowed_methods,
    reason = "the only connection outside the pool, opened like those of the pool"
)]
async fn connect(
    address: &str,
    allow_unencrypted: bool,
) -> Result<(tokio_postgres::Client, mpsc::Receiver<String>), OpenError> {
    let Target { mut config, security } = url::parse(address, allow_unencrypted)?;
    config.connect_timeout(PATIENCE).application_name("countersign listens");
    let connecting = timeout(2 * PATIENCE, config.connect(tls::connector(&security)?)).await;
    let connected = connecting.map_err(|_| errors::silent())?;
    let (client, mut connection) = connected.map_err(|why| errors::store_error(&why))?;
    let (sender, heard) = mpsc::channel(WAITING);
    tokio::spawn(async move {
        while let Some(Ok(message)) = std::future::poll_fn(|task| connection.poll_message(task)).await {
            if let AsyncMessage::Notification(notification) = message {
                // Full: the reader will check anyway. Closed: the client is dropped too, which ends this.
                let _ = sender.try_send(notification.payload().to_owned());
            }
        }
    });
    Ok((client, heard))
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}
