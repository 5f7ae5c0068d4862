//! `countersign dev` as types.

use clap::Args;

/// `countersign dev`.
#[derive(Args)]
pub struct Dev {
    /// Sign with the one key that everybody knows, the same at each start
    #[arg(long)]
    pub deterministic_keys: bool,
    /// Stop when the standard input ends: with the test that started it, however that ends
    #[arg(long)]
    pub until_stdin_closes: bool,
}
