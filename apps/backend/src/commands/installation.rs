//! What a command works on.

use std::path::Path;

use super::Failure;
use super::output::harmless_lines;
use crate::Services;
use crate::core::clock::Clock;
use crate::installation::{Access, Opening, place_of};
use crate::settings::Settings;

/// What a command works on, who does, and whether it may be made.
pub(super) struct Installation {
    pub(super) settings: Settings,
    pub(super) access: Access,
    pub(super) json: bool,
}

impl Installation {
    /// Does `work` with everything, beside a server that may be running, and closes the database after it: what only reads
    /// leaves no log behind.
    pub(super) async fn administer(
        self,
        work: impl AsyncFnOnce(&Services) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        if self.access.opening == Opening::OrCreate && database_is_new(&self.settings) {
            let place = place_of(&self.settings);
            notice(self.json, &format!("creating the database {place}"));
        }
        let services = Services::open_as(self.settings, self.access, Clock::system()).await?;
        let done = work(&services).await;
        services.db.close().await?;
        done
    }
}

/// Whether the embedded database is still to be made.
pub(super) fn database_is_new(settings: &Settings) -> bool {
    let path = settings.database_url.expose().strip_prefix("sqlite://");
    path.is_some_and(|path| !Path::new(path).exists())
}

/// Tells a person something beside the output: with `--json`, as JSON.
#[expect(clippy::print_stderr, reason = "it is no part of the output")]
pub(super) fn notice(json: bool, sentence: &str) {
    match json {
        true => eprintln!("{}", serde_json::json!({ "notice": sentence })),
        false => eprintln!("countersign: {}", harmless_lines(sentence)),
    }
}
