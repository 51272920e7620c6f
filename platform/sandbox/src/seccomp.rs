//! The seccomp filters: which system calls a confined program may not make.
//!
//! The filter lists the calls that a converter never needs. A list of the calls that it does need would differ between
//! versions, C libraries and processors, and one missing call would break conversions. Landlock controls access to
//! files; changes that Landlock does not control (modes, owners, times, links) are refused here. Invariant: a confined
//! program stays one process. It can start no other process, signal none but itself and open no socket, so nothing of
//! it outlives it.

use std::collections::BTreeMap;

use rustix::process::Pid;
use seccompiler::SeccompCmpArgLen::{Dword, Qword};
use seccompiler::SeccompCmpOp::{Eq, MaskedEq, Ne};
use seccompiler::{BpfProgram, SeccompAction, SeccompCondition, SeccompFilter, SeccompRule, apply_filter};

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// System calls that are refused whatever their arguments are.
const DENIED: &[libc::c_long] = &[
    // Sockets, and other ways to the network or to other processes' sockets.
    libc::SYS_socket,
    libc::SYS_socketpair,
    libc::SYS_bind,
    libc::SYS_connect,
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    // Other processes: their memory, files, signals and process groups.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_process_mrelease,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_send_signal,
    libc::SYS_kcmp,
    libc::SYS_tkill,
    libc::SYS_rt_sigqueueinfo,
    libc::SYS_rt_tgsigqueueinfo,
    libc::SYS_setsid,
    libc::SYS_setpgid,
    libc::SYS_ioprio_set,
    libc::SYS_sched_setscheduler,
    libc::SYS_sched_setattr,
    libc::SYS_sched_setparam,
    libc::SYS_migrate_pages,
    libc::SYS_move_pages,
    // Memory that no resource limit counts.
    libc::SYS_memfd_create,
    libc::SYS_memfd_secret,
    libc::SYS_shmget,
    libc::SYS_shmat,
    libc::SYS_msgget,
    libc::SYS_semget,
    libc::SYS_mq_open,
    libc::SYS_userfaultfd,
    libc::SYS_remap_file_pages,
    // Changes to files that Landlock does not control.
    libc::SYS_truncate,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    SYS_FCHMODAT2,
    libc::SYS_fchown,
    libc::SYS_fchownat,
    libc::SYS_utimensat,
    libc::SYS_linkat,
    libc::SYS_symlinkat,
    libc::SYS_mknodat,
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_fsetxattr,
    libc::SYS_removexattr,
    libc::SYS_lremovexattr,
    libc::SYS_fremovexattr,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_fanotify_init,
    libc::SYS_fanotify_mark,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    // Changes to the machine.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_syslog,
    libc::SYS_vhangup,
    libc::SYS_personality,
];

/// `fchmodat2`, which some versions of the C library's headers lack. Its number is the same on all processors.
const SYS_FCHMODAT2: libc::c_long = 452;

/// Older variants of the calls above that exist on x86 only.
#[cfg(target_arch = "x86_64")]
const DENIED_ON_THIS_ARCH: &[libc::c_long] = &[
    libc::SYS_fork,
    libc::SYS_vfork,
    libc::SYS_chmod,
    libc::SYS_chown,
    libc::SYS_lchown,
    libc::SYS_link,
    libc::SYS_symlink,
    libc::SYS_mknod,
    libc::SYS_utime,
    libc::SYS_utimes,
    libc::SYS_futimesat,
    libc::SYS_kexec_file_load,
    libc::SYS_iopl,
    libc::SYS_ioperm,
    libc::SYS_modify_ldt,
    libc::SYS_uselib,
];
#[cfg(not(target_arch = "x86_64"))]
const DENIED_ON_THIS_ARCH: &[libc::c_long] = &[];

/// `TIOCSTI` and `TIOCLINUX`, which insert input into the terminal that the server was started from.
const TERMINAL_INPUT_IOCTLS: [u64; 2] = [0x5412, 0x541c];

/// The bit that marks a system call of the x32 ABI. The kernel reports x32 calls under the same architecture as x86-64.
#[cfg(target_arch = "x86_64")]
const X32_SYSCALL_BIT: i64 = 0x4000_0000;

/// Installs the filters in this process. They can't be removed. `own_pid` stays the same when the process executes the
/// program.
pub(crate) fn install_filters(own_pid: Pid) -> Result<(), String> {
    // The filter can't read `clone3`'s flags. With ENOSYS the C library falls back to `clone`, whose flags it can read.
    let clone3 = filter([(libc::SYS_clone3, Vec::new())].into(), libc::ENOSYS)?;
    let denied =
        filter(rules(own_pid).map_err(|error| format!("the seccomp rules are invalid: {error}"))?, libc::EPERM)?;
    for program in [clone3, denied] {
        apply_filter(&program).map_err(|error| format!("this kernel accepts no seccomp filter: {error}"))?;
    }
    Ok(())
}

fn filter(rules: Rules, error: libc::c_int) -> Result<BpfProgram, String> {
    let arch = std::env::consts::ARCH
        .try_into()
        .map_err(|error| format!("seccomp filters for this processor are not supported: {error}"))?;
    #[cfg(target_arch = "x86_64")]
    let rules: Rules =
        rules.into_iter().flat_map(|(call, rules)| [(call, rules.clone()), (call | X32_SYSCALL_BIT, rules)]).collect();
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Errno(error.unsigned_abs()), arch);
    filter.and_then(TryInto::try_into).map_err(|error| format!("the seccomp filter can't be built: {error}"))
}

fn rules(own_pid: Pid) -> Result<Rules, seccompiler::BackendError> {
    let mut rules: Rules = DENIED.iter().chain(DENIED_ON_THIS_ARCH).map(|call| (*call, Vec::new())).collect();
    let own_pid = u64::from(own_pid.as_raw_pid().unsigned_abs());
    let all = |conditions: Vec<SeccompCondition>| SeccompRule::new(conditions);
    let argument = |index: u8, operator, value: u64| SeccompCondition::new(index, Dword, operator, value);
    let thread_flag = libc::CLONE_THREAD as u64;
    // `clone` may create threads. Without the thread flag it would create a process.
    rules.insert(libc::SYS_clone, vec![all(vec![SeccompCondition::new(0, Qword, MaskedEq(thread_flag), 0)?])?]);
    // Signals to itself are allowed: a program aborts that way.
    rules.insert(libc::SYS_kill, vec![all(vec![argument(0, Ne, own_pid)?])?]);
    rules.insert(libc::SYS_tgkill, vec![all(vec![argument(0, Ne, own_pid)?])?]);
    // In these calls, 0 means the calling process.
    rules.insert(libc::SYS_prlimit64, vec![all(vec![argument(0, Ne, 0)?, argument(0, Ne, own_pid)?])?]);
    rules.insert(libc::SYS_setpriority, vec![all(vec![argument(0, Ne, 0)?])?, all(vec![argument(1, Ne, 0)?])?]);
    // Shared memory that is not backed by a file.
    let shared_anonymous = u64::from((libc::MAP_SHARED | libc::MAP_ANONYMOUS).unsigned_abs());
    rules.insert(
        libc::SYS_mmap,
        vec![all(vec![SeccompCondition::new(3, Qword, MaskedEq(shared_anonymous), shared_anonymous)?])?],
    );
    rules.insert(
        libc::SYS_ioctl,
        TERMINAL_INPUT_IOCTLS.iter().map(|request| all(vec![argument(1, Eq, *request)?])).collect::<Result<_, _>>()?,
    );
    Ok(rules)
}
