//! The rows of `email_challenges`.

pub mod former;
pub mod registrations;

use countersign_store::{Conn, Db, StoreError, Tx, query, row, sql};

use super::link_secret::LinkHash;
use super::presenter::Presenter;
use super::whose::Whose;
use crate::core::clock::Timestamp;
use crate::core::handle::HandleHash;
use crate::core::ids::{AccountId, RegistrationId, SessionId};
use crate::core::versions::{CredentialVersion, SessionEpoch};

/// A new challenge.
pub(super) struct NewRow<'a> {
    pub link_hash: LinkHash,
    pub whose: Whose,
    pub purpose: &'static str,
    pub email: &'a str,
    pub email_key: &'a str,
    pub code_hash: &'a str,
    pub credential_version: CredentialVersion,
    pub session_epoch: SessionEpoch,
    pub handle: Option<HandleHash>,
    pub session: Option<SessionId>,
    pub return_to: Option<&'a str>,
    pub password_version: Option<CredentialVersion>,
    pub created_at: Timestamp,
    pub link_expires_at: Timestamp,
    pub code_expires_at: Timestamp,
    /// `None`: its email is still to be sent.
    pub sent_at: Option<Timestamp>,
    pub spent_at: Option<Timestamp>,
}

row! {
    /// A found or spent challenge of an account.
    pub(super) struct Found {
        pub account_id: AccountId,
        pub email: String,
        pub credential_version: CredentialVersion,
        pub session_epoch: SessionEpoch,
        pub session_id: Option<SessionId>,
    }
}

row! {
    /// A challenge, and whether it was spent.
    pub(super) struct Known {
        pub email: String,
        pub spent_at: Option<Timestamp>,
        pub return_to: Option<String>,
    }
}

row! {
    /// An active challenge of an account or a sign-up.
    pub(super) struct Live {
        pub link_hash: LinkHash,
        account_id: Option<AccountId>,
        registration_id: Option<RegistrationId>,
        pub code_hash: String,
        pub return_to: Option<String>,
        pub handle_hash: Option<HandleHash>,
        pub password_version: Option<CredentialVersion>,
        pub credential_version: CredentialVersion,
        pub session_epoch: SessionEpoch,
    }
}

impl Live {
    pub(super) fn whose(&self) -> Result<Whose, StoreError> {
        match (self.account_id, self.registration_id) {
            (Some(account), _) => Ok(Whose::Account(account)),
            (None, Some(registration)) => Ok(Whose::Registration(registration)),
            (None, None) => Err(StoreError::Inconsistent {
                table: "email_challenges",
                column: "account_id",
            }),
        }
    }
}

pub(super) async fn insert(tx: &mut Tx<'_>, new: &NewRow<'_>) -> Result<(), StoreError> {
    let (account, registration) = new.whose.ids();
    query(sql!(
        "INSERT INTO email_challenges
            (link_hash, account_id, registration_id, purpose, email, email_key, code_hash, credential_version,
             session_epoch, handle_hash, session_id, return_to, code_attempts, created_at, link_expires_at,
             code_expires_at, sent_at, spent_at, password_version)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $17, 0, $12, $13, $14, $15, $16, $18)"
    ))
    .bind(new.link_hash)
    .bind(account)
    .bind(registration)
    .bind(new.purpose)
    .bind(new.email)
    .bind(new.email_key)
    .bind(new.code_hash)
    .bind(new.credential_version)
    .bind(new.session_epoch)
    .bind(new.handle)
    .bind(new.session)
    .bind(new.created_at)
    .bind(new.link_expires_at)
    .bind(new.code_expires_at)
    .bind(new.sent_at)
    .bind(new.spent_at)
    .bind(new.return_to)
    .bind(new.password_version)
    .execute(tx)
    .await
    .map(drop)
}

/// Records that the email of a challenge was sent. Returns whether this was new; a response to it implies the same.
pub(super) async fn set_sent(tx: &mut Tx<'_>, hash: LinkHash, now: Timestamp) -> Result<bool, StoreError> {
    let changed = query(sql!(
        "UPDATE email_challenges SET sent_at = $2 WHERE link_hash = $1 AND sent_at IS NULL"
    ))
    .bind(hash)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(changed > 0)
}

/// Removes the challenge of an email that was not sent.
pub(super) async fn withdraw(db: &Db, hash: LinkHash) -> Result<(), StoreError> {
    query(sql!(
        "DELETE FROM email_challenges WHERE link_hash = $1 AND sent_at IS NULL"
    ))
    .bind(hash)
    .execute(db)
    .await
    .map(drop)
}

/// Ends the other challenges of the same account or sign-up and purpose whose emails were sent or have been in progress since
/// before `under_way`. Records their links.
pub(super) async fn end_others(
    tx: &mut Tx<'_>,
    whose: Whose,
    purpose: &str,
    but: LinkHash,
    under_way: Timestamp,
) -> Result<(), StoreError> {
    let (account, registration) = whose.ids();
    former::note_others(tx, whose, purpose, but, under_way).await?;
    query(sql!(
        "DELETE FROM email_challenges
          WHERE (account_id = $1 OR registration_id = $2) AND purpose = $3 AND link_hash <> $4
            AND (sent_at IS NOT NULL OR created_at < $5)"
    ))
    .bind(account)
    .bind(registration)
    .bind(purpose)
    .bind(but)
    .bind(under_way)
    .execute(tx)
    .await
    .map(drop)
}

