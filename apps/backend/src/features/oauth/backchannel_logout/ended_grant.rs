//! A grant whose client is to be told.

use crate::core::ids::{AccountId, SessionId};

/// A grant that has ended because its user signed out.
#[derive(Clone, Debug)]
pub struct EndedGrant {
    pub client_id: String,
    /// The grant: `sid` in its tokens.
    pub sid: SessionId,
    /// The account: `sub`.
    pub sub: AccountId,
}
