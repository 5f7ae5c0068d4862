//! The CPU time of a process.

use std::error::Error;

/// Returns the CPU seconds that a process has used (`proc_pid_stat(5)`, in ticks of 10 ms).
pub(crate) fn cpu_seconds(pid: u32) -> Result<f64, Box<dyn Error>> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name, in parentheses, may contain spaces.
    let after_name = stat.rsplit_once(')').ok_or("no stat")?.1;
    let mut ticks = after_name.split_whitespace().skip(11);
    let mut next = || {
        ticks
            .next()
            .and_then(|field| field.parse::<f64>().ok())
            .ok_or("no ticks")
    };
    Ok((next()? + next()?) / 100.0)
}
