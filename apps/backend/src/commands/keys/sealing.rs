//! The sealing keys: `countersign keys sealing`.

use std::io::Write;

use serde::Serialize;

use super::log::Log;
use crate::commands::Failure;
use crate::commands::output::{Output, Row};
use crate::core::clock::Timestamp;
use crate::features::operations::audit::EventKind;
use crate::features::operations::keys::{KeyOperator, ListedSealingKey};

pub(super) async fn rotate<W: Write>(operator: &KeyOperator, log: &Log, output: &mut Output<W>) -> Result<(), Failure> {
    let made = operator.rotate_sealing().await?;
    log.write(EventKind::SealingKeyCreated, &made.id).await;
    let sentence = match (&made.replaces, made.retirable_at) {
        (Some(old), Some(retirable_at)) => format!(
            "Created the sealing key {}. Servers load it within seconds and use it from {}. From {retirable_at}, \
             the key it replaces can be removed with `countersign keys sealing retire {old}`.",
            made.id, made.active_at
        ),
        _ => format!(
            "Created the sealing key {}. Servers that use this folder use it immediately.",
            made.id
        ),
    };
    Ok(output.done(&sentence, &made)?)
}

pub(super) async fn list<W: Write>(operator: &KeyOperator, output: &mut Output<W>) -> Result<(), Failure> {
    Ok(output.rows(&operator.list_sealing().await?)?)
}

pub(super) async fn retire<W: Write>(
    operator: &KeyOperator,
    log: &Log,
    id: String,
    output: &mut Output<W>,
) -> Result<(), Failure> {
    operator.retire_sealing(&id).await?;
    log.write(EventKind::SealingKeyRetired, &id).await;
    let sentence = format!("Removed the sealing key {id}. Servers stop using it within seconds.");
    Ok(output.done(&sentence, &RetiredKey { id })?)
}

/// A retired sealing key.
#[derive(Serialize)]
struct RetiredKey {
    id: String,
}

impl Row for ListedSealingKey {
    const COLUMNS: &'static [&'static str] = &["id", "state", "since", "active from", "can be retired from"];

    fn cells(&self) -> Vec<String> {
        let time = |at: Option<Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
        vec![
            self.id.clone(),
            self.state.name().to_owned(),
            time(self.since),
            time(self.active_at),
            time(self.retirable_at),
        ]
    }
}
