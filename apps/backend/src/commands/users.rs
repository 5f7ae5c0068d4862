//! `countersign users`: making, seeing and changing accounts.

use std::io;

use countersign_guard::Scopes;
use secrecy::ExposeSecret;
use serde::Serialize;
use serde_json::json;
use unicode_normalization::UnicodeNormalization;

use super::cli::{Account as Named, ListUsers, UserOrder, Users, WithPassword, WithScopes};
use super::output::{Row, Standard};
use super::{Failure, prompt};
use crate::Services;
use crate::core::clock::Timestamp;
use crate::core::email::{Email, NewEmail};
use crate::core::ids::AccountId;
use crate::core::password::{Password, PasswordContext};
use crate::features::accounts::{self, Account, AccountError};
use crate::features::auth::PasswordError;
use crate::features::outbox::Purpose;
use crate::installation::password_policy;
use crate::settings::Settings;

/// How many accounts are read at a time.
const PAGE: i64 = 1000;

/// A command whose arguments are known to be right.
pub(super) enum Prepared {
    /// An account with a password that the rules allow.
    Create { email: NewEmail, password: Password },
    /// An account whose owner sets the password.
    Invite(NewEmail),
    /// A command that makes no installation, and looks at what it was given when it has opened one.
    Other(Users),
}

/// Looks at what is to be made before anything is.
pub(super) fn prepare(command: Users, settings: &Settings) -> Result<Prepared, Failure> {
    Ok(match command {
        Users::Create(new) => {
            let email: NewEmail = new.account.email.parse()?;
            let password = asked_for(new.password_stdin)?;
            let about = PasswordContext {
                email: email.typed(),
                issuer_host: settings.issuer.host(),
            };
            let judged = password_policy(settings).check(&password, &about);
            judged.map_err(AccountError::Password)?;
            Prepared::Create { email, password }
        }
        Users::Invite(whom) => Prepared::Invite(whom.email.parse()?),
        other => Prepared::Other(other),
    })
}

pub(super) async fn run(command: Prepared, services: &Services, output: &mut Standard) -> Result<(), Failure> {
    let command = match command {
        Prepared::Create { email, password } => return create(email, password, services, output).await,
        Prepared::Invite(email) => return invite(email, services, output).await,
        Prepared::Other(command) => command,
    };
    match command {
        Users::Create(_) | Users::Invite(_) => Ok(()), // Done above.
        Users::Verify(whose) => verify(whose, services, output).await,
        Users::SendMail { account, purpose } => send_mail(account, purpose, services, output).await,
        Users::List(asked) => list(&asked, services, output).await,
        Users::Show(whose) => show(whose, services, output).await,
        Users::Disable(whose) => set_disabled(whose, true, services, output).await,
        Users::Enable(whose) => set_disabled(whose, false, services, output).await,
        Users::SetPassword(whose) => set_password(whose, services, output).await,
        Users::Delete { account, yes } => delete(account, yes, services, output).await,
        Users::Grant(given) => grant(given, services, output).await,
        Users::Ungrant(taken) => ungrant(taken, services, output).await,
    }
}

/// The account with this address or this id.
pub(super) async fn account(services: &Services, text: &str) -> Result<Account, Failure> {
    if let Ok(id) = text.parse() {
        let found = accounts::find(&services.db, AccountId(id)).await?;
        return found.ok_or_else(|| Failure::not_found(format!("there is no account with the id {text}")));
    }
    let email: Email = text.parse().map_err(|_| {
        Failure::new(format!(
            "{text:?} is neither an e-mail address, such as ada@example.com, nor the id of an account"
        ))
    })?;
    let found = accounts::find_by_email(&services.db, &email).await?;
    found.ok_or_else(|| Failure::not_found(format!("there is no account with the address {email}")))
}

async fn create(
    email: NewEmail,
    password: Password,
    services: &Services,
    output: &mut Standard,
) -> Result<(), Failure> {
    let account = services
        .accounts
        .register(email, password, services.command_line())
        .await?;
    let sentence = format!("Made the account {} for {}.", account.id, account.email);
    Ok(output.done(&sentence, &Listed::from(account))?)
}

