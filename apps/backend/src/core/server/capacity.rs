//! How many connections the process can hold: each is an open file.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files that are not connections of clients: the database, keys, logs, and the refused while they are told so.
const RESERVED: u64 = 256;

/// Raises the soft limit on open files as far as `wanted` connections need and the hard limit allows, and gives the
/// number of connections there is room for.
pub(super) fn connections(wanted: usize) -> usize {
    let needed = (wanted as u64).saturating_add(RESERVED);
    let limit = getrlimit(Resource::Nofile);
    let room = match limit.current {
        Some(current) if current < needed => raise(limit, current, needed),
        _ => return wanted,
    };
    // With very few files, half of them are better than none.
    let possible = room.saturating_sub(RESERVED).max(room / 2);
    let possible = usize::try_from(possible).unwrap_or(usize::MAX).min(wanted);
    if possible < wanted {
        tracing::warn!(
            possible,
            wanted,
            "the limit on open files (ulimit -n) allows fewer connections than configured"
        );
    }
    possible
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
        assert_eq!(connections(10), 10);
        let hard = getrlimit(Resource::Nofile).maximum;
        if let Some(hard) = hard.and_then(|hard| usize::try_from(hard).ok()) {
            assert!(connections(hard.saturating_mul(2)) < hard);
        }
    }
}
