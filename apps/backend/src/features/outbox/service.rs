//! Which mails there are, and the rules of owing, claiming and ending them.

use std::time::Duration;

use countersign_store::{StoreError, Tx};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use crate::core::language::Language;

use super::marks::{self, Asker, Mark, Recipient};
use super::store::{self, Listed, Overdue, Row};
use crate::core::clock::Timestamp;
use crate::core::device_name::DeviceName;
use crate::core::email::Email;
use crate::core::handle::HandleHash;
use crate::core::ids::{AccountId, RegistrationId, SessionId, uuid_v7};
use crate::core::limits::AddressPrefix;
use crate::core::platform::Platform;
use crate::core::random::SecureRandom;
use crate::core::request_info::RequestInfo;
use crate::settings::{LONGEST_MAIL_TIMEOUT, Rate};

/// How long an attempt is reserved for whoever began it.
const LEASE: Duration = Duration::from_secs(60);
// Else another worker would send the same email while the mail server still takes its time.
const _: () = assert!(LEASE.as_secs() > LONGEST_MAIL_TIMEOUT.as_secs());
/// How long after a failure it is tried again; twice as long after each further one, up to [`SLOWEST`].
const FIRST_RETRY: Duration = Duration::from_secs(10);
const SLOWEST: Duration = Duration::from_secs(30 * 60);

/// Like notices to one recipient are this far apart; what happens between is gathered into the next.
const APART: Duration = Duration::from_secs(10 * 60);

/// Mails of each kind beyond the limits of a recipient, for who has no link at hand. A link is at hand until five minutes
/// before its end, and the shortest-lived have fifteen: that makes six an hour, so that this is never used up by asking.
const RESERVE: Rate = Rate { count: 6, per: HOUR };

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
    /// The account was deleted.
    AccountDeleted = "account_deleted", DAYS;
    /// So many wrong passwords were tried that no more are taken from new places: a way in.
    SignInBlocked = "sign_in_blocked", DAYS;
}

/// The outbox of this database. Cloning it is cheap.
#[derive(Clone)]
pub struct Outbox {
    pub(crate) platform: Platform,
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
    /// From which device: one of the names of [`DeviceName`].
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
    /// What else of this kind happened before the mail left, the oldest first, up to [`GATHERED`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<Happening>,
    /// How many more of this kind happened, which nothing more is told of.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more: u32,
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

/// When, from where and from which device something happened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Happening {
    /// When, in milliseconds.
    pub at: Option<i64>,
    /// From which address.
    pub address: Option<String>,
    /// From which device.
    pub device: Option<String>,
}

/// A mail tells of as many like happenings beside the first; of more it tells the number.
const GATHERED: usize = 4;

fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Particulars {
    /// What happened just now, as a notice tells it.
    pub fn of(account: AccountId, request: &RequestInfo, now: Timestamp) -> Self {
        Self {
            account: Some(account),
            at: Some(now.millis()),
            address: request.address.map(|address| address.to_string()),
            device: DeviceName::of(request.user_agent.as_deref()).stored(),
            ..Self::default()
        }
    }

    /// Adds what happened later.
    fn gather(&mut self, later: Self) {
        if self.others.len() < GATHERED {
            self.others.push(Happening {
                at: later.at,
                address: later.address,
                device: later.device,
            });
        } else {
            self.more = self.more.saturating_add(1);
        }
        // The newest is the one that counts.
        self.email = later.email.or(self.email.take());
    }
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

/// Owes a mail, in the transaction that makes it due, whatever was sent before. What the operator does calls it; what
/// others do is for [`ask`](Outbox::ask) and [`tell`](Outbox::tell).
///
/// # Errors
/// Those of the database.
pub async fn owe(tx: &mut Tx<'_>, owed: &Owed<'_>, now: Timestamp) -> Result<(), StoreError> {
    owe_at(tx, owed, None, now, now).await
}

/// How a mail is asked for.
#[derive(Clone, Copy)]
pub struct Demand {
    /// From which network.
    pub from: Option<AddressPrefix>,
    /// Whether a link of its kind that works is in the mailbox, or on its way there.
    pub is_at_hand: bool,
    /// Whether the reserve is open: not for an account that was made just now with an address that is not verified. Who makes
    /// and deletes such accounts in a circle ends links in order to have more sent.
    pub has_reserve: bool,
}

impl Outbox {
    /// Owes a mail that somebody asked for, unless as many were asked for to this recipient as the limits allow: of its kind and
    /// of all kinds from this network, and of all kinds from everywhere. Where no link is at hand, there is a reserve beyond
    /// that: no stranger who asks for mails keeps their recipient out. It does not look whether the address has an account: that
    /// shows when it is sent. Says whether it is owed.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn ask(&self, tx: &mut Tx<'_>, owed: &Owed<'_>, demand: Demand) -> Result<bool, StoreError> {
        let (limits, now) = (&self.platform.settings.limits, self.platform.clock.now());
        let recipient = Recipient::of(owed.to);
        let mut asker = demand.from.map(|prefix| recipient.asked_from(prefix));
        if limits.enabled {
            let (rate, whole) = (limits.mails_per_recipient_and_address, limits.mails_per_recipient);
            let of_kind =
                marks::count_of_asker(tx, recipient, Some(owed.purpose.name()), asker, now - rate.per).await?;
            let of_asker = marks::count_of_asker(tx, recipient, None, asker, now - whole.per).await?;
            let all = marks::count(tx, recipient, now - whole.per).await?;
            // Nobody uses up by every kind what is there for all networks.
            let for_asker = rate.count.max(whole.count / 3);
            // Notices keep a part for themselves: nobody silences them by asking.
            let for_asked = whole.count - whole.count / 4;
            if of_kind >= i64::from(rate.count) || of_asker >= i64::from(for_asker) || all >= i64::from(for_asked) {
                let reserve = Some(recipient.reserve());
                let taken =
                    marks::count_of_asker(tx, recipient, Some(owed.purpose.name()), reserve, now - RESERVE.per).await?;
                if demand.is_at_hand || !demand.has_reserve || taken >= i64::from(RESERVE.count) {
                    return Ok(false);
                }
                asker = reserve;
            }
        }
        owe_at(tx, owed, asker, now, now).await?;
        Ok(true)
    }
}

/// What is owed of a kind to an address, whenever it is tried next. `proofs` calls it.
///
/// # Errors
/// Those of the database.
pub async fn on_the_way(tx: &mut Tx<'_>, purpose: Purpose, to: &Email) -> Result<Vec<Particulars>, StoreError> {
    let owed: Vec<String> = store::on_the_way(tx, purpose.name(), to.key()).await?;
    let read = |particulars: &String| serde_json::from_str(particulars).unwrap_or_default();
    Ok(owed.iter().map(read).collect())
}

impl Outbox {
    /// Owes a notice of what has just happened. One of its kind that has not left yet tells of this too; and soon after one
    /// that has left, or beyond the limit of all mails to this recipient, it leaves later.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn tell(&self, tx: &mut Tx<'_>, owed: &Owed<'_>) -> Result<(), StoreError> {
        let (limits, now) = (&self.platform.settings.limits, self.platform.clock.now());
        let (purpose, recipient) = (owed.purpose.name(), Recipient::of(owed.to));
        if let Some(waiting) = store::waiting(tx, purpose, owed.to.key()).await? {
            let mut particulars: Particulars = serde_json::from_str(&waiting.particulars).unwrap_or_default();
            particulars.gather(owed.particulars.clone());
            if store::retell(tx, waiting.id, &json(&particulars)).await? {
                return Ok(());
            }
        }
        let before = marks::newest(tx, recipient, purpose).await?;
        let mut due_at = before.map_or(now, |before| now.max(before + APART));
        if limits.enabled {
            let whole = limits.mails_per_recipient;
            let full = marks::nth_newest(tx, recipient, i64::from(whole.count) - 1).await?;
            due_at = full.map_or(due_at, |oldest| due_at.max(oldest + whole.per));
        }
        owe_at(tx, owed, None, now, due_at).await
    }

    /// The same, unless there was one of its kind to this recipient within `apart`.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn tell_once(&self, tx: &mut Tx<'_>, owed: &Owed<'_>, apart: Duration) -> Result<(), StoreError> {
        let before = marks::newest(tx, Recipient::of(owed.to), owed.purpose.name()).await?;
        match before {
            Some(before) if before + apart > self.platform.clock.now() => Ok(()),
            _ => self.tell(tx, owed).await,
        }
    }
}

