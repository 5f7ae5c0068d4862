//! `countersign keys …`. Each change ends with a sentence on what happens next.

mod inspect;
mod log;
mod sealing;
mod signing;
#[cfg(test)]
mod tests;

use std::io::Write;

use self::log::Log;
use super::Failure;
use super::cli::{Keys, Rotate, Sealing};
use super::output::Output;
use crate::core::clock::Clock;
use crate::features::keys::{KeyOperator, check_keys};
use crate::installation::{Access, key_options, open_database};
use crate::settings::Settings;

/// Runs a command on the keys.
///
/// # Errors
/// [`Failure`] with the sentence of the error.
pub(super) async fn run<W: Write>(
    command: Keys,
    (settings, access): (&Settings, &Access),
    output: &mut Output<W>,
) -> Result<(), Failure> {
    if let Keys::Inspect { file } = command {
        return inspect::show(file, settings, output);
    }
    let clock = Clock::system();
    if matches!(command, Keys::Generate) {
        // Before a database is made for it.
        check_keys(&key_options(settings)).await?;
    }
    let db = open_database(settings, access, &clock).await?;
    let operator = &KeyOperator::new(key_options(settings), db.clone(), clock.clone());
    let log = &Log {
        db: db.clone(),
        clock,
        caller: access.caller(),
        json: output.is_json(),
    };
    let done = match command {
        Keys::Generate => signing::generate(operator, log, output).await,
        Keys::List => signing::list(operator, settings, output).await,
        Keys::Rotate(Rotate { activate: true, .. }) => signing::activate(operator, log, output).await,
        Keys::Rotate(Rotate { wait: true, .. }) => signing::wait(operator, log, output).await,
        Keys::Rotate(_) => signing::publish(operator, log, output).await,
        Keys::Retire { kid } => signing::retire(operator, log, kid, output).await,
        Keys::Revoke { kid } => signing::revoke(operator, log, &kid, output).await,
        Keys::Sealing(Sealing::Rotate) => sealing::rotate(operator, log, output).await,
        Keys::Sealing(Sealing::List) => sealing::list(operator, output).await,
        Keys::Sealing(Sealing::Retire { id }) => sealing::retire(operator, log, id, output).await,
        Keys::Inspect { .. } => Ok(()), // Done above.
    };
    db.close().await?;
    done
}
