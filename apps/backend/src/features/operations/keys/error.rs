//! Why the keys are unusable. Each text names the file and the fix, for the operator.

use std::io;
use std::path::{Path, PathBuf};

use countersign_jose::KeyError;

use crate::core::text::absolute;
use crate::settings::CHECK_PATHS;

/// Why the keys of a folder are unusable.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// A file or the folder cannot be read or written.
    #[error("failed to {doing} {}: {source}", absolute(path))]
    File {
        /// The operation: `read`, `write` …
        doing: &'static str,
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// All users of the machine can read or write a private key.
    #[error(
        "the private key {path} is accessible to all users of this machine (mode {mode:03o}); run `chmod o-rwx \
         {path}`, and if others may have read it, run `{}` to replace it", replacement(path), path = absolute(path)
    )]
    Exposed {
        path: PathBuf,
        /// The permission bits of the file itself, with symbolic links resolved.
        mode: u32,
    },
    /// A file does not contain a usable key.
    #[error("cannot use {}: {source}; {}", absolute(path), remedy(*source))]
    Unusable {
        path: PathBuf,
        /// The reason.
        source: KeyError,
    },
    /// A public key does not match its private key, or its file name.
    #[error(
        "{} contains the key {found}, but {expected} was expected; restore the correct file, or remove this one",
        absolute(path)
    )]
    Mismatch {
        /// The file that does not match.
        path: PathBuf,
        found: String,
        /// The expected key.
        expected: String,
    },
    /// A required private key is missing.
    #[error("{} is missing; {CHECK_PATHS}, or restore it from a backup", absolute(.0))]
    Missing(PathBuf),
    /// There are no keys, and there have never been any.
    #[error(
        "{} contains no keys, and this command does not create any; {CHECK_PATHS}. To create the first one, run \
         `countersign keys generate`, or start the server", absolute(.0)
    )]
    None(PathBuf),
    /// There are no keys, but there have been some.
    #[error(
        "{dir} contains no keys, but tokens were issued with the key {kid}; {CHECK_PATHS}, then mount or restore the \
         folder, or set `keys_dir`. Only if the keys are lost for good, create new ones with `countersign keys \
         generate`: all tokens issued before become invalid", dir = absolute(dir)
    )]
    Lost {
        dir: PathBuf,
        /// A key that the database has seen.
        kid: String,
    },
    /// There is no RSA key, but there has been one.
    #[error(
        "{dir} contains no RSA key, but ID tokens were signed with the RSA key {kid}; {CHECK_PATHS}, then mount or \
         restore the folder, or set `keys_dir`. Only if the key is lost for good, create another one with `countersign \
         keys generate --rsa`: ID tokens issued before can no longer be verified",
        dir = absolute(dir)
    )]
    RsaLost {
        dir: PathBuf,
        /// An RSA key that the database has seen.
        kid: String,
    },
    /// There is no RSA key, and none can be created.
    #[error(
        "a client has its ID tokens signed with RS256, but no RSA key can be created in {dir}: {source}. Create one \
         with `countersign keys generate --rsa` in a writable copy of the keys folder, and mount the result on every \
         node; or set the client's `id_token_signed_response_alg` to ES256, if the client supports ES256",
        dir = absolute(dir)
    )]
    RsaUnwritable {
        dir: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// There is no sealing key, and there has never been one. In this and the following errors, the folder is that of the
    /// sealing keys.
    #[error(
        "{} contains no sealing key, and this command does not create one; {CHECK_PATHS}. To create the first one, run \
         `countersign keys sealing rotate`, or start the server", absolute(.0)
    )]
    NoSealing(PathBuf),
    /// There is no sealing key, but there has been one.
    #[error(
        "{dir} contains no usable sealing key, but this database has used the sealing key {id}; {CHECK_PATHS}, then \
         mount or restore the folder, or set `keys_dir`. Only if the key is lost for good, create another one with \
         `countersign keys sealing rotate`: a refresh repeated after a lost response is then rejected, and its user has \
         to sign in again",
        dir = absolute(dir)
    )]
    SealingLost {
        dir: PathBuf,
        /// A sealing key that the database has seen.
        id: String,
    },
    /// There is no sealing key, and none can be created.
    #[error(
        "{dir} contains no sealing key, and none can be created there: {source}. Restore the folder from a backup. If \
         there has never been a sealing key, create one with `countersign keys sealing rotate` in a writable folder, or with \
         `openssl genpkey -algorithm ed25519 -out first.key`, and mount it as {}", absolute(&dir.join("first.key")),
         dir = absolute(dir)
    )]
    SealingUnwritable {
        dir: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The current key was revoked.
    #[error(
        "the key {0} was revoked and cannot be used to sign; to replace it, run `countersign keys revoke {0}` on this folder"
    )]
    Revoked(String),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] countersign_store::StoreError),
}

fn replacement(path: &Path) -> &'static str {
    match path.extension().is_some_and(|extension| extension == "key") {
        true => "countersign keys sealing rotate",
        false => "countersign keys revoke",
    }
}

fn remedy(error: KeyError) -> &'static str {
    match error {
        KeyError::NeedsPassphrase | KeyError::WrongPassphrase => "set `keys_passphrase` to its passphrase",
        KeyError::NotP256 => {
            "use an EC key on the curve P-256 (`openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`)"
        }
        KeyError::NotRsa | KeyError::UnsupportedRsa => {
            "use an RSA key of 3072 bits (`openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072`)"
        }
        KeyError::NotSymmetric => "create another one with `countersign keys sealing rotate`, and remove this file",
        KeyError::UnsupportedEncryption => "encrypt it again, or store it unencrypted with mode 0600",
        _ => "restore it from a backup",
    }
}
