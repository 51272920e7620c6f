//! Mounts that only one process and its children see: a small disk, or a hosts file of its own.
//!
//! Root mounts them in a mount namespace; other users need a user namespace as well, which some systems forbid. Other
//! processes reach a mount as `/proc/ID/root/PATH`. Invariant: a mount ends with the last process that sees it; nothing
//! is left on the machine.

use std::path::Path;
use std::process::{Command, Stdio};

/// Returns a command that mounts a file system of `bytes` in memory at `at` and then executes its further arguments.
pub(crate) fn disk(at: &Path, bytes: u64) -> Result<Vec<String>, String> {
    wrapper(&format!("mount -t tmpfs -o size={bytes} tmpfs '{}'", at.display()))
}

/// Returns a command that mounts `file` over `/etc/hosts` and then executes its further arguments. What is written into
/// the file later takes effect at the next name look-up.
pub fn hosts(file: &Path) -> Result<Vec<String>, String> {
    wrapper(&format!("mount --bind '{}' /etc/hosts", file.display()))
}

/// Returns a command that mounts and then executes its further arguments. The error is a sentence: this user may not
/// mount.
fn wrapper(mount: &str) -> Result<Vec<String>, String> {
    let script = format!("{mount} && exec setpriv --pdeathsig KILL -- \"$@\"");
    let candidates =
        ["-m", "-rm"].map(|flags| ["unshare", flags, "--", "sh", "-c", script.as_str(), "sh"].map(str::to_owned));
    let works = |command: &&[String; 7]| {
        let mut child = Command::new(&command[0]);
        child.args(&command[1..]).arg("true").stdout(Stdio::null()).stderr(Stdio::null());
        child.status().is_ok_and(|status| status.success())
    };
    match candidates.iter().find(works) {
        Some(command) => Ok(command.to_vec()),
        None => Err(format!(
            "neither `unshare -m` nor `unshare -rm` can run `{mount}` (no CAP_SYS_ADMIN, and no user namespaces for \
             this user)"
        )),
    }
}