async fn owe_at(
    tx: &mut Tx<'_>,
    owed: &Owed<'_>,
    asker: Option<Asker>,
    now: Timestamp,
    due_at: Timestamp,
) -> Result<(), StoreError> {
    let (id, recipient) = (uuid_v7(now, SecureRandom), Recipient::of(owed.to));
    let row = Row {
        id,
        purpose: owed.purpose.name(),
        to: owed.to,
        language: owed.language.tag(),
        particulars: &json(&owed.particulars),
        created_at: now,
        due_at,
        expires_at: due_at + owed.purpose.useful(),
    };
    store::insert(tx, &row).await?;
    let mark = Mark {
        id,
        recipient,
        purpose: owed.purpose.name(),
        asker,
        counted_at: due_at,
    };
    marks::insert(tx, &mark).await
}

fn json(particulars: &Particulars) -> String {
    serde_json::to_string(particulars).expect("texts and numbers are JSON")
}

impl Outbox {
    /// Takes the mail that is due the longest, for this caller alone until [`LEASE`] is over. Rows of a later version are
    /// left to it.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn claim(&self) -> Result<Option<Due>, StoreError> {
        let now = self.platform.clock.now();
        // A plain look first: most of the time nothing is owed, and nobody should wait for the writer because of it.
        if !store::is_due(&self.platform.db, now).await? {
            return Ok(None);
        }
        store::expire(&self.platform.db, now).await?;
        let Some(claimed) = store::claim(&self.platform.db, now, now + LEASE).await? else {
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

    /// It has ended. Of an account that is gone nothing is kept.
    ///
    /// # Errors
    /// Those of the database: then it will be tried again.
    pub async fn end(&self, due: &Due, outcome: Outcome, failure: Option<&str>) -> Result<(), StoreError> {
        if due.purpose == Purpose::AccountDeleted && outcome != Outcome::Refused {
            return store::remove(&self.platform.db, due.id).await;
        }
        store::end(
            &self.platform.db,
            due.id,
            outcome.name(),
            self.platform.clock.now(),
            failure,
        )
        .await
    }

    /// It could not be sent now; it will be tried again.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn postpone(&self, due: &Due, failure: &str) -> Result<(), StoreError> {
        let doublings = u32::try_from(due.attempt - 1).unwrap_or(0).min(20);
        let pause = FIRST_RETRY.saturating_mul(1 << doublings).min(SLOWEST);
        store::postpone(&self.platform.db, due.id, self.platform.clock.now() + pause, failure).await
    }

    /// How many mails should have left by now, and since when the oldest of them has been owed. `mail` measures it.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn overdue(&self) -> Result<Overdue, StoreError> {
        store::overdue(&self.platform.db, self.platform.clock.now() - LEASE).await
    }

    /// The newest mails, newest first. The command line calls it.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn list(&self, owed_only: bool, limit: i64) -> Result<Vec<Listed>, StoreError> {
        store::list(&self.platform.db, owed_only, limit).await
    }

    /// What was sent to an address lately, newest first. An export of somebody's data calls it.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn owed_to(&self, to: &Email) -> Result<Vec<Listed>, StoreError> {
        store::list_of(&self.platform.db, to.key()).await
    }

    /// Tries everything that is owed now, and what was refused once more. Says how many there are. The command line calls it.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn retry(&self) -> Result<u64, StoreError> {
        store::retry(&self.platform.db, self.platform.clock.now()).await
    }
}
