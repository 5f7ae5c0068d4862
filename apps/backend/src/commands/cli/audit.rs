//! `countersign audit` as types.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};

use crate::core::clock::Timestamp;
use crate::features::audit::Kind;

/// `countersign audit`.
#[derive(Subcommand)]
pub enum Audit {
    /// List entries, newest first
    #[command(after_help = "Examples:\n  countersign audit list --account ada@example.com\n  \
        countersign audit list --kind sign_in --since 2026-11-22T00:00:00Z --limit 1000")]
    List(ListAudit),
    /// List the kinds of entries, and what each tells of
    #[command(after_help = "Example:\n  countersign audit kinds")]
    Kinds(ListKinds),
    /// Write the whole log into a file, which can be verified without this database
    #[command(after_help = "Example:\n  countersign audit export audit-2026-11.jsonl")]
    Export(ExportAudit),
    /// Check that nothing was changed, removed or inserted
    ///
    /// It checks the database of these settings, or with --export a file, for which no database and no settings are
    /// needed. That the end of the log was cut off is seen only with --against; entries of the last seconds, which are
    /// not sealed yet, are not protected.
    #[command(
        after_help = "Examples:\n  countersign audit verify\n  countersign audit verify --against kept-checkpoints.txt\n  \
        countersign audit verify --export audit.jsonl --public-key secrets/jwt/public.pem"
    )]
    Verify(VerifyAudit),
}

/// `countersign audit list`.
#[derive(Args)]
pub struct ListAudit {
    /// About this account alone, by its e-mail address or its id
    #[arg(long, value_name = "EMAIL|ID")]
    pub account: Option<String>,
    /// Of this kind alone; `countersign audit kinds` tells what they mean
    #[arg(long, value_parser = kinds(), hide_possible_values = true)]
    pub kind: Option<Kind>,
    /// Not before this time
    #[arg(long, value_name = "TIME")]
    pub since: Option<Timestamp>,
    /// Before this time
    #[arg(long, value_name = "TIME")]
    pub until: Option<Timestamp>,
    /// So many at most, the newest
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

fn kinds() -> impl TypedValueParser<Value = Kind> {
    let named = |name: String| Kind::ALL.iter().copied().find(|kind| kind.name() == name);
    PossibleValuesParser::new(Kind::ALL.iter().map(|kind| kind.name()))
        .try_map(move |name| named(name).ok_or("there is no such kind"))
}

/// `countersign audit export`.
#[derive(Args)]
pub struct ExportAudit {
    /// The file to write, which must not exist yet; - for the standard output
    pub file: PathBuf,
}

/// `countersign audit verify`.
#[derive(Args)]
pub struct VerifyAudit {
    /// Check this export instead of the database
    #[arg(long, value_name = "FILE")]
    pub export: Option<PathBuf>,
    /// A public key (PEM) that signed checkpoints; more than once for several. Without --export, those of the keys
    /// folder are used too
    #[arg(long = "public-key", value_name = "FILE")]
    pub public_keys: Vec<PathBuf>,
    /// A JWK Set of public keys that signed checkpoints
    #[arg(long, value_name = "FILE")]
    pub jwks: Option<PathBuf>,
    /// A file with checkpoints that were kept elsewhere, one to a line: the log must have all of them
    #[arg(long, value_name = "FILE")]
    pub against: Option<PathBuf>,
}
