//! Mounts that only one process and its children see: a small disk, a hosts file of its own.
//!
//! Root mounts them in a mount namespace; anybody else needs a user namespace as well, which some systems forbid. Invariant: what is mounted goes
//! with the last process that sees it; nothing is left on the machine. From outside it is reached as `/proc/ID/root/PATH`.

use std::path::Path;
use std::process::{Command, Stdio};

/// The command that mounts a file system of `bytes` in memory at `at` and then becomes what its further arguments say.
pub(crate) fn disk(at: &Path, bytes: u64) -> Result<Vec<String>, String> {
    wrapper(&format!("mount -t tmpfs -o size={bytes} tmpfs '{}'", at.display()))
}

/// The command that puts `file` in the place of `/etc/hosts` and then becomes what its further arguments say. What is written into the file
/// later is seen at the next look-up.
pub fn hosts(file: &Path) -> Result<Vec<String>, String> {
    wrapper(&format!("mount --bind '{}' /etc/hosts", file.display()))
}

/// A sentence where this machine lets nobody mount.
fn wrapper(mount: &str) -> Result<Vec<String>, String> {
    let script = format!("{mount} && exec setpriv --pdeathsig KILL -- \"$@\"");
    let candidates = ["-m", "-rm"].map(|flags| ["unshare", flags, "--", "sh", "-c", script.as_str(), "sh"].map(str::to_owned));
    let works = |command: &&[String; 7]| {
        let mut child = Command::new(&command[0]);
        child.args(&command[1..]).arg("true").stdout(Stdio::null()).stderr(Stdio::null());
        child.status().is_ok_and(|status| status.success())
    };
    match candidates.iter().find(works) {
        Some(command) => Ok(command.to_vec()),
        None => Err(format!("neither `unshare -m` nor `unshare -rm` may `{mount}` here (no CAP_SYS_ADMIN, and no user namespaces for this user)")),
    }
}
