//! A guess at a code. It is counted before it is checked, so that concurrent guesses cannot exceed the limit, and uncounted
//! if it is not checked.

use countersign_store::{Db, StoreError};

use super::link_secret::LinkHash;
use super::store;
use crate::core::email::Email;
use crate::core::limits::Reserved;
use crate::features::identity::guesses::{self, EmailDigest};
use crate::features::messaging::outbox::Purpose;

/// What a guess uses up: the limit of its network and, if a code exists, those of the code and of the email address.
/// Dropping it gives this back, unless hashing had begun.
pub(super) struct Guess {
    db: Db,
    reserved: Option<Reserved>,
    counted: Option<Counted>,
}

#[derive(Clone, Copy)]
struct Counted {
    code: LinkHash,
    whose: EmailDigest,
    purpose: Purpose,
}

impl Guess {
    pub(super) fn new(db: Db, reserved: Reserved) -> Self {
        Self {
            db,
            reserved: Some(reserved),
            counted: None,
        }
    }

    /// Records that the guess was counted for the code, too.
    pub(super) fn at(&mut self, code: LinkHash, purpose: Purpose, email: &Email) {
        self.counted = Some(Counted {
            code,
            whose: EmailDigest::of(email.key()),
            purpose,
        });
    }

    /// The guess was checked and was wrong: it counts.
    pub(super) fn count(mut self) {
        self.counted = None;
        if let Some(reserved) = self.reserved.take() {
            reserved.count();
        }
    }

    /// The guess was right or was not checked, and does not count. If the database fails now, it stays counted.
    pub(super) async fn give_back(mut self) {
        if let Some(reserved) = self.reserved.take() {
            reserved.give_back().await;
        }
        if let Some(counted) = self.counted.take() {
            counted.give_back(&self.db).await;
        }
    }
}

impl Counted {
    async fn give_back(self, db: &Db) {
        let given_back = db
            .transact(|tx| {
                Box::pin(async move {
                    store::give_guess_back(tx, self.code).await?;
                    guesses::give_back(tx, self.whose, self.purpose).await?;
                    Ok::<_, StoreError>(())
                })
            })
            .await;
        if let Err(error) = given_back {
            tracing::warn!(%error, "failed to undo the counting of a code attempt that was not checked; it still counts");
        }
    }
}

impl Drop for Guess {
    fn drop(&mut self) {
        let began = self.reserved.as_ref().is_some_and(|reserved| reserved.began().has());
        // The client disconnected while waiting. The request is over, so the database is updated in a task.
        if let Some(counted) = self.counted.take().filter(|_| !began)
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let db = self.db.clone();
            runtime.spawn(async move { counted.give_back(&db).await });
        }
    }
}
