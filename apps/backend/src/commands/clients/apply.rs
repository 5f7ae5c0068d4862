//! `countersign clients apply`.

use serde::Serialize;

use crate::Services;
use crate::commands::Failure;
use crate::commands::output::{Row, Standard};
use crate::features::oauth::apis::{Applied, Difference};

pub(super) async fn apply(dry_run: bool, services: &Services, output: &mut Standard) -> Result<(), Failure> {
    let caller = services.command_line();
    let differences = services.operator.apply_declared(dry_run, caller).await?;
    let apis = differences.apis.iter().map(|difference| Line::of("api", difference));
    let clients = differences
        .clients
        .iter()
        .map(|difference| Line::of("client", difference));
    let lines: Vec<_> = apis.chain(clients).collect();
    if lines.is_empty() && !output.is_json() {
        return Ok(output.document(b"Nothing differs from the settings file.\n")?);
    }
    Ok(output.rows(&lines)?)
}

/// A difference as shown to the operator.
#[derive(Serialize)]
struct Line {
    what: &'static str,
    name: String,
    change: Applied,
}

impl Line {
    fn of(what: &'static str, difference: &Difference) -> Self {
        Self {
            what,
            name: difference.name.clone(),
            change: difference.applied,
        }
    }
}

impl Row for Line {
    const COLUMNS: &'static [&'static str] = &["what", "name", "change"];

    fn cells(&self) -> Vec<String> {
        vec![self.what.to_owned(), self.name.clone(), self.change.name().to_owned()]
    }
}
