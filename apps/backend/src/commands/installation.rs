//! The installation that a command works on.

use std::path::Path;

use super::Failure;
use super::output::harmless_lines;
use crate::Services;
use crate::core::clock::Clock;
use crate::installation::{Access, Opening, place_of};
use crate::settings::Settings;

/// The settings of an installation, and how it may be opened.
pub(super) struct Installation {
    pub(super) settings: Settings,
    pub(super) access: Access,
    pub(super) json: bool,
}

impl Installation {
    /// Runs `work` with the services of the installation, even while a server is running, and closes the database
    /// afterwards, so that a read-only command leaves no write-ahead log behind.
    pub(super) async fn administer(
        self,
        work: impl AsyncFnOnce(&Services) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        if self.access.opening == Opening::OrCreate && database_is_new(&self.settings) {
            let place = place_of(&self.settings);
            notice(self.json, &format!("creating the database {place}"));
        }
        let services = Box::pin(Services::open_as(self.settings, self.access, Clock::system())).await?;
        let done = Box::pin(work(&services)).await;
        services.db.close().await?;
        done
    }
}

/// Reports whether the embedded database does not exist yet.
pub(super) fn database_is_new(settings: &Settings) -> bool {
    let path = settings.database_url.expose().strip_prefix("sqlite://");
    path.is_some_and(|path| !Path::new(path).exists())
}

/// Prints a notice to the standard error, as JSON with `--json`.
#[expect(clippy::print_stderr, reason = "it is not part of the output")]
pub(super) fn notice(json: bool, sentence: &str) {
    match json {
        true => eprintln!("{}", serde_json::json!({ "notice": sentence })),
        false => eprintln!("countersign: {}", harmless_lines(sentence)),
    }
}
