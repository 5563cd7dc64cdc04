//! CPU time as the kernel counts it: of this thread, and of a child process.
#![expect(unsafe_code, reason = "the standard library does not tell CPU time")]

use std::io;
use std::mem::MaybeUninit;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus};
use std::time::Duration;

/// Waits for a child process; tells how it ended, and the CPU time (user and system) of it
/// and of the processes that it has waited for.
///
/// # Errors
/// If there is no such child.
#[expect(clippy::needless_pass_by_value, reason = "nobody may wait for it again")]
pub(crate) fn wait(child: Child) -> io::Result<(ExitStatus, Duration)> {
    let pid = i32::try_from(child.id()).map_err(io::Error::other)?;
    let mut status = 0;
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: both point at memory of the right type, and all zeros is a valid rusage. The
    // child is consumed: nobody else waits for this process.
    while unsafe { libc::wait4(pid, &raw mut status, 0, usage.as_mut_ptr()) } < 0 {
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
    // SAFETY: see above.
    let usage = unsafe { usage.assume_init() };
    Ok((ExitStatus::from_raw(status), time(usage.ru_utime) + time(usage.ru_stime)))
}

/// The CPU time of this thread so far.
pub(crate) fn of_this_thread() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: it points at memory of the right type.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::from_secs(seconds) + Duration::from_nanos(u64::try_from(time.tv_nsec).unwrap_or(0))
}

fn time(value: libc::timeval) -> Duration {
    let seconds = u64::try_from(value.tv_sec).unwrap_or(0);
    let micros = u64::try_from(value.tv_usec).unwrap_or(0);
    Duration::from_secs(seconds) + Duration::from_micros(micros)
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Duration;

    use super::{of_this_thread, wait};

    #[test]
    fn the_cpu_time_of_a_thread_goes_forward_with_its_work() {
        let before = of_this_thread();
        while of_this_thread() == before {}
        assert!(of_this_thread() > before);
    }

    #[test]
    fn the_cpu_time_of_a_child_is_told_when_it_has_ended() {
        let count = "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; exit 3";
        let child = Command::new("sh").args(["-c", count]).spawn().unwrap();
        let (status, used) = wait(child).unwrap();
        assert_eq!(status.code(), Some(3));
        assert!(used > Duration::ZERO);
    }
}
