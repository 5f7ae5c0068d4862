//! `countersign clients`: registers, lists and changes clients.

mod apply;
mod change;
mod create;
mod find;
mod list;

use super::Failure;
use super::cli::ClientsCommand;
use super::output::Standard;
use super::process::Process;
use crate::Services;
use crate::installation::Opening;

pub(super) fn run(command: ClientsCommand, process: Process, output: &mut Standard) -> Result<(), Failure> {
    match command {
        // Validate the input before an installation is created.
        ClientsCommand::Create(new) => process.with_installation(Opening::OrCreate, async |at| {
            let new = create::parse(&new, &at.settings)?;
            at.administer(async |services| create::create(&new, services, output).await)
                .await
        }),
        ClientsCommand::List => {
            process.administer(Opening::Reading, async |services| list::list(services, output).await)
        }
        ClientsCommand::Show(which) => process.administer(Opening::Reading, async |services| {
            list::show(&which.client_id, services, output).await
        }),
        ClientsCommand::Update(changes) => change(process, async |services| {
            change::update(&changes, services, output).await
        }),
        ClientsCommand::RotateSecret { client, grace } => change(process, async |services| {
            change::rotate_secret(&client.client_id, grace, services, output).await
        }),
        ClientsCommand::Disable(which) => change(process, async |services| {
            change::disable(&which.client_id, services, output).await
        }),
        ClientsCommand::Enable(which) => change(process, async |services| {
            change::enable(&which.client_id, services, output).await
        }),
        ClientsCommand::Delete { client, yes } => change(process, async |services| {
            change::delete(&client.client_id, yes, services, output).await
        }),
        ClientsCommand::Apply { dry_run: true } => process.administer(Opening::Reading, async |services| {
            apply::apply(true, services, output).await
        }),
        ClientsCommand::Apply { dry_run: false } => {
            change(process, async |services| apply::apply(false, services, output).await)
        }
    }
}

/// Runs a command on existing clients.
fn change(process: Process, work: impl AsyncFnOnce(&Services) -> Result<(), Failure>) -> Result<(), Failure> {
    process.administer(Opening::Existing, work)
}
