//! The use cases, one file each.
//!
//! To read a mail proves the mailbox, and not who set the account's password: that may have been a stranger who signed up
//! with the address before its owner came. So whoever confirms says as well that the account is theirs, or sets a new
//! password, which ends whatever was done with it before.

mod account;
mod change;
mod registration;

use countersign_store::Error;

pub use change::{ChangeError, ask_to_change, change};

use crate::Context;
use crate::core::handle::HandleHash;
use crate::core::ids::{AccountId, SessionId};
use crate::core::origin::Origin;
use crate::core::password::{HashError, Password};
use crate::features::auth::PasswordError;
use crate::features::outbox::Purpose;
use crate::features::proofs::{self, Answer, Presenter, ProofError, Whose};

/// What says that an account, or a sign-up, is one's own.
#[derive(Default)]
pub struct Claim {
    /// The hash of the handle of who asked.
    pub handle: Option<HandleHash>,
    /// Who is signed in.
    pub user: Option<(AccountId, SessionId)>,
    /// The password.
    pub password: Option<Password>,
    /// Another password, in place of all that.
    pub new_password: Option<Password>,
}

impl Claim {
    fn presenter(&self) -> Presenter {
        Presenter {
            handle: self.handle,
            account: self.user.map(|(account, _)| account),
        }
    }
}

/// Why an address was not verified.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The link or the code is right, and nothing says that the account is theirs who bring it. Nothing is spent.
    #[error("the mailbox is proven, and the account is not")]
    PasswordRequired,
    /// The link or the code is not valid.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// The password is not right, may not be tried, or may not be set.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] Error),
}

impl From<HashError> for VerifyError {
    fn from(error: HashError) -> Self {
        Self::Password(error.into())
    }
}

/// Proves that the address of an account is its owner's, or makes the account of a sign-up that waits for it.
///
/// # Errors
/// [`VerifyError`].
pub async fn verify(context: &Context, (answer, claim): (Answer, Claim), origin: &Origin) -> Result<(), VerifyError> {
    let presenter = claim.presenter();
    let checked = proofs::check(context, Purpose::VerifyEmail, (&answer, &presenter), origin).await?;
    match checked.whose {
        Whose::Account(id) => account::verify(context, (id, &checked), claim, origin).await,
        Whose::Registration(_) => registration::verify(context, &checked, claim, origin).await,
    }
}

/// Whether a link takes a password beside this claim. A link that is not valid takes none.
///
/// # Errors
/// Those of the database.
pub async fn needs_password(context: &Context, answer: &Answer, claim: &Claim) -> Result<bool, Error> {
    let Answer::Link(_) = answer else {
        return Ok(false);
    };
    let presenter = claim.presenter();
    let checked = proofs::check(
        context,
        Purpose::VerifyEmail,
        (answer, &presenter),
        &Origin::of_server(),
    )
    .await;
    let checked = match checked {
        Ok(checked) => checked,
        Err(ProofError::Store(error)) => return Err(error),
        Err(_) => return Ok(false),
    };
    match checked.whose {
        Whose::Account(id) => Ok(presenter.account != Some(id)),
        Whose::Registration(_) => Ok(registration::own(context, &checked, claim).await?.is_none()),
    }
}
