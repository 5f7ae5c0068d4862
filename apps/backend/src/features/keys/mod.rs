//! The keys: where they lie, how they are published, how they are changed.
//!
//! The folder of the settings holds them (`folder/`), the database keeps their history (`signing_keys` is this
//! feature's table): since when each was published, until when tokens signed by it live, whether it was revoked.
//! Beside the signing keys lie the sealing keys, the server's own symmetric ones (`sealing_keys`): this feature reads
//! and follows their files, `core/sealing` uses them.
//! [`Keys`] is what a running server uses; [`KeyOperator`] is what `countersign keys …` does. Signing and verifying
//! themselves are `countersign-jose`'s.

mod error;
mod folder;
mod router;
mod schemas;
mod service;
mod store;

pub use error::KeysError;
pub use folder::{Inspected, inspect};
pub use router::{Discovery, router};
pub use service::{
    Activated, IssueError, JWKS_MAX_AGE, KeyOperator, KeyOptions, KeyState, Keys, ListedKey, ListedSealingKey, NextKey,
    OperatorError, RevokedKey, SealingState, check_keys, current_kid,
};