/// Returns an active challenge without spending it.
pub(super) async fn find(db: &Db, hash: LinkHash, purpose: &str, now: Timestamp) -> Result<Option<Live>, StoreError> {
    query(sql!(
        "SELECT link_hash, account_id, registration_id, code_hash, return_to, handle_hash, password_version,
                credential_version, session_epoch
           FROM email_challenges
          WHERE link_hash = $1 AND purpose = $2 AND spent_at IS NULL AND link_expires_at > $3"
    ))
    .bind(hash)
    .bind(purpose)
    .bind(now)
    .optional(db)
    .await
}

/// Returns the same for a challenge of an account.
pub(super) async fn find_of_account(
    db: &Db,
    hash: LinkHash,
    purpose: &str,
    now: Timestamp,
) -> Result<Option<Found>, StoreError> {
    query(sql!(
        "SELECT account_id, email, credential_version, session_epoch, session_id
           FROM email_challenges
          WHERE link_hash = $1 AND purpose = $2 AND account_id IS NOT NULL AND spent_at IS NULL AND link_expires_at > $3"
    ))
    .bind(hash)
    .bind(purpose)
    .bind(now)
    .optional(db)
    .await
}

/// Returns a challenge that has not expired, spent or not.
pub(super) async fn known(db: &Db, hash: LinkHash, purpose: &str, now: Timestamp) -> Result<Option<Known>, StoreError> {
    query(sql!(
        "SELECT email, spent_at, return_to
           FROM email_challenges
          WHERE link_hash = $1 AND purpose = $2 AND link_expires_at > $3"
    ))
    .bind(hash)
    .bind(purpose)
    .bind(now)
    .optional(db)
    .await
}

/// Returns the sent challenge of an account for this email address that is active until `until`.
pub(super) async fn live(
    tx: &mut Tx<'_>,
    account: AccountId,
    purpose: &str,
    email_key: &str,
    until: Timestamp,
) -> Result<Option<Found>, StoreError> {
    query(sql!(
        "SELECT account_id, email, credential_version, session_epoch, session_id
           FROM email_challenges
          WHERE account_id = $1 AND purpose = $2 AND email_key = $3 AND sent_at IS NOT NULL AND spent_at IS NULL
            AND link_expires_at > $4"
    ))
    .bind(account)
    .bind(purpose)
    .bind(email_key)
    .bind(until)
    .optional(tx)
    .await
}

/// Counts a guess at the newest active code that the presenter requested for an email address, if guesses remain. Counts before
/// the guess is checked, so that no more than `most` are checked in all, however many come at once.
pub(super) async fn count_guess(
    tx: &mut Tx<'_>,
    email_key: &str,
    purpose: &str,
    presenter: &Presenter,
    most: i64,
    now: Timestamp,
) -> Result<Option<Live>, StoreError> {
    query(sql!(
        "UPDATE email_challenges
            SET code_attempts = code_attempts + 1
          WHERE link_hash = (SELECT link_hash FROM email_challenges
                              WHERE email_key = $1 AND purpose = $2
                                AND (handle_hash = $5 OR account_id = $6)
                              ORDER BY created_at DESC, CASE WHEN sent_at IS NULL THEN 0 ELSE 1 END
                              LIMIT 1)
            AND spent_at IS NULL AND code_expires_at > $3 AND code_attempts < $4
      RETURNING link_hash, account_id, registration_id, code_hash, return_to, handle_hash, password_version,
                credential_version, session_epoch"
    ))
    .bind(email_key)
    .bind(purpose)
    .bind(now)
    .bind(most)
    .bind(presenter.handle)
    .bind(presenter.account)
    .optional(tx)
    .await
}

/// Releases a guess at a code, so that it does not count.
pub(super) async fn give_guess_back(tx: &mut Tx<'_>, hash: LinkHash) -> Result<(), StoreError> {
    query(sql!(
        "UPDATE email_challenges SET code_attempts = code_attempts - 1 WHERE link_hash = $1 AND code_attempts > 0"
    ))
    .bind(hash)
    .execute(tx)
    .await
    .map(drop)
}

/// Spends an active challenge of an account once, also under concurrency.
pub(super) async fn spend(
    tx: &mut Tx<'_>,
    hash: LinkHash,
    purpose: &str,
    now: Timestamp,
) -> Result<Option<Found>, StoreError> {
    query(sql!(
        "UPDATE email_challenges
            SET spent_at = $3, sent_at = COALESCE(sent_at, $3)
          WHERE link_hash = $1 AND purpose = $2 AND account_id IS NOT NULL AND spent_at IS NULL AND link_expires_at > $3
      RETURNING account_id, email, credential_version, session_epoch, session_id"
    ))
    .bind(hash)
    .bind(purpose)
    .bind(now)
    .optional(tx)
    .await
}

/// Ends all challenges and sign-ups of all accounts, including those whose emails are in progress.
pub async fn void_all(tx: &mut Tx<'_>) -> Result<(), StoreError> {
    query(sql!("DELETE FROM email_challenges")).execute(&mut *tx).await?;
    query(sql!("DELETE FROM registrations")).execute(&mut *tx).await?;
    query(sql!("DELETE FROM former_links")).execute(tx).await.map(drop)
}

/// Removes up to `limit` challenges that ended before `before`. `mail` calls it while sweeping.
pub async fn remove_ended(conn: impl Into<Conn<'_>>, before: Timestamp, limit: i64) -> Result<u64, StoreError> {
    query(sql!(
        "DELETE FROM email_challenges
          WHERE link_hash IN (SELECT link_hash FROM email_challenges WHERE link_expires_at < $1 LIMIT $2)"
    ))
    .bind(before)
    .bind(limit)
    .execute(conn)
    .await
}
