//! `countersign migrate`: migrates only the schema.

use countersign_store::Db;
use serde_json::json;

use super::Failure;
use super::installation::Installation;
use super::output::Standard;
use crate::core::clock::Clock;
use crate::installation::{database_options, look_at_file};
use crate::migrations;

pub(super) async fn migrate(at: &Installation, output: &mut Standard) -> Result<(), Failure> {
    look_at_file(at.settings.database_url.expose())?;
    let db = Db::open(&database_options(&at.settings, &at.access)).await?;
    let applied = db.migrate(migrations::known(), Clock::system().now().millis()).await?.0;
    let sentence = match applied.len() {
        0 => "The schema is up to date.".to_owned(),
        count => format!("Applied {count} migration(s); the schema is up to date."),
    };
    Ok(output.done(&sentence, &json!({ "applied": applied }))?)
}
