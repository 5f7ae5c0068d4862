//! `countersign users`: making, seeing and changing accounts.

mod change;
mod create;
mod find;
mod list;
mod password;
mod scopes;

pub(super) use self::create::{Prepared, prepare};
pub(super) use self::find::account;
use super::Failure;
use super::cli::Users;
use super::output::Standard;
use crate::Services;

pub(super) async fn run(command: Prepared, services: &Services, output: &mut Standard) -> Result<(), Failure> {
    let command = match command {
        Prepared::Create { email, password } => return create::create(email, password, services, output).await,
        Prepared::Invite(email) => return create::invite(email, services, output).await,
        Prepared::Other(command) => command,
    };
    match command {
        Users::Create(_) | Users::Invite(_) => Ok(()), // Done above.
        Users::Verify(whose) => change::verify(whose, services, output).await,
        Users::SendMail { account, purpose } => change::send_mail(account, purpose, services, output).await,
        Users::List(asked) => list::list(&asked, services, output).await,
        Users::Show(whose) => list::show(whose, services, output).await,
        Users::Disable(whose) => change::set_disabled(whose, true, services, output).await,
        Users::Enable(whose) => change::set_disabled(whose, false, services, output).await,
        Users::SetPassword(whose) => password::set_password(whose, services, output).await,
        Users::Delete { account, yes } => change::delete(account, yes, services, output).await,
        Users::Grant(given) => scopes::grant(given, services, output).await,
        Users::Ungrant(taken) => scopes::ungrant(taken, services, output).await,
    }
}
