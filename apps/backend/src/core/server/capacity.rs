//! The number of connections that the process can hold. Each is an open file.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// File descriptors for purposes other than client connections: the database, keys, logs, and connections being
/// rejected.
const RESERVED: u64 = 256;

/// Raises the soft limit on open files as far as `wanted` connections require and the hard limit allows. Returns the
/// number of connections that fit.
pub(super) fn connections(wanted: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    let files = match limit.current {
        Some(current) if current < needed(wanted) => raise(limit, current, needed(wanted)),
        _ => return wanted,
    };
    let possible = connections_with(files, wanted);
    if possible < wanted {
        tracing::warn!(
            possible,
            wanted,
            "the limit on open files (ulimit -n) allows fewer connections than http.max_connections"
        );
    }
    possible
}

/// Returns the number that [`connections`] would return, without raising the limit.
pub(super) fn room(wanted: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    // `None` means no limit.
    match limit.maximum {
        Some(files) if files < needed(wanted) => connections_with(files, wanted),
        _ => wanted,
    }
}

fn needed(wanted: usize) -> u64 {
    (wanted as u64).saturating_add(RESERVED)
}

/// With a very low limit, half of it is used for connections.
fn connections_with(files: u64, wanted: usize) -> usize {
    let possible = files.saturating_sub(RESERVED).max(files / 2);
    usize::try_from(possible).unwrap_or(usize::MAX).min(wanted)
}

fn raise(limit: Rlimit, current: u64, needed: u64) -> u64 {
    let target = limit.maximum.map_or(needed, |maximum| maximum.min(needed));
    let raised = Rlimit {
        current: Some(target),
        maximum: limit.maximum,
    };
    if target > current && setrlimit(Resource::Nofile, raised).is_ok() {
        target
    } else {
        current
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_granted_and_the_rest_is_cut_to_the_hard_limit() {
        assert_eq!((room(10), connections(10)), (10, 10));
        let hard = getrlimit(Resource::Nofile).maximum;
        if let Some(hard) = hard.and_then(|hard| usize::try_from(hard).ok()) {
            let room = room(hard.saturating_mul(2));
            assert!(room < hard);
            assert_eq!(connections(hard.saturating_mul(2)), room);
        }
    }
}