async fn invite(email: NewEmail, services: &Services, output: &mut Standard) -> Result<(), Failure> {
    let made = services.operator.invite(&email).await?;
    let account = made.ok_or_else(|| Failure::new(format!("there is an account with the address {email} already")))?;
    let sentence = format!(
        "Made the account {} for {}; the server mails a link to set a password.",
        account.id, account.email
    );
    Ok(output.done(&sentence, &Listed::from(account))?)
}

async fn verify(whose: Named, services: &Services, output: &mut Standard) -> Result<(), Failure> {
    let account = account(services, &whose.email).await?;
    let sentence = match services.operator.verify_email(&account).await? {
        // Whoever signed up may not be whose mailbox it is.
        true => format!(
            "The address {0} counts as verified now. The password and the sessions that the account has go on working; \
             `countersign users set-password {0}` ends them.",
            account.email
        ),
        false => format!(
            "The address {} was verified before; nothing has changed.",
            account.email
        ),
    };
    Ok(output.done(&sentence, &json!({ "id": account.id, "email_verified": true }))?)
}

async fn send_mail(whose: Named, purpose: Purpose, services: &Services, output: &mut Standard) -> Result<(), Failure> {
    let account = account(services, &whose.email).await?;
    services.operator.send_mail(&account, purpose).await?;
    let sentence = format!(
        "The server sends the mail to {}; `countersign mail list` shows what became of it.",
        account.email
    );
    Ok(output.done(&sentence, &json!({ "id": account.id, "purpose": purpose }))?)
}

async fn list(asked: &ListUsers, services: &Services, output: &mut Standard) -> Result<(), Failure> {
    let search = asked.search.as_deref().map(folded);
    let is_found = |account: &Account| search.as_ref().is_none_or(|text| folded(&account.email).contains(text));
    let mut found: Vec<Account> = Vec::new();
    let mut after = AccountId(uuid::Uuid::nil());
    loop {
        let page = accounts::list(&services.db, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.id;
        found.extend(page.into_iter().filter(is_found));
    }
    match asked.order {
        UserOrder::Created => {} // The order of their ids.
        UserOrder::Email => found.sort_by_cached_key(|account| folded(&account.email)),
        UserOrder::LastSignIn => found.sort_by_key(|account| account.last_sign_in_at),
    }
    if asked.descending {
        found.reverse();
    }
    let limit = asked.limit.and_then(|limit| usize::try_from(limit).ok());
    let rows: Vec<Listed> = found
        .into_iter()
        .take(limit.unwrap_or(usize::MAX))
        .map(Listed::from)
        .collect();
    Ok(output.rows(&rows)?)
}

/// A text in one spelling, whatever its case.
fn folded(text: &str) -> String {
    text.nfkc().collect::<String>().to_lowercase().nfc().collect()
}

async fn show(whose: Named, services: &Services, output: &mut Standard) -> Result<(), Failure> {
    let account = account(services, &whose.email).await?;
    let scopes = accounts::scopes(&services.db, account.id).await?.to_string();
    let sessions = services.sessions.list(account.id).await?.len();
    Ok(output.row(&Shown {
        account: Listed::from(account),
        scopes,
        sessions,
    })?)
}

async fn set_disabled(whose: Named, disabled: bool, services: &Services, output: &mut Standard) -> Result<(), Failure> {
    let account = account(services, &whose.email).await?;
    let has_changed = services.operator.set_disabled(account.id, disabled).await?;
    let sentence = match (disabled, has_changed) {
        (true, true) => format!("Disabled {}; all its sessions have ended.", account.email),
        (false, true) => format!("Enabled {}; it must sign in again.", account.email),
        (true, false) => format!("{} was disabled before; nothing has changed.", account.email),
        (false, false) => format!("{} was not disabled; nothing has changed.", account.email),
    };
    Ok(output.done(&sentence, &json!({ "id": account.id, "disabled": disabled }))?)
}

async fn set_password(whose: WithPassword, services: &Services, output: &mut Standard) -> Result<(), Failure> {
    let account = account(services, &whose.account.email).await?;
    services
        .operator
        .set_password(&account, asked_for(whose.password_stdin)?)
        .await?;
    let sentence = format!("Set the password of {}; all its sessions have ended.", account.email);
    Ok(output.done(&sentence, &json!({ "id": account.id }))?)
}

async fn delete(whose: Named, yes: bool, services: &Services, output: &mut Standard) -> Result<(), Failure> {
    let account = account(services, &whose.email).await?;
    if !yes
        && !prompt::confirm(&format!(
            "Delete {} and all that is stored about this person?",
            account.email
        ))?
    {
        return Err(Failure::new("nothing was deleted"));
    }
    services.operator.delete(&account).await?;
    Ok(output.done(&format!("Deleted {}.", account.email), &json!({ "id": account.id }))?)
}

async fn grant(given: WithScopes, services: &Services, output: &mut Standard) -> Result<(), Failure> {
    let account = account(services, &given.account.email).await?;
    let given = services.operator.grant(account.id, &parsed(&given.scopes)).await?;
    say_scopes((&account, given.is_empty()), services, output).await
}

async fn ungrant(taken: WithScopes, services: &Services, output: &mut Standard) -> Result<(), Failure> {
    let account = account(services, &taken.account.email).await?;
    let taken = services.operator.ungrant(account.id, &parsed(&taken.scopes)).await?;
    say_scopes((&account, taken.is_empty()), services, output).await
}

async fn say_scopes(
    (account, unchanged): (&Account, bool),
    services: &Services,
    output: &mut Standard,
) -> Result<(), Failure> {
    let scopes = accounts::scopes(&services.db, account.id).await?;
    let names: Vec<_> = scopes.iter().collect();
    let mut sentence = match (unchanged, names.is_empty()) {
        (true, true) => format!("Nothing has changed: {} owns no scopes.", account.email),
        (true, false) => format!("Nothing has changed: {} owns {scopes}.", account.email),
        (false, true) => format!("{} owns no scopes.", account.email),
        (false, false) => format!("{} owns {scopes}; its next sign-in can ask for them.", account.email),
    };
    let verified = account.email_verified_at.is_some();
    // Anyone can sign up with an email address that is not theirs, before its owner does.
    if !verified && !names.is_empty() {
        sentence.push_str(" Its email address is not verified: make sure that the account is the right person's.");
    }
    let object = json!({ "id": account.id, "email_verified": verified, "scopes": names });
    Ok(output.done(&sentence, &object)?)
}

/// The command line has parsed each.
fn parsed(scopes: &[String]) -> Scopes {
    scopes.iter().cloned().collect()
}

fn asked_for(from_stdin: bool) -> Result<Password, Failure> {
    let password = if from_stdin {
        prompt::password_from(io::stdin())?
    } else {
        prompt::new_password()?
    };
    Ok(Password::from(password.expose_secret().to_owned()))
}

impl From<AccountError> for Failure {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::Password(fault) => Self::new(fault),
            error => Self::new(error),
        }
    }
}

