//! `countersign keys` as types.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `countersign keys`.
#[derive(Subcommand)]
pub enum KeysCommand {
    /// Create the first signing key and the first sealing key, or the first RSA key
    #[command(after_help = "Examples:\n  countersign keys generate --keys-dir secrets/jwt\n  \
        countersign keys generate --rsa   for clients whose ID tokens are signed with RS256; created automatically if the folder is writable")]
    Generate(Generate),
    /// List the signing keys and their state
    #[command(after_help = "Examples:\n  countersign keys list --json     the signing keys\n  \
        countersign keys sealing list   the sealing keys")]
    List,
    /// Publish a new signing key, to be activated once all verifiers know it
    #[command(
        after_help = "Examples:\n  countersign keys rotate              publish the next key\n  \
        countersign keys rotate --activate   sign with it, once it has been published long enough\n  \
        countersign keys rotate --wait       publish, wait and sign\n  \
        countersign keys rotate --rsa        the same for the RSA key"
    )]
    Rotate(Rotate),
    /// Remove an old key after the last token signed with it has expired
    #[command(after_help = "Example:\n  countersign keys retire NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs")]
    Retire {
        /// The key ID (see `keys list`)
        #[arg(allow_hyphen_values = true)] // One in 64 begins with a hyphen.
        kid: String,
    },
    /// Revoke a key and all tokens signed with it, immediately
    #[command(after_help = "Example:\n  countersign keys revoke NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs")]
    Revoke {
        /// The key ID (see `keys list`)
        #[arg(allow_hyphen_values = true)] // One in 64 begins with a hyphen.
        kid: String,
    },
    /// Rotate, list and retire the symmetric keys from which refresh tokens are derived
    #[command(subcommand, after_help = "Example:\n  countersign keys sealing list")]
    Sealing(SealingCommand),
    /// Show what a key file contains, without secrets; by default the signing key's file
    #[command(after_help = "Example:\n  countersign keys inspect secrets/jwt/public.pem")]
    Inspect {
        /// The key file (PEM)
        file: Option<PathBuf>,
    },
}

/// `countersign keys sealing`.
#[derive(Subcommand)]
pub enum SealingCommand {
    /// Create a new sealing key, which servers use a minute later
    #[command(after_help = "Example:\n  countersign keys sealing rotate")]
    Rotate,
    /// List the sealing keys and their state
    #[command(after_help = "Example:\n  countersign keys sealing list --json")]
    List,
    /// Remove an old sealing key that is no longer needed
    #[command(after_help = "Example:\n  countersign keys sealing retire 9f2c41d07be38a56")]
    Retire {
        /// The key ID (see `keys sealing list`)
        id: String,
    },
}

/// `countersign keys generate`.
#[derive(Args)]
pub struct Generate {
    /// Create the RSA key, which signs the ID tokens of clients that do not ask for ES256
    #[arg(long)]
    pub rsa: bool,
}

/// `countersign keys rotate`.
#[derive(Args)]
pub struct Rotate {
    /// Start signing with the published key; fails if it has not been published long enough
    #[arg(long, conflicts_with = "wait")]
    pub activate: bool,
    /// Publish a key, wait until all verifiers know it, and start signing with it
    #[arg(long)]
    pub wait: bool,
    /// Rotate the RSA key, which signs the ID tokens of clients that do not ask for ES256
    #[arg(long)]
    pub rsa: bool,
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::CommandLine;

    #[test]
    fn a_kid_may_begin_with_a_hyphen() {
        for verb in ["retire", "revoke"] {
            assert!(CommandLine::try_parse_from(["countersign", "keys", verb, "-kid", "--json"]).is_ok());
        }
    }
}
