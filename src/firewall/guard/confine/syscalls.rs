//! seccomp: which system calls the guard, and what it starts, may make.
//!
//! A call that is not in the list is answered as by a kernel that does not know it (ENOSYS): a
//! newer C library that tries a newer call first then falls back to the older one, and nothing is
//! killed half-way through a change of the rules. Where the list names arguments, another argument
//! is refused in the same way.

use std::collections::BTreeMap;

use nix::libc;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch, apply_filter,
};

use super::error::ConfineError;
use super::unavailable::is_not_here;

/// Called with whatever arguments.
const PLAIN: &[libc::c_long] = &[
    // Memory and threads.
    libc::SYS_brk,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_madvise,
    libc::SYS_membarrier,
    libc::SYS_futex,
    libc::SYS_rseq,
    libc::SYS_set_robust_list,
    libc::SYS_get_robust_list,
    libc::SYS_set_tid_address,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_getcpu,
    libc::SYS_prctl,
    libc::SYS_restart_syscall,
    libc::SYS_exit,
    libc::SYS_exit_group,
    // Processes: which they are, the packet filter's program, its end.
    libc::SYS_execve,
    libc::SYS_wait4,
    libc::SYS_waitid,
    libc::SYS_pidfd_open,
    libc::SYS_setsid,
    libc::SYS_setpgid,
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_gettid,
    libc::SYS_getpgid,
    libc::SYS_getsid,
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getegid,
    libc::SYS_getresuid,
    libc::SYS_getresgid,
    libc::SYS_getgroups,
    libc::SYS_capget,
    libc::SYS_uname,
    libc::SYS_sysinfo,
    libc::SYS_getrusage,
    libc::SYS_times,
    libc::SYS_getrandom,
    // Signals of its own.
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigpending,
    libc::SYS_rt_sigtimedwait,
    libc::SYS_sigaltstack,
    // Time.
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_gettimeofday,
    // Descriptors.
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_pread64,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_pwrite64,
    libc::SYS_lseek,
    libc::SYS_close,
    libc::SYS_close_range,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_fcntl,
    libc::SYS_flock,
    libc::SYS_pipe2,
    libc::SYS_eventfd2,
    libc::SYS_ppoll,
    libc::SYS_pselect6,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
    // Files: which, is Landlock's to say.
    libc::SYS_openat,
    libc::SYS_fstat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_statfs,
    libc::SYS_fstatfs,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_readlinkat,
    libc::SYS_getdents64,
    libc::SYS_getcwd,
    libc::SYS_getxattr,
    libc::SYS_lgetxattr,
    libc::SYS_fadvise64,
    libc::SYS_ftruncate,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_mkdirat, // of the folder that is there
    libc::SYS_renameat2,
    libc::SYS_unlinkat,
    // Sockets, of the families below: netlink, the system's log, what the proxy hands over, a port
    // that is tried.
    libc::SYS_socketpair,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_getsockname,
    libc::SYS_getpeername,
    libc::SYS_getsockopt,
    libc::SYS_setsockopt,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_recvmmsg,
    libc::SYS_shutdown,
];

/// What newer architectures have left out.
#[cfg(target_arch = "x86_64")]
const OLDER: &[libc::c_long] = &[
    libc::SYS_arch_prctl,
    libc::SYS_time,
    libc::SYS_getpgrp,
    libc::SYS_getrlimit,
    libc::SYS_vfork,
    libc::SYS_fork,
    libc::SYS_dup2,
    libc::SYS_pipe,
    libc::SYS_poll,
    libc::SYS_select,
    libc::SYS_epoll_create,
    libc::SYS_epoll_wait,
    libc::SYS_open,
    libc::SYS_stat,
    libc::SYS_lstat,
    libc::SYS_access,
    libc::SYS_renameat,
    libc::SYS_readlink,
    libc::SYS_mkdir,
    libc::SYS_rename,
    libc::SYS_unlink,
];
/// renameat(2), by its number in asm-generic/unistd.h: glibc's rename(3) makes it there, and the
/// libc crate leaves it out.
#[cfg(target_arch = "aarch64")]
const OLDER: &[libc::c_long] = &[38];

/// What a child or a thread may not be given: namespaces of its own. clone3(2), whose flags a
/// filter cannot see, is not in the list, and C libraries then use clone(2).
const NAMESPACES: libc::c_int = libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET;

/// Requests about terminals, descriptors and names of interfaces, by their numbers in asm-generic:
/// the libc crate has them in another type for each C library. TIOCSTI, which types for others, is
/// none of them.
const REQUESTS: [u64; 7] = [
    0x5401, // TCGETS
    0x5413, // TIOCGWINSZ
    0x5421, // FIONBIO
    0x541b, // FIONREAD
    0x5451, // FIOCLEX
    0x8910, // SIOCGIFNAME
    0x8933, // SIOCGIFINDEX
];

