//! The keys: their files, publication and rotation.
//!
//! The configured folder contains the keys (`folder/`). The database keeps their history (this feature's table
//! `signing_keys`): since when each was published, when its last token expires, and whether it was revoked.
//! The keys sign with ES256; once a client needs it, there are also RSA keys for RS256, for ID tokens only.
//! The sealing keys, the server's own symmetric keys (`sealing_keys`), are in the same folder. This feature reads and
//! follows their files; `core/sealing` uses them.
//! [`Keys`] is used by a running server, [`KeyOperator`] by `countersign keys …`. Signing and verification are implemented
//! in `countersign-jose`.

mod error;
mod folder;
mod router;
mod schemas;
mod service;
mod store;

pub use error::KeysError;
pub use folder::{Inspected, inspect};
pub use router::{Publication, router};
pub use service::{
    Activated, IssueError, JWKS_MAX_AGE, KeyOperator, KeyOptions, KeyState, Keys, ListedKey, ListedSealingKey, NextKey,
    OperatorError, Reserved, RevokedKey, SealingState, check_keys, current_kid,
};
