//! Metrics of the process, with the standard names.

use prometheus_client::registry::Registry;

/// Returns the current values. Empty if the system does not provide them.
#[cfg(target_os = "linux")]
pub fn process() -> Registry {
    use prometheus_client::metrics::counter::ConstCounter;
    use prometheus_client::metrics::gauge::ConstGauge;
    use rustix::param::{clock_ticks_per_second, page_size};
    use rustix::process::{Resource, getrlimit};

    let mut registry = Registry::with_prefix("process");
    let mut gauge = |name, help, value: Option<u64>| {
        if let Some(value) = value.and_then(|value| i64::try_from(value).ok()) {
            registry.register(name, help, ConstGauge::new(value));
        }
    };
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let field = |number| stat_field(&stat, number);
    let memory = field(24).map(|pages| pages.saturating_mul(page_size() as u64));
    gauge("resident_memory_bytes", "Resident memory", memory);
    gauge("threads", "Threads", field(20));
    let open = std::fs::read_dir("/proc/self/fd").map(|open| open.count() as u64);
    gauge("open_fds", "Open files and sockets", open.ok());
    gauge("max_fds", "Limit on open files", getrlimit(Resource::Nofile).current);

    #[expect(clippy::cast_precision_loss, reason = "a metric")]
    let seconds = |ticks: u64| ticks as f64 / clock_ticks_per_second() as f64;
    if let (Some(user), Some(system)) = (field(14), field(15)) {
        registry.register(
            "cpu_seconds",
            "CPU time used",
            ConstCounter::new(seconds(user + system)),
        );
    }
    if let (Some(booted), Some(started)) = (boot_time(), field(22)) {
        let started = ConstGauge::new(booted + seconds(started));
        registry.register("start_time_seconds", "Start time in seconds since the epoch", started);
    }
    registry
}

/// Returns a field of `/proc/self/stat` by its number in proc_pid_stat(5). The second, the name of the program in
/// parentheses, may contain spaces and parentheses.
#[cfg(target_os = "linux")]
fn stat_field(stat: &str, number: usize) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(") ")?;
    after_name.split(' ').nth(number - 3)?.parse().ok()
}

/// Returns the start of the system in seconds since the epoch.
#[cfg(target_os = "linux")]
fn boot_time() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/stat").ok()?;
    stat.lines().find_map(|line| line.strip_prefix("btime "))?.parse().ok()
}

/// Returns no metrics: the system does not provide them.
#[cfg(not(target_os = "linux"))]
pub fn process() -> Registry {
    Registry::default()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #[test]
    fn a_field_is_found_after_any_name() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194304 90 0 0 0 14 15 0 0 20 0 20 0 22 0 24 0";
        let found = [14, 15, 20, 22, 24].map(|number| super::stat_field(stat, number));
        assert_eq!(found, [14, 15, 20, 22, 24].map(Some));
        assert_eq!(super::stat_field(stat, 8), None, "negative");
        assert_eq!(super::stat_field("", 14), None);
    }
}