/// Netlink's protocols: interfaces (nft looks up their names), the kernel's own list of sockets,
/// the packet filter.
const NETLINK: [libc::c_int; 3] = [libc::NETLINK_ROUTE, libc::NETLINK_SOCK_DIAG, libc::NETLINK_NETFILTER];

/// The processor whose calls these are.
const ARCHITECTURE: TargetArch =
    if cfg!(target_arch = "x86_64") { TargetArch::x86_64 } else { TargetArch::aarch64 };

/// The bits of a socket's type that are no flag.
const TYPE: u64 = 0xf;

/// Confines this process, and what it starts, to the list; a kernel without seccomp has nothing to
/// do it with.
pub(super) fn confine() -> Result<(), ConfineError> {
    let unconfined = |said: String| ConfineError::Unconfined { by: "seccomp", said };
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    if !status.contains("\nSeccomp:") {
        is_not_here("seccomp");
        return Ok(());
    }
    let program = program(ARCHITECTURE).map_err(|error| unconfined(error.to_string()))?;
    apply_filter(&program).map_err(|error| unconfined(error.to_string()))
}

fn program(arch: TargetArch) -> Result<BpfProgram, seccompiler::BackendError> {
    let mut calls: BTreeMap<i64, Vec<SeccompRule>> =
        PLAIN.iter().chain(OLDER).map(|call| (*call, Vec::new())).collect();
    for (call, ways) in with_arguments() {
        let rules = ways
            .into_iter()
            .map(|conditions| SeccompRule::new(conditions.into_iter().collect::<Result<_, _>>()?));
        calls.insert(call, rules.collect::<Result<_, _>>()?);
    }
    let no_such_call = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    SeccompFilter::new(calls, no_such_call, SeccompAction::Allow, arch)?.try_into()
}

type Condition = Result<SeccompCondition, seccompiler::BackendError>;

/// The calls of which only some ways are let through: each way is conditions that hold together.
fn with_arguments() -> Vec<(libc::c_long, Vec<Vec<Condition>>)> {
    // Limits are read, not set: `new` is a null pointer.
    let only_read = vec![vec![wide(2, 0)]];
    let no_namespace = vec![vec![masked(0, number(NAMESPACES), 0)]];
    // TCP's fast open connects without connect(2).
    let no_connection = |flags| vec![vec![masked(flags, number(libc::MSG_FASTOPEN), 0)]];
    let requests = REQUESTS.into_iter().map(|request| vec![is(1, request)]).collect();
    // A call that hangs is killed; 0 asks whether a process is there. A panic ends in abort(3).
    let signals =
        |at, signals: &[libc::c_int]| signals.iter().map(|one| vec![is(at, number(*one))]).collect();
    let stream = |family| vec![is(0, number(family)), masked(1, TYPE, number(libc::SOCK_STREAM))];
    let mut sockets = vec![vec![is(0, number(libc::AF_UNIX))], stream(libc::AF_INET), stream(libc::AF_INET6)];
    sockets.extend(NETLINK.map(|protocol| vec![is(0, number(libc::AF_NETLINK)), is(2, number(protocol))]));
    vec![
        (libc::SYS_prlimit64, only_read),
        (libc::SYS_clone, no_namespace),
        (libc::SYS_ioctl, requests),
        (libc::SYS_kill, signals(1, &[0, libc::SIGKILL])),
        (libc::SYS_pidfd_send_signal, signals(1, &[0, libc::SIGKILL])),
        (libc::SYS_tgkill, signals(2, &[libc::SIGABRT])),
        (libc::SYS_tkill, signals(1, &[libc::SIGABRT])),
        (libc::SYS_socket, sockets),
        (libc::SYS_sendto, no_connection(3)),
        (libc::SYS_sendmsg, no_connection(2)),
    ]
}

fn is(argument: u8, value: u64) -> Condition {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)
}

fn wide(argument: u8, value: u64) -> Condition {
    SeccompCondition::new(argument, SeccompCmpArgLen::Qword, SeccompCmpOp::Eq, value)
}

fn masked(argument: u8, mask: u64, value: u64) -> Condition {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(mask), value)
}

/// A constant of C's, none of which is negative.
fn number(constant: libc::c_int) -> u64 {
    u64::from(constant.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_a_program_for_both_processors() {
        for arch in [TargetArch::x86_64, TargetArch::aarch64] {
            let program = program(arch).unwrap();
            assert!(program.len() > PLAIN.len() && program.len() < 4096, "{}", program.len());
        }
    }

    #[test]
    fn no_call_is_listed_twice() {
        let mut calls: Vec<_> = PLAIN.iter().chain(OLDER).copied().collect();
        calls.extend(with_arguments().into_iter().map(|(call, _)| call));
        let all = calls.len();
        calls.sort_unstable();
        calls.dedup();
        assert_eq!(calls.len(), all);
    }
}
