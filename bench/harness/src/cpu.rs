//! What a process has used.

use std::error::Error;

/// Seconds of processor time that a process has used so far (`proc_pid_stat(5)`, in ticks of a hundredth).
pub(crate) fn cpu_seconds(pid: u32) -> Result<f64, Box<dyn Error>> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name, in brackets, may hold blanks.
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
