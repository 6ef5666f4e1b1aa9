//! The allocator. The system's keeps what the compiler of plugins has had: 120 MiB, until the daemon's
//! end.

use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// `mi_option_purge_delay` of `mimalloc.h`, which its Rust bindings have no name for.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

/// Has memory that is free given back to the system when it becomes free, and not some time later
/// when more is asked for: a daemon that has nothing to do asks for none.
#[expect(unsafe_code, reason = "the option has no safe binding")]
pub fn give_back_at_once() {
    // SAFETY: it stores a number in a table of options, at any time and from any thread.
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, 0) }
}
