//! `countersign keys …`. Each change prints what happens next.

mod inspect;
mod log;
mod sealing;
mod signing;
#[cfg(test)]
mod tests;

use std::io::Write;

use countersign_jose::SigningAlg;

use self::log::Log;
use super::Failure;
use super::cli::{Generate, KeysCommand, Rotate, SealingCommand};
use super::installation::Installation;
use super::output::Output;
use super::process::Process;
use crate::core::clock::Clock;
use crate::features::operations::keys::{KeyOperator, check_keys};
use crate::installation::{Opening, key_options, open_database};

pub(super) fn run<W: Write>(command: KeysCommand, process: Process, output: &mut Output<W>) -> Result<(), Failure> {
    match command {
        KeysCommand::Generate(Generate { rsa: true }) => change(process, async |operator, log| {
            signing::generate_rsa(operator, log, output).await
        }),
        KeysCommand::Generate(Generate { rsa: false }) => process.with_installation(Opening::OrCreate, async |at| {
            // Checked before a database is created.
            check_keys(&key_options(&at.settings)).await?;
            operate(&at, async |operator, log| {
                signing::generate(operator, log, output).await
            })
            .await
        }),
        KeysCommand::List => process.with_installation(Opening::Reading, async |at| {
            operate(&at, async |operator, _| {
                signing::list(operator, &at.settings, output).await
            })
            .await
        }),
        KeysCommand::Rotate(Rotate { activate, wait, rsa }) => change(process, async |operator, log| {
            let alg = if rsa { SigningAlg::Rs256 } else { SigningAlg::Es256 };
            match (activate, wait) {
                (true, _) => signing::activate(operator, log, alg, output).await,
                (false, true) => signing::wait(operator, log, alg, output).await,
                (false, false) => signing::publish(operator, log, alg, output).await,
            }
        }),
        KeysCommand::Retire { kid } => change(process, async |operator, log| {
            signing::retire(operator, log, kid, output).await
        }),
        KeysCommand::Revoke { kid } => change(process, async |operator, log| {
            signing::revoke(operator, log, &kid, output).await
        }),
        KeysCommand::Sealing(SealingCommand::Rotate) => change(process, async |operator, log| {
            sealing::rotate(operator, log, output).await
        }),
        KeysCommand::Sealing(SealingCommand::List) => process.with_installation(Opening::Reading, async |at| {
            operate(&at, async |operator, _| sealing::list(operator, output).await).await
        }),
        KeysCommand::Sealing(SealingCommand::Retire { id }) => change(process, async |operator, log| {
            sealing::retire(operator, log, id, output).await
        }),
        KeysCommand::Inspect { file } => {
            process.with_settings(async |loaded| inspect::show(file, &loaded.settings, output))
        }
    }
}

/// Changes the keys of an existing installation.
fn change(process: Process, work: impl AsyncFnOnce(&KeyOperator, &Log) -> Result<(), Failure>) -> Result<(), Failure> {
    process.with_installation(Opening::Existing, async |at| operate(&at, work).await)
}

/// Runs `work` on the keys of an installation, and closes the database afterwards.
async fn operate(
    at: &Installation,
    work: impl AsyncFnOnce(&KeyOperator, &Log) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let clock = Clock::system();
    let db = open_database(&at.settings, &at.access, &clock).await?;
    let operator = KeyOperator::new(key_options(&at.settings), db.clone(), clock.clone());
    let log = Log {
        db: db.clone(),
        clock,
        caller: at.access.caller(),
        json: at.json,
    };
    let done = work(&operator, &log).await;
    db.close().await?;
    done
}
