//! Checkpoints: signatures over everything up to a position.

use countersign_jose::{Claims, Payload, TokenError, TokenType};
use serde::{Deserialize, Serialize};

/// The claims of a checkpoint. Hashes are SHA-256 in base64url without padding; times are in seconds since the epoch.
///
/// A checkpoint does not expire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditCheckpointClaims {
    pub iss: String,
    pub iat: i64,
    /// The first position that this checkpoint seals, which follows the previous checkpoint.
    pub first: i64,
    pub last: i64,
    /// The hash of the chain at `last`.
    pub head: String,
    /// The hash of the previous checkpoint in compact form; `None` for the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
    /// The position up to which old entries had been removed when this was signed; 0 if none.
    pub removed_through: i64,
    /// The minimum age in seconds of removed entries when this was signed; `None` if entries are kept forever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<i64>,
    /// The last checkpoint of an earlier day (UTC), to go back through the log in steps of days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day_before: Option<EarlierCheckpoint>,
    /// Whether the previous checkpoint was signed by a key that the signer did not have; then this one confirms nothing before
    /// it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unvouched: bool,
}

/// A checkpoint referenced by another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EarlierCheckpoint {
    /// The last position that it seals.
    pub last: i64,
    /// The hash of its compact form.
    pub hash: String,
}

/// Nothing is compared here: the verifier of the log checks which checkpoint belongs where.
impl Claims for AuditCheckpointClaims {
    const TYPE: TokenType = TokenType::new("audit-checkpoint+jwt");
    type Expectation<'a> = ();

    fn read(payload: Payload<'_>, (): &()) -> Result<Self, TokenError> {
        payload.parse()
    }
}

#[cfg(test)]
mod tests {
    use countersign_jose::{SigningKey, verify};

    use super::*;

    #[test]
    fn a_checkpoint_is_believed_as_such_and_as_nothing_else() {
        let key = SigningKey::generate().unwrap();
        let claims = AuditCheckpointClaims {
            iss: "https://id.example.com".into(),
            iat: 1_800_000_000,
            first: 1,
            last: 7,
            head: "x".repeat(43),
            previous: None,
            removed_through: 0,
            retention: Some(34_560_000),
            day_before: Some(EarlierCheckpoint {
                last: 3,
                hash: "y".repeat(43),
            }),
            unvouched: true,
        };
        let find = |_: &str| Some(key.verifying_key().clone());
        let token = key.sign(AuditCheckpointClaims::TYPE, &claims).unwrap();
        assert_eq!(verify::<AuditCheckpointClaims>(&token, find, &()).unwrap(), claims);
        let other = key.sign(TokenType::STATUS_LIST, &claims).unwrap();
        assert!(verify::<AuditCheckpointClaims>(&other, find, &()).is_err());
        let stranger = SigningKey::generate()
            .unwrap()
            .sign(AuditCheckpointClaims::TYPE, &claims)
            .unwrap();
        assert!(verify::<AuditCheckpointClaims>(&stranger, find, &()).is_err());
    }
}
