//! The machine: cores, clocks, memory.

use std::time::Duration;

use anyhow::Context;
use rustix::thread::{CpuSet, sched_setaffinity};

/// The core the servers run on.
pub const SERVER_CORE: usize = 0;
/// The core the load comes from.
pub const LOAD_CORE: usize = 1;

/// Keeps the calling thread, and those it starts, on the core that load comes from.
///
/// # Errors
/// When the machine has no second core.
pub fn pin_to_load_core() -> anyhow::Result<()> {
    let mut cores = CpuSet::new();
    cores.set(LOAD_CORE);
    sched_setaffinity(None, &cores).context("a second core is needed")
}

/// Returns the CPU time, user and kernel, of all threads a process has had, to the nanosecond.
///
/// # Errors
/// When there is no such process.
pub fn cpu_time(pid: u32) -> anyhow::Result<Duration> {
    let mut clock: libc::clockid_t = 0;
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: both calls write one plain value to the place given, which outlives them.
    #[allow(unsafe_code, reason = "no safe crate offers another process's CPU clock")]
    let failed = unsafe {
        libc::clock_getcpuclockid(pid.cast_signed(), &raw mut clock) != 0
            || libc::clock_gettime(clock, &raw mut time) != 0
    };
    anyhow::ensure!(!failed, "process {pid} is gone");
    Ok(Duration::new(time.tv_sec as u64, time.tv_nsec as u32))
}

/// Memory of a process, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Memory {
    /// Resident, shared pages included.
    pub resident: u64,
    /// Resident and this process's alone: what a connection adds to.
    pub private: u64,
}

/// Reads `/proc/PID/smaps_rollup`.
///
/// # Errors
/// When there is no such process or it is another user's.
pub fn memory(pid: u32) -> anyhow::Result<Memory> {
    let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let field = |name: &str| -> u64 {
        rollup
            .lines()
            .filter_map(|line| {
                line.strip_prefix(name)?.trim().strip_suffix(" kB")?.parse::<u64>().ok()
            })
            .sum::<u64>()
            * 1024
    };
    Ok(Memory {
        resident: field("Rss:"),
        private: field("Private_Clean:") + field("Private_Dirty:"),
    })
}

/// Returns the load of the machine over the last minute, for the report: a busy machine says
/// nothing about servers.
pub fn load_average() -> f64 {
    std::fs::read_to_string("/proc/loadavg")
        .ok()
        .and_then(|text| text.split(' ').next()?.parse().ok())
        .unwrap_or(f64::NAN)
}
