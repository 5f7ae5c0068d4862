//! The operator's name for the audit log: the argument of `--as` and the user of the operating system.

use std::sync::Arc;

/// Returns the operator's name: `ada (deploy)` for `--as ada` run by the user `deploy`. The user is included because
/// `--as` is not verified.
pub(super) fn name(said: Option<&str>) -> Arc<str> {
    let user = user();
    match said {
        Some(said) if said != user => format!("{said} ({user})").into(),
        _ => user.into(),
    }
}

/// Returns the name of the process's user, or the user ID if it has no name, as in a container.
fn user() -> String {
    let number = || format!("uid {}", rustix::process::geteuid().as_raw());
    let name = whoami::username().ok().filter(|name| !name.is_empty());
    name.unwrap_or_else(number)
        .chars()
        .filter(|c| !c.is_control())
        .collect()
}
