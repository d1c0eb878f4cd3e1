//! What is asked of the operating system: before anything else, and of memory from time to time.

use std::time::Duration;

use parlor_store::Store;

/// Blocks of at least this many bytes are given back to the system when they are freed. glibc
/// raises the bound by itself once such a block was freed, and then keeps what a burst took.
const MMAP_THRESHOLD_BYTES: i32 = 128 * 1024;

/// Lets the process hold as many sockets as the system allows it at most.
pub fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "the limit of open files stays where it is");
    }
}

/// Keeps the allocator from growing with every burst.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub fn pin_allocator() {
    // The one call in this crate that Rust cannot check: glibc offers no other way to set this
    // from within. It takes two numbers and touches no memory of ours.
    #[allow(unsafe_code)]
    // SAFETY: `mallopt` may be called at any time; `main` calls it before it starts a thread.
    let is_pinned = unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, MMAP_THRESHOLD_BYTES) } == 1;
    if !is_pinned {
        tracing::warn!("the allocator's threshold stays as it is");
    }
}

/// Other allocators give back what they do not need.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn pin_allocator() {}

/// Gives memory back that a burst has left free; runs for ever. Thousands of connections that
/// open at once take some 30 KB each while they are upgraded. What they leave lies between blocks
/// that stay, where glibc keeps it until it is asked.
pub async fn give_back_memory(store: Store) {
    /// How often it is looked at.
    const EVERY: Duration = Duration::from_secs(2);
    /// Free memory that is worth the asking, some milliseconds for the largest bursts.
    const WORTH_BYTES: usize = 256 * 1024;
    let mut every = tokio::time::interval(EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut given_back, mut before) = (0, 0);
    loop {
        every.tick().await;
        let free = free_bytes();
        let is_calm = free.abs_diff(before) < WORTH_BYTES / 4;
        before = free;
        if is_calm && free > given_back + WORTH_BYTES {
            if let Err(error) = store.shrink_memory().await {
                tracing::debug!(%error, "the database keeps its memory");
            }
            trim();
            given_back = free_bytes();
        }
        // What was given back and is in use again may be given back again.
        given_back = given_back.min(free);
    }
}

/// Returns how much the allocator holds that nobody uses, whether given back or not.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn free_bytes() -> usize {
    #[allow(unsafe_code)]
    // SAFETY: `mallinfo2` takes nothing and returns numbers; it locks what it reads.
    let info = unsafe { libc::mallinfo2() };
    info.fordblks
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn trim() {
    #[allow(unsafe_code)]
    // SAFETY: `malloc_trim` touches no block that is in use, and locks what it touches.
    unsafe {
        libc::malloc_trim(0)
    };
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn free_bytes() -> usize {
    0
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn trim() {}
