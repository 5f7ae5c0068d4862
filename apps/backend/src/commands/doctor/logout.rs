//! Checks that clients were told of sign-outs.

use countersign_store::Db;

use super::finding::Finding;
use crate::core::clock::Clock;
use crate::features::oauth::backchannel_logout;

const LOGOUT: &str = "logout";

/// Looks for logout notices that were given up in the last days.
pub(super) async fn check(db: &Db, clock: &Clock, findings: &mut Vec<Finding>) {
    match backchannel_logout::failed_notices(db, clock.now()).await {
        Ok(failed) => findings.extend(failed.into_iter().map(|failed| {
            let why = failed.failure.unwrap_or_default();
            Finding::warn(
                LOGOUT,
                format!(
                    "{} logout notice(s) to the client {} failed in the last 7 days: {why}",
                    failed.count, failed.client_id
                ),
                "check the client's `backchannel_logout_uri`, and that this machine can reach it; users who signed \
                 out may still be signed in to the client",
            )
        })),
        Err(error) => findings.push(Finding::unknown(
            LOGOUT,
            format!("failed to read logout notices: {error}"),
            "run it again when the database works",
        )),
    }
}
