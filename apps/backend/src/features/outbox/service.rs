//! Which mails there are, and the rules of owing, claiming and ending them.

use std::time::Duration;

use countersign_store::{Error, Tx};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use crate::core::language::Language;

use super::store::{self, Listed, Overdue, Row};
use crate::Context;
use crate::core::chance::Chance;
use crate::core::clock::Timestamp;
use crate::core::email::Email;
use crate::core::handle::HandleHash;
use crate::core::ids::{AccountId, RegistrationId, SessionId, uuid_v7};

/// How long an attempt is reserved for whoever began it. Longer than a mail server may take.
const LEASE: Duration = Duration::from_secs(60);
/// How long after a failure it is tried again; twice as long after each further one, up to [`SLOWEST`].
const FIRST_RETRY: Duration = Duration::from_secs(10);
const SLOWEST: Duration = Duration::from_secs(30 * 60);

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAYS: Duration = Duration::from_secs(3 * 24 * 60 * 60);

macro_rules! purposes {
    ($($(#[$doc:meta])+ $variant:ident = $name:literal, $useful:ident;)+) => {
        /// What a mail is for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Purpose { $($(#[$doc])+ $variant,)+ }

        impl Purpose {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Its stable name.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// How long it is worth sending.
            fn useful(self) -> Duration {
                match self { $(Self::$variant => $useful,)+ }
            }
        }
    };
}

purposes! {
    /// Prove that an address is yours.
    VerifyEmail = "verify_email", DAYS;
    /// Set a new password.
    ResetPassword = "reset_password", HOUR;
    /// Sign in.
    SignIn = "sign_in", HOUR;
    /// Prove that a new address is yours.
    ChangeEmail = "change_email", HOUR;
    /// Somebody signed up with an address that has an account.
    AlreadyRegistered = "already_registered", HOUR;
    /// An operator made an account.
    Invitation = "invitation", DAYS;
    /// Somebody signed in from a new device.
    NewSignIn = "new_sign_in", DAYS;
    /// The password was changed.
    PasswordChanged = "password_changed", DAYS;
    /// The address was changed: for the old one.
    EmailChanged = "email_changed", DAYS;
}

/// A mail that is about to be owed.
pub struct Owed<'a> {
    /// What for.
    pub purpose: Purpose,
    /// To whom.
    pub to: &'a Email,
    /// In which language.
    pub language: Language,
    /// What it tells.
    pub particulars: Particulars,
}

/// What a mail tells beside its purpose. Never a secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Particulars {
    /// Whose account it is about, where the recipient's address does not say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// When it happened, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<i64>,
    /// From which address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// From which device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// The new e-mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// What a mail that opens something is bound to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked: Option<Asked>,
    /// The sign-up that it confirms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registration: Option<RegistrationId>,
}

/// An account as it was when a mail was asked for, and who asked. What the mail proves is void in any other state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The account.
    pub account: AccountId,
    /// Its credential version.
    pub credential_version: i64,
    /// Its session epoch.
    pub session_epoch: i64,
    /// The hash of the handle of whoever asked. None: its code works for nobody, and its link for who reads it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handle: Option<HandleHash>,
    /// The session that asked, where that matters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
}

/// A mail that is to be sent now, by whoever claimed it.
#[derive(Debug)]
pub struct Due {
    /// Its id, the same at every attempt.
    pub id: Uuid,
    /// What for.
    pub purpose: Purpose,
    /// To whom.
    pub to: Email,
    /// In which language.
    pub language: Language,
    /// What it tells.
    pub particulars: Particulars,
    /// Which attempt this is, from 1.
    pub attempt: i64,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Somebody else has taken charge of it.
    Sent,
    /// There was nobody to write to: no account has the address.
    Dropped,
    /// It was of no use any more.
    Expired,
    /// The mail server refuses it for good.
    Refused,
}

impl Outcome {
    /// Its stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Dropped => "dropped",
            Self::Expired => "expired",
            Self::Refused => "refused",
        }
    }
}

impl Purpose {
    /// The purpose of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|purpose| purpose.name() == name)
    }
}