impl From<PasswordError> for Failure {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Fault(fault) => Self::new(fault),
            error => Self::new(error),
        }
    }
}

/// An account as the operator sees it.
#[derive(Serialize)]
struct Listed {
    id: AccountId,
    email: String,
    email_verified_at: Option<Timestamp>,
    created_at: Timestamp,
    last_sign_in_at: Option<Timestamp>,
    disabled_at: Option<Timestamp>,
}

impl From<Account> for Listed {
    fn from(account: Account) -> Self {
        Self {
            id: account.id,
            email: account.email,
            email_verified_at: account.email_verified_at,
            created_at: account.created_at,
            last_sign_in_at: account.last_sign_in_at,
            disabled_at: account.disabled_at,
        }
    }
}

impl Row for Listed {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "email",
        "verified at",
        "created at",
        "last sign in at",
        "disabled at",
    ];

    fn cells(&self) -> Vec<String> {
        let time = |time: Option<Timestamp>| time.map(|time| time.to_string()).unwrap_or_default();
        vec![
            self.id.to_string(),
            self.email.clone(),
            time(self.email_verified_at),
            self.created_at.to_string(),
            time(self.last_sign_in_at),
            time(self.disabled_at),
        ]
    }
}

/// An account with what hangs on it.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    account: Listed,
    scopes: String,
    sessions: usize,
}

impl Row for Shown {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "email",
        "verified at",
        "created at",
        "last sign in at",
        "disabled at",
        "scopes",
        "sessions",
    ];

    fn cells(&self) -> Vec<String> {
        let mut cells = self.account.cells();
        cells.extend([self.scopes.clone(), self.sessions.to_string()]);
        cells
    }
}
