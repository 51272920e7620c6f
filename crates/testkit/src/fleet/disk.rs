//! A small disk for one process: a file system in memory that only this process and its children see.
//!
//! Root mounts it in a mount namespace; anybody else needs a user namespace as well, which some systems forbid. Invariant: what is mounted goes
//! with the last process that sees it; nothing is left on the machine. From outside it is reached as `/proc/ID/root/PATH`.

use std::path::Path;
use std::process::{Command, Stdio};

/// The command that mounts `bytes` at `at` and then becomes what its further arguments say; a sentence where neither way is allowed.
pub(super) fn wrapper(at: &Path, bytes: u64) -> Result<Vec<String>, String> {
    let script = format!("mount -t tmpfs -o size={bytes} tmpfs '{}' && exec setpriv --pdeathsig KILL -- \"$@\"", at.display());
    let tried = ["-m", "-rm"].map(|flags| ["unshare", flags, "--", "sh", "-c", script.as_str(), "sh"].map(str::to_owned));
    let works = |command: &&[String; 7]| {
        let mut child = Command::new(&command[0]);
        child.args(&command[1..]).arg("true").stdout(Stdio::null()).stderr(Stdio::null());
        child.status().is_ok_and(|status| status.success())
    };
    match tried.iter().find(works) {
        Some(command) => Ok(command.to_vec()),
        None => Err("neither `unshare -m` nor `unshare -rm` may mount a tmpfs here (no CAP_SYS_ADMIN, and no user namespaces for this user)".to_owned()),
    }
}
