//! `countersign dev` as types.

use clap::Args;

/// `countersign dev`.
#[derive(Args)]
pub struct Dev {
    /// Sign with a fixed, publicly known key, the same at each start
    #[arg(long)]
    pub deterministic_keys: bool,
    /// Listen on the local network, so that a phone can reach the server. Everyone on this network can sign in as any
    /// user
    #[arg(long)]
    pub lan: bool,
    /// Stop when standard input closes, so that the server ends with the test that started it
    #[arg(long)]
    pub until_stdin_closes: bool,
}
