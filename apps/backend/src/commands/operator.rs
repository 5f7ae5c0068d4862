//! Which operator it is, for the audit log: what `--as` says, and the user of the operating system.

use std::sync::Arc;

/// `ada` with `--as ada` is `ada (deploy)` where the user of the operating system is `deploy`: what is said can be
/// anything, the user cannot.
pub(super) fn name(said: Option<&str>) -> Arc<str> {
    let user = user();
    match said {
        Some(said) if said != user => format!("{said} ({user})").into(),
        _ => user.into(),
    }
}

/// The user of this process, by name; by number where it has none, as in a container.
fn user() -> String {
    let number = || format!("uid {}", rustix::process::geteuid().as_raw());
    let name = whoami::username().ok().filter(|name| !name.is_empty());
    name.unwrap_or_else(number)
        .chars()
        .filter(|c| !c.is_control())
        .collect()
}