/// Owes a mail, in the transaction that makes it due.
///
/// # Errors
/// Those of the database.
pub async fn owe(tx: &mut Tx<'_>, owed: &Owed<'_>, now: Timestamp) -> Result<(), Error> {
    let particulars = serde_json::to_string(&owed.particulars).expect("texts and numbers are JSON");
    store::insert(
        tx,
        &Row {
            id: uuid_v7(now, Chance),
            purpose: owed.purpose.name(),
            to: owed.to,
            language: owed.language.tag(),
            particulars: &particulars,
            created_at: now,
            expires_at: now + owed.purpose.useful(),
        },
    )
    .await
}

/// Owes a mail that somebody asked for, unless as many of its kind were asked for to this recipient as the limit allows.
/// It does not look whether the address has an account: that shows when it is sent. Says whether it is owed.
///
/// # Errors
/// Those of the database.
pub async fn ask(tx: &mut Tx<'_>, context: &Context, owed: &Owed<'_>) -> Result<bool, Error> {
    let (rate, now) = (context.settings.limits.mails_per_recipient, context.clock.now());
    if context.settings.limits.enabled {
        let asked = store::count(tx, owed.purpose.name(), owed.to.key(), now - rate.per).await?;
        if asked >= i64::from(rate.count) {
            return Ok(false);
        }
    }
    owe(tx, owed, now).await?;
    Ok(true)
}

/// Takes the mail that is due the longest, for this caller alone until [`LEASE`] is over. Rows of a later version are
/// left to it.
///
/// # Errors
/// Those of the database.
pub async fn claim(context: &Context) -> Result<Option<Due>, Error> {
    let now = context.clock.now();
    // A plain look first: most of the time nothing is owed, and nobody should wait for the writer because of it.
    if !store::is_due(&context.db, now).await? {
        return Ok(None);
    }
    store::expire(&context.db, now).await?;
    let Some(claimed) = store::claim(&context.db, now, now + LEASE).await? else {
        return Ok(None);
    };
    let known = (
        Purpose::of_name(&claimed.purpose),
        claimed.recipient.parse(),
        claimed.language.parse(),
    );
    let (Some(purpose), Ok(to), Ok(language)) = known else {
        tracing::warn!(purpose = claimed.purpose, "a mail of another version waits for it");
        return Ok(None);
    };
    Ok(Some(Due {
        id: claimed.id,
        purpose,
        to,
        language,
        particulars: serde_json::from_str(&claimed.particulars).unwrap_or_default(),
        attempt: claimed.attempts,
    }))
}

/// It has ended.
///
/// # Errors
/// Those of the database: then it will be tried again.
pub async fn end(context: &Context, due: &Due, outcome: Outcome, failure: Option<&str>) -> Result<(), Error> {
    store::end(&context.db, due.id, outcome.name(), (context.clock.now(), failure)).await
}

/// It could not be sent now; it will be tried again.
///
/// # Errors
/// Those of the database.
pub async fn postpone(context: &Context, due: &Due, failure: &str) -> Result<(), Error> {
    let doublings = u32::try_from(due.attempt - 1).unwrap_or(0).min(20);
    let pause = FIRST_RETRY.saturating_mul(1 << doublings).min(SLOWEST);
    store::postpone(&context.db, due.id, context.clock.now() + pause, failure).await
}

/// How many mails should have left by now, and since when the oldest of them has been owed. `mail` measures it.
///
/// # Errors
/// Those of the database.
pub async fn overdue(context: &Context) -> Result<Overdue, Error> {
    store::overdue(&context.db, context.clock.now() - LEASE).await
}

/// The newest mails, newest first. The command line calls it.
///
/// # Errors
/// Those of the database.
pub async fn list(context: &Context, owed_only: bool, limit: i64) -> Result<Vec<Listed>, Error> {
    store::list(&context.db, owed_only, limit).await
}

/// What was sent to an address lately, newest first. An export of somebody's data calls it.
///
/// # Errors
/// Those of the database.
pub async fn owed_to(context: &Context, to: &Email) -> Result<Vec<Listed>, Error> {
    store::list_of(&context.db, to.key()).await
}

/// Tries everything that is owed now, and what was refused once more. Says how many there are. The command line calls it.
///
/// # Errors
/// Those of the database.
pub async fn retry(context: &Context) -> Result<u64, Error> {
    store::retry(&context.db, context.clock.now()).await
}
