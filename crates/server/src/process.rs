//! What is asked of the operating system before anything else.

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
