//! Notifications: one connection of its own that listens, beside the pool. What comes is only a hint to look; what
//! happened is in the tables.

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

/// Hears what is sent to a channel by [`Tx::notify`](crate::Tx::notify). Dropped, it closes its connection.
pub struct Listener {
    db: Db,
    channel: &'static str,
    // Its connection closes with it.
    client: tokio_postgres::Client,
    heard: mpsc::Receiver<String>,
    probe: Probe,
}

/// What we sent ourselves to see whether we hear.
struct Probe {
    text: String,
    every: tokio::time::Interval,
    /// Until when the last one must have come.
    due: Option<Instant>,
}

/// How often it is tried out whether anything is still heard: a connection can be dead without a word.
const PROBE_EVERY: Duration = Duration::from_secs(15);
/// Notifications that wait to be read. They all say the same, so more are dropped.
const WAITING: usize = 16;

impl Db {
    /// Listens for [`Tx::notify`](crate::Tx::notify) on a connection of its own, to `url` or (where it is none) to this very database. It
    /// is known to work when this returns: a notification was sent through the pool, and came.
    ///
    /// # Errors
    /// [`OpenError`]; [`OpenError::Deaf`] where nothing comes, as through a pooler, and on SQLite.
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

    /// Waits until something was sent.
    ///
    /// # Errors
    /// The connection is gone, or nothing is heard any more: open another one, and look what was missed.
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

    /// By another connection, which is how all others send: a pooler brings one's own words back, and no others.
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
    /// Its text is told apart from those of other listeners by chance alone, and guards nothing.
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
    reason = "the one connection beside the pool, opened as the pool opens its own"
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
                // Full: whoever reads them will look anyway. Closed: the client goes too, which ends this.
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
