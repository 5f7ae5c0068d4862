//! Checkpoints: a signature over all that was written up to a place.

use countersign_jose::{Claims, Payload, TokenError, TokenType};
use serde::{Deserialize, Serialize};

/// What a checkpoint says. Hashes are SHA-256 in base64url without padding; times are in seconds since the epoch.
///
/// It has no end: it holds for as long as the log is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditCheckpointClaims {
    pub iss: String,
    pub iat: i64,
    /// The first place that this checkpoint seals; the one before it ends just before.
    pub first: i64,
    pub last: i64,
    /// The hash of the chain at `last`.
    pub head: String,
    /// The hash of the checkpoint before this one, in its compact form; none for the first of all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
    /// Up to which place the log had been removed when this was signed, because it was old; 0 if nothing was.
    pub removed_through: i64,
    /// How old, in seconds, entries had to be to be removed when this was signed; none if they are kept for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<i64>,
    /// The last checkpoint of an earlier day (UTC): a way back through the log in steps of days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day_before: Option<EarlierCheckpoint>,
    /// Whether the checkpoint before this one was signed by a key that the signer did not have: then this one vouches
    /// for nothing before it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unvouched: bool,
}

/// A checkpoint that an other one names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EarlierCheckpoint {
    /// The last place that it seals.
    pub last: i64,
    /// The hash of its compact form.
    pub hash: String,
}

/// Nothing is compared: which checkpoint belongs where, the verifier of the log says.
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
