//! Metrics of the process, with the standard names.

use prometheus_client::registry::Registry;

/// Returns the current values. Empty if the system does not provide them.
#[cfg(target_os = "linux")]
pub fn process() -> Registry {
    use prometheus_client::metrics::counter::ConstCounter;
    use prometheus_client::metrics::gauge::ConstGauge;

    let mut registry = Registry::with_prefix("process");
    let Ok(myself) = procfs::process::Process::myself() else {
        return registry;
    };
    #[expect(clippy::cast_precision_loss, reason = "a metric")]
    let seconds = |ticks: u64| ticks as f64 / procfs::ticks_per_second() as f64;
    if let Ok(stat) = myself.stat() {
        let cpu = ConstCounter::new(seconds(stat.utime + stat.stime));
        registry.register("cpu_seconds", "CPU time used", cpu);
        let memory = ConstGauge::new(stat.rss.saturating_mul(procfs::page_size()).cast_signed());
        registry.register("resident_memory_bytes", "Resident memory", memory);
        registry.register("threads", "Threads", ConstGauge::new(stat.num_threads));
        if let Ok(booted) = procfs::boot_time_secs() {
            #[expect(clippy::cast_precision_loss, reason = "a metric")]
            let started = booted as f64 + seconds(stat.starttime);
            registry.register(
                "start_time_seconds",
                "Start time in seconds since the epoch",
                ConstGauge::new(started),
            );
        }
    }
    if let Ok(open) = myself.fd_count() {
        let open = ConstGauge::new(i64::try_from(open).unwrap_or(i64::MAX));
        registry.register("open_fds", "Open files and sockets", open);
    }
    if let Ok(limits) = myself.limits()
        && let procfs::process::LimitValue::Value(most) = limits.max_open_files.soft_limit
    {
        registry.register("max_fds", "Limit on open files", ConstGauge::new(most.cast_signed()));
    }
    registry
}

/// Returns no metrics: the system does not provide them.
#[cfg(not(target_os = "linux"))]
pub fn process() -> Registry {
    Registry::default()
}
