//! `countersign audit` as types.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};

use crate::core::clock::Timestamp;
use crate::features::operations::audit::EventKind;

/// `countersign audit`.
#[derive(Subcommand)]
pub enum AuditCommand {
    /// List entries, newest first
    #[command(after_help = "Examples:\n  countersign audit list --account ada@example.com\n  \
        countersign audit list --kind sign_in --since 2026-11-22T00:00:00Z --limit 1000")]
    List(ListAudit),
    /// List the kinds of entries and their meaning
    #[command(after_help = "Example:\n  countersign audit kinds")]
    Kinds(ListKinds),
    /// Export the log to a file that can be verified without the database
    #[command(after_help = "Example:\n  countersign audit export audit-2026-11.jsonl")]
    Export(ExportAudit),
    /// Verify that no entries were changed, removed or inserted
    ///
    /// Verifies the log in the database, or with --export an exported file, which needs no database and no settings.
    /// Without --against, it cannot detect that the end of the log was removed. Entries of the last few seconds are not
    /// sealed yet, so they are not protected.
    #[command(
        after_help = "Examples:\n  countersign audit verify\n  countersign audit verify --against kept-checkpoints.txt\n  \
        countersign audit verify --export audit.jsonl --public-key secrets/jwt/public.pem"
    )]
    Verify(VerifyAudit),
}

/// `countersign audit list`.
#[derive(Args)]
pub struct ListAudit {
    /// Only entries about this account (email address or ID)
    #[arg(long, value_name = "EMAIL|ID")]
    pub account: Option<String>,
    /// Only entries of this kind; see `countersign audit kinds`
    #[arg(long, value_parser = kinds(), hide_possible_values = true)]
    pub kind: Option<EventKind>,
    /// Only entries at or after this time
    #[arg(long, value_name = "TIME")]
    pub since: Option<Timestamp>,
    /// Only entries before this time
    #[arg(long, value_name = "TIME")]
    pub until: Option<Timestamp>,
    /// The maximum number of entries
    #[arg(long, default_value_t = 100, value_parser = super::arguments::count::<100_000>)]
    pub limit: u32,
}

/// `countersign audit kinds`.
#[derive(Args)]
pub struct ListKinds {
    /// Print the reference of all kinds (docs/audit-kinds.md) instead
    #[arg(long, conflicts_with = "json")]
    pub reference: bool,
}

fn kinds() -> impl TypedValueParser<Value = EventKind> {
    let named = |name: String| EventKind::ALL.iter().copied().find(|kind| kind.name() == name);
    PossibleValuesParser::new(EventKind::ALL.iter().map(|kind| kind.name()))
        .try_map(move |name| named(name).ok_or("unknown kind; see `countersign audit kinds`"))
}

/// `countersign audit export`.
#[derive(Args)]
pub struct ExportAudit {
    /// The file to create, or - for standard output; existing files are not overwritten
    pub file: PathBuf,
}

/// `countersign audit verify`.
#[derive(Args)]
pub struct VerifyAudit {
    /// Verify this export instead of the database
    #[arg(long, value_name = "FILE")]
    pub export: Option<PathBuf>,
    /// A public key (PEM) that signed checkpoints; can be repeated. Without --export, the keys in the keys folder are
    /// used too
    #[arg(long = "public-key", value_name = "FILE")]
    pub public_keys: Vec<PathBuf>,
    /// A JWK Set of public keys that signed checkpoints
    #[arg(long, value_name = "FILE")]
    pub jwks: Option<PathBuf>,
    /// A file of saved checkpoints, one per line, all of which must be in the log
    #[arg(long, value_name = "FILE")]
    pub against: Option<PathBuf>,
}
