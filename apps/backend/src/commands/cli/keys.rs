//! `countersign keys` as types.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `countersign keys`.
#[derive(Subcommand)]
pub enum Keys {
    /// Make the first signing key, if there is none, and the first sealing key
    #[command(after_help = "Example:\n  countersign keys generate --keys-dir secrets/jwt")]
    Generate,
    /// List the signing keys and what each is for
    #[command(after_help = "Examples:\n  countersign keys list --json     the signing keys\n  \
        countersign keys sealing list   the sealing keys")]
    List,
    /// Publish a new key; it signs once every verifier can know it
    #[command(
        after_help = "Examples:\n  countersign keys rotate              publish the next key\n  \
        countersign keys rotate --activate   sign with it, once it has been published long enough\n  \
        countersign keys rotate --wait       publish, wait and sign"
    )]
    Rotate(Rotate),
    /// Take an old key out of service, once the last token that it signed has expired
    #[command(after_help = "Example:\n  countersign keys retire NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs")]
    Retire {
        /// The key's id, as `keys list` shows it
        #[arg(allow_hyphen_values = true)] // One in 64 begins with a hyphen.
        kid: String,
    },
    /// Take a key out of service at once, and with it every token that it signed
    #[command(after_help = "Example:\n  countersign keys revoke NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs")]
    Revoke {
        /// The key's id, as `keys list` shows it
        #[arg(allow_hyphen_values = true)] // One in 64 begins with a hyphen.
        kid: String,
    },
    /// Replace or list the server's own symmetric keys, which refresh tokens are derived with
    #[command(subcommand, after_help = "Example:\n  countersign keys sealing list")]
    Sealing(Sealing),
    /// Show what a key file holds, without its secret; the signing key's own if none is named
    #[command(after_help = "Example:\n  countersign keys inspect secrets/jwt/public.pem")]
    Inspect {
        /// The key file, in PEM
        file: Option<PathBuf>,
    },
}

/// `countersign keys sealing`.
#[derive(Subcommand)]
pub enum Sealing {
    /// Make a new sealing key; servers use it a minute later
    #[command(after_help = "Example:\n  countersign keys sealing rotate")]
    Rotate,
    /// List the sealing keys and what each is for
    #[command(after_help = "Example:\n  countersign keys sealing list --json")]
    List,
    /// Take a sealing key out of use, once nothing needs it
    #[command(after_help = "Example:\n  countersign keys sealing retire 9f2c41d07be38a56")]
    Retire {
        /// The key's id, as `keys sealing list` shows it
        id: String,
    },
}

/// `countersign keys rotate`.
#[derive(Args)]
#[group(multiple = false)]
pub struct Rotate {
    /// Sign with the key that was published; refused before it has been published long enough
    #[arg(long)]
    pub activate: bool,
    /// Publish a key, wait until every verifier can know it, and sign with it
    #[arg(long)]
    pub wait: bool,
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
