//! `countersign grants` as types.

use clap::{Args, Subcommand};
use uuid::Uuid;

/// `countersign grants`.
#[derive(Subcommand)]
pub enum GrantsCommand {
    /// List the newest active grants, each of which gives a client access to a user's account
    #[command(
        after_help = "Examples:\n  countersign grants list\n  countersign grants list --user ada@example.com\n  \
        countersign grants list --client grafana"
    )]
    List(ListGrants),
    /// Revoke one grant, those of a user, or those of a client
    ///
    /// With --user, the user's consent is withdrawn too, so the client has to ask for it again. With --user or --client,
    /// codes that are not redeemed yet become void. Clients with a `backchannel_logout_uri` are notified.
    #[command(
        after_help = "Examples:\n  countersign grants revoke 0198c5a0-7e1c-7000-8000-000000000000\n  \
        countersign grants revoke --user ada@example.com --client grafana\n  countersign grants revoke --client grafana"
    )]
    Revoke(RevokeGrants),
}

/// Whose grants.
#[derive(Args)]
pub struct ListGrants {
    /// Only grants of this account
    #[arg(long, value_name = "EMAIL|ID")]
    pub user: Option<String>,
    /// Only grants of this client
    #[arg(long, value_name = "CLIENT_ID")]
    pub client: Option<String>,
    /// The maximum number of grants
    #[arg(long, default_value_t = 100, value_parser = super::arguments::count::<100_000>)]
    pub limit: u32,
}

/// `countersign grants revoke`: a grant, or a user, a client, or both.
#[derive(Args)]
#[group(required = true, multiple = true)]
pub struct RevokeGrants {
    /// The grant ID (see `grants list`; it is the `sid` of its tokens)
    #[arg(value_parser = super::arguments::grant_id, conflicts_with_all = ["user", "client"])]
    pub id: Option<Uuid>,
    /// Revoke the grants of this account
    #[arg(long, value_name = "EMAIL|ID")]
    pub user: Option<String>,
    /// Revoke the grants of this client
    #[arg(long, value_name = "CLIENT_ID")]
    pub client: Option<String>,
}
