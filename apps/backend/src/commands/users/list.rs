//! `countersign users list` and `show`.

use serde::Serialize;
use unicode_normalization::UnicodeNormalization;

use super::find::account;
use crate::Services;
use crate::commands::Failure;
use crate::commands::cli::{Account as Named, ListUsers, UserOrder};
use crate::commands::output::{Row, Standard};
use crate::core::clock::Timestamp;
use crate::core::ids::AccountId;
use crate::core::profile::{Metadata, PersonName};
use crate::features::identity::accounts::{self, Account};

/// The number of accounts read at a time.
const PAGE: i64 = 1000;

pub(super) async fn list(asked: &ListUsers, services: &Services, output: &mut Standard) -> Result<(), Failure> {
    let search = asked.search.as_deref().map(folded);
    let is_found = |account: &Account| search.as_ref().is_none_or(|text| is_like(account, text));
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
    let rows: Vec<ListedAccount> = found
        .into_iter()
        .take(limit.unwrap_or(usize::MAX))
        .map(ListedAccount::from)
        .collect();
    Ok(output.rows(&rows)?)
}

/// Returns whether the email address or the name contains the text.
fn is_like(account: &Account, text: &str) -> bool {
    let name = account.name.as_ref().map(|name| folded(name.as_str()));
    folded(&account.email).contains(text) || name.is_some_and(|name| name.contains(text))
}

/// Normalizes a text for case-insensitive comparison.
fn folded(text: &str) -> String {
    text.nfkc().collect::<String>().to_lowercase().nfc().collect()
}

pub(super) async fn show(whose: Named, services: &Services, output: &mut Standard) -> Result<(), Failure> {
    let account = account(services, &whose.email).await?;
    let scopes = accounts::scopes(&services.db, account.id).await?.to_string();
    let sessions = services.sessions.list(account.id).await?.len();
    Ok(output.row(&ShownAccount {
        metadata: account.metadata.clone(),
        account: ListedAccount::from(account),
        scopes,
        sessions,
    })?)
}

/// An account as shown to the operator.
#[derive(Serialize)]
pub(super) struct ListedAccount {
    id: AccountId,
    email: String,
    name: Option<PersonName>,
    email_verified_at: Option<Timestamp>,
    created_at: Timestamp,
    last_sign_in_at: Option<Timestamp>,
    disabled_at: Option<Timestamp>,
}

impl From<Account> for ListedAccount {
    fn from(account: Account) -> Self {
        Self {
            id: account.id,
            email: account.email,
            name: account.name,
            email_verified_at: account.email_verified_at,
            created_at: account.created_at,
            last_sign_in_at: account.last_sign_in_at,
            disabled_at: account.disabled_at,
        }
    }
}

impl Row for ListedAccount {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "email",
        "name",
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
            self.name.as_ref().map(ToString::to_string).unwrap_or_default(),
            time(self.email_verified_at),
            self.created_at.to_string(),
            time(self.last_sign_in_at),
            time(self.disabled_at),
        ]
    }
}

/// An account with its related data.
#[derive(Serialize)]
struct ShownAccount {
    #[serde(flatten)]
    account: ListedAccount,
    metadata: Metadata,
    scopes: String,
    sessions: usize,
}

impl Row for ShownAccount {
    const COLUMNS: &'static [&'static str] = &[
        "id",
        "email",
        "name",
        "verified at",
        "created at",
        "last sign in at",
        "disabled at",
        "metadata",
        "scopes",
        "sessions",
    ];

    fn cells(&self) -> Vec<String> {
        let mut cells = self.account.cells();
        let metadata = match self.metadata.is_empty() {
            true => String::new(),
            false => self.metadata.to_string(),
        };
        cells.extend([metadata, self.scopes.clone(), self.sessions.to_string()]);
        cells
    }
}
