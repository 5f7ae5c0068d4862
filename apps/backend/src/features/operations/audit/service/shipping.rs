//! Sends checkpoints to a file and a URL: only a copy outside the database proves that the end of the log is complete.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use countersign_jose::decode_without_verifying;
use countersign_store::StoreError;
use http::HeaderValue;
use tracing::Instrument;

use super::super::store::sealed::{self, Checkpoint};
use crate::core::outbound::{Outbound, OutboundError};
use crate::core::platform::Platform;
use crate::settings::{self, regular_file};

/// The maximum number of checkpoints per batch.
const PAGE: i64 = 100;
/// The maximum length of a line read from the file. A checkpoint has a few hundred bytes.
const TAIL: i64 = 16 << 10;
/// RFC 7515 §9.2.1: a JWS in compact form.
const JOSE: HeaderValue = HeaderValue::from_static("application/jose");

/// The destinations of checkpoints, and their progress.
pub(super) struct Shipping {
    file: Option<(PathBuf, Option<i64>)>,
    webhook: Option<(String, Result<Outbound, OutboundError>)>,
    failing: bool,
}

/// Why a checkpoint was not shipped.
#[derive(Debug, thiserror::Error)]
enum ShipError {
    #[error("failed to write audit.checkpoint_file: {0}")]
    File(#[from] io::Error),
    #[error("audit.checkpoint_url did not accept the checkpoint: {0}")]
    Webhook(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Shipping {
    pub(super) fn of(settings: &settings::Audit) -> Self {
        let webhook = settings.checkpoint_url.as_ref();
        Self {
            file: settings.checkpoint_file.clone().map(|path| (path, None)),
            webhook: webhook.map(|url| (url.as_str().to_owned(), Outbound::new())),
            failing: false,
        }
    }

    /// Ships new checkpoints. A failure is logged once and retried later.
    pub(super) async fn ship(&mut self, platform: &Platform) -> Result<(), StoreError> {
        let shipped = match self.append(platform).await {
            Ok(()) => self.post(platform).await,
            failed => failed,
        };
        platform.metrics.audit_shipping(shipped.is_ok());
        let was_failing = std::mem::replace(&mut self.failing, shipped.is_err());
        match shipped {
            Err(ShipError::Store(error)) => return Err(error),
            Err(error) if !was_failing => tracing::warn!(%error, "failed to ship audit checkpoint; will retry"),
            Ok(()) if was_failing => tracing::info!("resumed shipping audit checkpoints"),
            Ok(()) | Err(_) => {}
        }
        Ok(())
    }

    /// Each node writes a complete file; its last line shows the progress.
    async fn append(&mut self, platform: &Platform) -> Result<(), ShipError> {
        let Some((path, reached)) = &mut self.file else {
            return Ok(());
        };
        loop {
            let after = match *reached {
                Some(reached) => reached,
                None => last_place(path)?,
            };
            let new = sealed::checkpoints(&platform.db, after, PAGE).await?;
            let Some(last) = new.last().map(|checkpoint| checkpoint.seq) else {
                *reached = Some(after);
                return Ok(());
            };
            let path = path.clone();
            #[expect(
                clippy::disallowed_methods,
                reason = "a sync may take a while; there is one of them at a time"
            )]
            let written = tokio::task::spawn_blocking(move || write_lines(&path, &new)).await;
            // The last line may be incomplete if this failed, so the progress is read from the file again.
            *reached = None;
            written.map_err(io::Error::other)??;
            *reached = Some(last);
        }
    }

    async fn post(&self, platform: &Platform) -> Result<(), ShipError> {
        let Some((url, client)) = &self.webhook else {
            return Ok(());
        };
        let client = client.as_ref().map_err(|error| ShipError::Webhook(error.to_string()))?;
        for Checkpoint { seq, token } in sealed::unsent(&platform.db, PAGE).await? {
            let span = tracing::info_span!("ship a checkpoint", otel.kind = "client");
            let posted = client.post(url, JOSE, Bytes::from(token)).instrument(span).await;
            posted.map_err(|error| ShipError::Webhook(error.to_string()))?;
            sealed::mark_sent(&platform.db, seq, platform.clock.now()).await?;
        }
        Ok(())
    }
}

/// Returns the last position that the file's checkpoints cover; 0 for a new file.
fn last_place(path: &Path) -> io::Result<i64> {
    let mut file = match regular_file::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    let length = i64::try_from(file.metadata()?.len()).unwrap_or(i64::MAX);
    file.seek(SeekFrom::End(-length.min(TAIL)))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    let tail = String::from_utf8_lossy(&tail);
    let place = |line: &str| decode_without_verifying(line).ok()?.claims.get("last")?.as_i64();
    Ok(tail.lines().rev().find_map(place).unwrap_or(0))
}

fn write_lines(path: &Path, checkpoints: &[Checkpoint]) -> io::Result<()> {
    let mut file = regular_file::append(path)?;
    let mut lines = String::new();
    // A full disk may have left an incomplete line.
    if !ends_with_line(path)? {
        lines.push('\n');
    }
    for checkpoint in checkpoints {
        lines.push_str(&checkpoint.token);
        lines.push('\n');
    }
    file.write_all(lines.as_bytes())?;
    file.sync_data()
}

fn ends_with_line(path: &Path) -> io::Result<bool> {
    let mut file = regular_file::open(path)?;
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == [b'\n'])
}
