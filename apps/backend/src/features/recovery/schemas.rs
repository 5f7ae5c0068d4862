//! The wire shape of a recovery.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::core::password::Password;
use crate::features::auth::MailAnswerBody;

/// A mailed link or code, and the new password.
#[derive(Deserialize, ToSchema)]
#[schema(as = Recovery)]
pub struct RecoveryBody {
    /// The link or the code.
    #[serde(flatten)]
    pub answer: MailAnswerBody,
    /// 8 to 128 characters, unless the server's settings say otherwise.
    #[schema(value_type = String, format = Password)]
    pub new_password: Password,
}
