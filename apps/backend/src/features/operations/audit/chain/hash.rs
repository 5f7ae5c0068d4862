//! The bytes that are hashed. Every field is preceded by its length, so that no two different rows have the same bytes.

use std::fmt;

use aws_lc_rs::digest::{Context, SHA256};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_store::{column, row};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::{Builder, Uuid};

use crate::core::ids::{AccountId, AuditId, SessionId};

/// A SHA-256 hash. In JSON and on the command line it is base64url without padding.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash(pub [u8; 32]);

column!(Hash as [u8; 32]);

/// Random bytes that prevent guessing the content of a commitment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Salt(pub [u8; 16]);

column!(Salt as [u8; 16]);

row! {
    /// A complete sealed row. The field names are those of the export.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
    pub struct SealedRow {
        /// Its position in the log, starting at 1.
        pub seq: i64,
        pub id: AuditId,
        /// When it happened, in milliseconds since the epoch.
        pub at: i64,
        /// What happened.
        pub kind: String,
        /// `success` or `failure`.
        pub outcome: String,
        /// `account`, `operator:` with a name, `anyone` or `server`.
        pub actor: String,
        /// The pseudonym of the affected account.
        pub subject: Option<Uuid>,
        /// The session that was affected, or in which it was done.
        pub session_id: Option<SessionId>,
        /// The id of the request in the server's log.
        pub request_id: String,
        pub detail: Option<String>,
        /// The IP address; `None` also after the person was erased.
        pub address: Option<String>,
        /// The device; `None` also after the person was erased.
        pub user_agent: Option<String>,
        /// The salt of the commitment to `address` and `user_agent`; `None` after the person was erased.
        pub salt: Option<Salt>,
        /// The commitment to `address` and `user_agent`.
        pub particulars: Hash,
        /// The hash of the chain up to and including this row.
        pub hash: Hash,
    }
}

/// Returns the hash before the first row.
pub fn genesis() -> Hash {
    Hash([0; 32])
}

/// Returns the commitment to the personal data of a row.
pub fn commitment(salt: Salt, address: Option<&str>, user_agent: Option<&str>) -> Hash {
    let mut bytes = Bytes::begin("countersign audit particulars 1");
    bytes.field(Some(&salt.0));
    bytes.field(address.map(str::as_bytes));
    bytes.field(user_agent.map(str::as_bytes));
    bytes.hash()
}

/// Returns the pseudonym of an account. It is a commitment, so it cannot be assigned to another account, and without the
/// salt it reveals nothing about the account.
pub fn pseudonym(salt: Salt, account: AccountId) -> Uuid {
    let mut bytes = Bytes::begin("countersign audit subject 1");
    bytes.field(Some(&salt.0));
    bytes.field(Some(account.0.as_bytes()));
    let Hash(hash) = bytes.hash();
    let mut half = [0; 16];
    half.copy_from_slice(&hash[..16]);
    // RFC 9562 §5.8: version 8, whose other bits are application-defined.
    Builder::from_custom_bytes(half).into_uuid()
}

impl SealedRow {
    /// Returns the hash of this row at position `seq` after `previous`.
    pub fn hash_at(&self, seq: i64, previous: Hash) -> Hash {
        let mut bytes = Bytes::begin("countersign audit row 1");
        bytes.field(Some(&previous.0));
        bytes.field(Some(&seq.to_be_bytes()));
        bytes.field(Some(self.id.0.as_bytes()));
        bytes.field(Some(&self.at.to_be_bytes()));
        for text in [&self.kind, &self.outcome, &self.actor] {
            bytes.field(Some(text.as_bytes()));
        }
        bytes.field(self.subject.as_ref().map(|subject| &subject.as_bytes()[..]));
        bytes.field(self.session_id.as_ref().map(|session| &session.0.as_bytes()[..]));
        bytes.field(Some(self.request_id.as_bytes()));
        bytes.field(self.detail.as_ref().map(String::as_bytes));
        bytes.field(Some(&self.particulars.0));
        bytes.hash()
    }

    /// Returns whether the IP address and device match the commitment. `None` if they were erased.
    pub(super) fn keeps_its_commitment(&self) -> Option<bool> {
        match (self.salt, &self.address, &self.user_agent) {
            (Some(salt), address, user_agent) => {
                Some(commitment(salt, address.as_deref(), user_agent.as_deref()) == self.particulars)
            }
            (None, None, None) => None,
            (None, ..) => Some(false),
        }
    }
}

impl Hash {
    /// Returns the hash of a text, such as a checkpoint in compact form.
    pub fn of(text: &str) -> Self {
        let mut context = Context::new(&SHA256);
        context.update(text.as_bytes());
        Self::finish(context)
    }

    /// Parses the output of [`Display`](fmt::Display).
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        bytes.try_into().ok().map(Self)
    }

    fn finish(context: Context) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(context.finish().as_ref());
        Self(hash)
    }
}

/// Fields, each preceded by its length in four bytes, big-endian; four bytes `ff` stand for a missing field.
struct Bytes(Context);

impl Bytes {
    fn begin(purpose: &str) -> Self {
        let mut bytes = Self(Context::new(&SHA256));
        bytes.field(Some(purpose.as_bytes()));
        bytes
    }

    fn field(&mut self, field: Option<&[u8]>) {
        let length = field.map_or(u32::MAX, |field| u32::try_from(field.len()).unwrap_or(u32::MAX - 1));
        self.0.update(&length.to_be_bytes());
        self.0.update(field.unwrap_or_default());
    }

    fn hash(self) -> Hash {
        Hash::finish(self.0)
    }
}

macro_rules! base64url {
    ($($name:ident of $length:literal),+) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                let bytes = URL_SAFE_NO_PAD.decode(text).map_err(serde::de::Error::custom)?;
                let wrong = |_| serde::de::Error::custom(concat!("it has not ", $length, " bytes"));
                <[u8; $length]>::try_from(bytes).map($name).map_err(wrong)
            }
        }
    )+};
}

base64url!(Hash of 32, Salt of 16);
