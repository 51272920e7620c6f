//! Changes the user of the process, if the launcher is root.
//!
//! The object store's files belong to the server and are closed to other users. A child reads its input through the one
//! capability that it keeps (`DAC_READ_SEARCH`, which ignores modes). Landlock restricts that capability to the input,
//! so this step runs only where Landlock rules exist. Invariant: afterwards the process has no other capability and no
//! group but its own, and can't regain any.

use std::path::Path;

use rustix::process::{Gid, Uid};
use rustix::thread::{
    CapabilitySet, CapabilitySets, configure_capability_in_ambient_set, set_capabilities, set_keep_capabilities,
    set_thread_groups, set_thread_res_gid, set_thread_res_uid,
};

/// The capabilities that the process keeps.
const KEPT_CAPABILITIES: CapabilitySet = CapabilitySet::DAC_READ_SEARCH;

/// Gives `folder` to the user and becomes that user.
pub(crate) fn become_user(user: u32, folder: &Path) -> Result<(), String> {
    if user == 0 || user == u32::MAX {
        return Err("the user must not be root, and must exist".into());
    }
    std::os::unix::fs::chown(folder, Some(user), Some(user))
        .map_err(|error| format!("the owner of the scratch folder can't be changed: {error}"))?;
    let (uid, gid) = (Uid::from_raw(user), Gid::from_raw(user));
    let step = |what: &str, done: rustix::io::Result<()>| {
        done.map_err(|error| format!("the {what} can't be changed: {error}"))
    };
    step("groups", set_thread_groups(&[]))?;
    step("group", set_thread_res_gid(gid, gid, gid))?;
    step("capabilities", set_keep_capabilities(true))?;
    step("user", set_thread_res_uid(uid, uid, uid))?;
    step(
        "capabilities",
        set_capabilities(
            None,
            CapabilitySets {
                effective: KEPT_CAPABILITIES,
                permitted: KEPT_CAPABILITIES,
                inheritable: KEPT_CAPABILITIES,
            },
        ),
    )?;
    step("capabilities", configure_capability_in_ambient_set(KEPT_CAPABILITIES, true))?;
    step("capabilities", set_keep_capabilities(false))?;
    Ok(())
}
