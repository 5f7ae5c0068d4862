//! Queues an email in the transaction that causes it. A worker of `mail` (`Delivery`) claims it later.

use std::time::Duration;

use countersign_store::{StoreError, Tx};

use super::super::new_mail::{MailParams, NewMail};
use super::super::purpose::{Purpose, TIME_TO_READ};
use super::super::send_log::{self, Entry, NetworkHash, RecipientHash};
use super::super::store::{self, Row};
use super::Outbox;
use crate::core::clock::Timestamp;
use crate::core::email::Email;
use crate::core::ids::uuid_v7;
use crate::core::limits::AddressPrefix;
use crate::core::random::SecureRandom;
use crate::settings::Rate;

const HOUR: Duration = Duration::from_secs(60 * 60);
/// The minimum time between two notices of a kind to one recipient; events in between are combined into the next.
const NOTICE_INTERVAL: Duration = Duration::from_secs(10 * 60);

/// Emails of each kind beyond a recipient's limits if no link is available. A link is available until [`TIME_TO_READ`] before
/// it expires. The number is what the shortest-lived links can need in an hour, so that requests cannot use it up.
const RESERVE: Rate = Rate { count: 6, per: HOUR };
const _: () = assert!(
    RESERVE.per.as_secs()
        <= RESERVE.count as u64 * (Purpose::shortest_link_lifetime().as_secs() - TIME_TO_READ.as_secs())
);

/// Queues an email in the transaction that causes it, without limits. For operators; others use
/// [`request`](Outbox::request) and [`notify`](Outbox::notify).
pub async fn enqueue(tx: &mut Tx<'_>, mail: &NewMail<'_>, now: Timestamp) -> Result<(), StoreError> {
    enqueue_at(tx, mail, None, now, now).await
}

/// A request for an email.
#[derive(Clone, Copy)]
pub struct RequestContext {
    pub from: Option<AddressPrefix>,
    /// Whether a working link of its kind is in the mailbox or queued.
    pub is_at_hand: bool,
    /// Whether the reserve applies: not for a new account with an unverified email address, because creating and deleting such
    /// accounts repeatedly invalidates links to have more sent.
    pub has_reserve: bool,
}

impl Outbox {
    /// Queues a requested email unless the recipient's limits are reached: of its kind and of all kinds from this network, and
    /// of all kinds from everywhere. If no link is available, a reserve applies, so that requests by others cannot lock the
    /// recipient out. Whether the email address has an account is only checked when it is sent. Returns whether it was queued.
    pub async fn request(
        &self,
        tx: &mut Tx<'_>,
        mail: &NewMail<'_>,
        context: RequestContext,
    ) -> Result<bool, StoreError> {
        let (limits, now) = (&self.platform.settings.limits, self.platform.clock.now());
        let recipient = RecipientHash::of(mail.to);
        let mut asker = context.from.map(|prefix| recipient.network(prefix));
        if limits.enabled {
            let (rate, whole) = (limits.emails_per_recipient_and_network, limits.emails_per_recipient);
            let of_kind =
                send_log::count_by_network(tx, recipient, Some(mail.purpose.name()), asker, now - rate.per).await?;
            let of_asker = send_log::count_by_network(tx, recipient, None, asker, now - whole.per).await?;
            let all = send_log::count(tx, recipient, now - whole.per).await?;
            // One network cannot use up the limit of all networks by requesting every kind.
            let for_asker = rate.count.max(whole.count / 3);
            // A part is reserved for notices, so that requests cannot suppress them.
            let for_asked = whole.count - whole.count / 4;
            if of_kind >= i64::from(rate.count) || of_asker >= i64::from(for_asker) || all >= i64::from(for_asked) {
                let reserve = Some(recipient.reserve());
                let taken =
                    send_log::count_by_network(tx, recipient, Some(mail.purpose.name()), reserve, now - RESERVE.per)
                        .await?;
                if context.is_at_hand || !context.has_reserve || taken >= i64::from(RESERVE.count) {
                    return Ok(false);
                }
                asker = reserve;
            }
        }
        enqueue_at(tx, mail, asker, now, now).await?;
        Ok(true)
    }
}

/// Returns the queued emails of a kind to an email address. `email_challenges` calls it.
pub async fn queued(tx: &mut Tx<'_>, purpose: Purpose, to: &Email) -> Result<Vec<MailParams>, StoreError> {
    let queued: Vec<String> = store::queued(tx, purpose.name(), to.key()).await?;
    let read = |params: &String| serde_json::from_str(params).unwrap_or_default();
    Ok(queued.iter().map(read).collect())
}

impl Outbox {
    /// Queues a notice of an event. A queued notice of the same kind about the same account includes it; soon after a sent one,
    /// or beyond the limit of all emails to this recipient, it is sent later.
    pub async fn notify(&self, tx: &mut Tx<'_>, mail: &NewMail<'_>) -> Result<(), StoreError> {
        let (limits, now) = (&self.platform.settings.limits, self.platform.clock.now());
        let (purpose, recipient) = (mail.purpose.name(), RecipientHash::of(mail.to));
        if let Some(waiting) = store::waiting(tx, purpose, mail.to.key(), mail.params.about()).await? {
            let mut params: MailParams = serde_json::from_str(&waiting.particulars).unwrap_or_default();
            params.gather(mail.params.clone());
            if store::replace_params(tx, waiting.id, &json(&params)).await? {
                return Ok(());
            }
        }
        let before = send_log::newest(tx, recipient, purpose).await?;
        let mut due_at = before.map_or(now, |before| now.max(before + NOTICE_INTERVAL));
        if limits.enabled {
            let whole = limits.emails_per_recipient;
            let full = send_log::nth_newest(tx, recipient, i64::from(whole.count) - 1).await?;
            due_at = full.map_or(due_at, |oldest| due_at.max(oldest + whole.per));
        }
        enqueue_at(tx, mail, None, now, due_at).await
    }

    /// The same, unless one of its kind was queued for this recipient within `apart`.
    pub async fn notify_once(&self, tx: &mut Tx<'_>, mail: &NewMail<'_>, apart: Duration) -> Result<(), StoreError> {
        let before = send_log::newest(tx, RecipientHash::of(mail.to), mail.purpose.name()).await?;
        match before {
            Some(before) if before + apart > self.platform.clock.now() => Ok(()),
            _ => self.notify(tx, mail).await,
        }
    }
}

async fn enqueue_at(
    tx: &mut Tx<'_>,
    mail: &NewMail<'_>,
    asker: Option<NetworkHash>,
    now: Timestamp,
    due_at: Timestamp,
) -> Result<(), StoreError> {
    let (id, recipient) = (uuid_v7(now, SecureRandom), RecipientHash::of(mail.to));
    let row = Row {
        id,
        purpose: mail.purpose.name(),
        to: mail.to,
        account: mail.params.about(),
        language: mail.language.tag(),
        particulars: &json(&mail.params),
        created_at: now,
        due_at,
        expires_at: due_at + mail.purpose.worth_sending(),
    };
    store::insert(tx, &row).await?;
    let entry = Entry {
        id,
        recipient,
        purpose: mail.purpose.name(),
        asker,
        counted_at: due_at,
    };
    send_log::insert(tx, &entry).await
}

fn json(params: &MailParams) -> String {
    serde_json::to_string(params).expect("texts and numbers are JSON")
}
