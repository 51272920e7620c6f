//! Which system calls are refused: seccomp.
//!
//! A list of what a converter never needs, not of what it does need: that differs between versions, C libraries and processors, and one call too
//! few ends conversions. Files are Landlock's; what Landlock has no word for (modes, owners, times, links) is refused here. Invariant: a confined
//! program is one process for ever: it can start none, reach none but itself, and open no socket, so nothing of it outlives it.

use std::collections::BTreeMap;

use rustix::process::Pid;
use seccompiler::SeccompCmpArgLen::{Dword, Qword};
use seccompiler::SeccompCmpOp::{Eq, MaskedEq, Ne};
use seccompiler::{BpfProgram, SeccompAction, SeccompCondition, SeccompFilter, SeccompRule, apply_filter};

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Refused whatever the arguments are.
const DENIED: &[libc::c_long] = &[
    // Sockets, and what else would reach the network or other processes' sockets.
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
    // Other processes: their memory, their files, signals to them, their groups.
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
    // Memory that no limit counts.
    libc::SYS_memfd_create,
    libc::SYS_memfd_secret,
    libc::SYS_shmget,
    libc::SYS_shmat,
    libc::SYS_msgget,
    libc::SYS_semget,
    libc::SYS_mq_open,
    libc::SYS_userfaultfd,
    libc::SYS_remap_file_pages,
    // What Landlock does not keep files from.
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
    // The machine.
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

/// Not in every version of the C library's headers; the number is the same on all processors.
const SYS_FCHMODAT2: libc::c_long = 452;

/// The older names of the same that only x86 has.
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

/// `TIOCSTI` and `TIOCLINUX`: typing into the terminal that the server was started from.
const TERMINAL_INPUT_IOCTLS: [u64; 2] = [0x5412, 0x541c];

/// The bit by which x86's second set of numbers (x32) differs from the first; both count as the same processor.
#[cfg(target_arch = "x86_64")]
const X32_SYSCALL_BIT: i64 = 0x4000_0000;

/// Refuses the calls of this process, for good; `own` is its number, which stays the same when it becomes the program.
pub(crate) fn install_filters(own_pid: Pid) -> Result<(), String> {
    // A C library that finds the newer call for threads missing takes the older one, whose flags can be read.
    let clone3 = filter([(libc::SYS_clone3, Vec::new())].into(), libc::ENOSYS)?;
    let denied = filter(rules(own_pid).map_err(|error| format!("the rules are wrong: {error}"))?, libc::EPERM)?;
    for program in [clone3, denied] {
        apply_filter(&program).map_err(|error| format!("this kernel takes no filter: {error}"))?;
    }
    Ok(())
}

fn filter(rules: Rules, error: libc::c_int) -> Result<BpfProgram, String> {
    let arch = std::env::consts::ARCH.try_into().map_err(|error| format!("there are no filters for this processor: {error}"))?;
    #[cfg(target_arch = "x86_64")]
    let rules: Rules = rules.into_iter().flat_map(|(call, rules)| [(call, rules.clone()), (call | X32_SYSCALL_BIT, rules)]).collect();
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Errno(error.unsigned_abs()), arch);
    filter.and_then(TryInto::try_into).map_err(|error| format!("the filter can't be built: {error}"))
}

fn rules(own_pid: Pid) -> Result<Rules, seccompiler::BackendError> {
    let mut rules: Rules = DENIED.iter().chain(DENIED_ON_THIS_ARCH).map(|call| (*call, Vec::new())).collect();
    let own_pid = u64::from(own_pid.as_raw_pid().unsigned_abs());
    let all = |conditions: Vec<SeccompCondition>| SeccompRule::new(conditions);
    let argument = |index: u8, operator, value: u64| SeccompCondition::new(index, Dword, operator, value);
    let thread_flag = libc::CLONE_THREAD as u64;
    // Threads are made by this; a process would be without the flag.
    rules.insert(libc::SYS_clone, vec![all(vec![SeccompCondition::new(0, Qword, MaskedEq(thread_flag), 0)?])?]);
    // To itself: that is how a program aborts.
    rules.insert(libc::SYS_kill, vec![all(vec![argument(0, Ne, own_pid)?])?]);
    rules.insert(libc::SYS_tgkill, vec![all(vec![argument(0, Ne, own_pid)?])?]);
    // 0 is itself, in these.
    rules.insert(libc::SYS_prlimit64, vec![all(vec![argument(0, Ne, 0)?, argument(0, Ne, own_pid)?])?]);
    rules.insert(libc::SYS_setpriority, vec![all(vec![argument(0, Ne, 0)?])?, all(vec![argument(1, Ne, 0)?])?]);
    // Shared memory without a file.
    let shared_anonymous = u64::from((libc::MAP_SHARED | libc::MAP_ANONYMOUS).unsigned_abs());
    rules.insert(libc::SYS_mmap, vec![all(vec![SeccompCondition::new(3, Qword, MaskedEq(shared_anonymous), shared_anonymous)?])?]);
    rules.insert(libc::SYS_ioctl, TERMINAL_INPUT_IOCTLS.iter().map(|request| all(vec![argument(1, Eq, *request)?])).collect::<Result<_, _>>()?);
    Ok(rules)
}
