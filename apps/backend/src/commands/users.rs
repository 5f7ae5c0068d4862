//! `countersign users`: creates, lists and changes accounts.

mod change;
mod create;
mod find;
mod list;
mod password;
mod profile;
mod scopes;

pub(super) use self::find::account;
use super::Failure;
use super::cli::UsersCommand;
use super::output::Standard;
use super::process::Process;
use crate::Services;
use crate::installation::Opening;

pub(super) fn run(command: UsersCommand, process: Process, output: &mut Standard) -> Result<(), Failure> {
    match command {
        // Validate the input before an installation is created.
        UsersCommand::Create(new) => process.with_installation(Opening::OrCreate, async |at| {
            let new = create::parse(new, &at.settings)?;
            Box::pin(at.administer(async |services| create::create(new, services, output).await)).await
        }),
        UsersCommand::Invite(whom) => process.with_installation(Opening::OrCreate, async |at| {
            let email = whom.email.parse()?;
            at.administer(async |services| create::invite(email, services, output).await)
                .await
        }),
        UsersCommand::List(asked) => process.administer(Opening::Reading, async |services| {
            list::list(&asked, services, output).await
        }),
        UsersCommand::Show(whose) => process.administer(Opening::Reading, async |services| {
            list::show(whose, services, output).await
        }),
        UsersCommand::Edit(changes) => change(process, async |services| change::edit(changes, services, output).await),
        UsersCommand::Profile(asked) => {
            let opening = profile::opening(&asked);
            process.administer(opening, async |services| profile::run(asked, services, output).await)
        }
        UsersCommand::Verify(whose) => change(process, async |services| change::verify(whose, services, output).await),
        UsersCommand::SendMail { account, purpose } => change(process, async |services| {
            change::send_mail(account, purpose, services, output).await
        }),
        UsersCommand::Disable(whose) => change(process, async |services| {
            change::set_disabled(whose, true, services, output).await
        }),
        UsersCommand::Enable(whose) => change(process, async |services| {
            change::set_disabled(whose, false, services, output).await
        }),
        UsersCommand::SetPassword(whose) => change(process, async |services| {
            password::set_password(whose, services, output).await
        }),
        UsersCommand::Delete { account, yes } => change(process, async |services| {
            change::delete(account, yes, services, output).await
        }),
        UsersCommand::Grant(given) => change(process, async |services| scopes::grant(given, services, output).await),
        UsersCommand::Ungrant(taken) => {
            change(process, async |services| scopes::ungrant(taken, services, output).await)
        }
    }
}

/// Runs a command on existing accounts.
fn change(process: Process, work: impl AsyncFnOnce(&Services) -> Result<(), Failure>) -> Result<(), Failure> {
    process.administer(Opening::Existing, work)
}
