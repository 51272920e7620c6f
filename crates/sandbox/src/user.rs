//! Becoming another user, where the launcher is root.
//!
//! The store's files belong to the server and are closed to everybody else. A child reads the one that it was given all the same, by the one
//! capability that it keeps (to read past modes); Landlock holds it to that file, so nobody gets here without it.
//! Invariant: afterwards the process has no other capability, no group but its own, and no way back.

use std::path::Path;

use rustix::process::{Gid, Uid};
use rustix::thread::{
    CapabilitySet, CapabilitySets, configure_capability_in_ambient_set, set_capabilities, set_keep_capabilities, set_thread_groups, set_thread_res_gid, set_thread_res_uid,
};

/// What is kept.
const KEPT_CAPABILITIES: CapabilitySet = CapabilitySet::DAC_READ_SEARCH;

/// Hands `folder` over to the user and becomes that user.
pub(crate) fn become_user(user: u32, folder: &Path) -> Result<(), String> {
    if user == 0 || user == u32::MAX {
        return Err("that user is root, or none".into());
    }
    std::os::unix::fs::chown(folder, Some(user), Some(user)).map_err(|error| format!("the scratch folder can't be handed over: {error}"))?;
    let (uid, gid) = (Uid::from_raw(user), Gid::from_raw(user));
    let step = |what: &str, done: rustix::io::Result<()>| done.map_err(|error| format!("the {what} can't be changed: {error}"));
    step("groups", set_thread_groups(&[]))?;
    step("group", set_thread_res_gid(gid, gid, gid))?;
    step("capabilities", set_keep_capabilities(true))?;
    step("user", set_thread_res_uid(uid, uid, uid))?;
    step("capabilities", set_capabilities(None, CapabilitySets { effective: KEPT_CAPABILITIES, permitted: KEPT_CAPABILITIES, inheritable: KEPT_CAPABILITIES }))?;
    step("capabilities", configure_capability_in_ambient_set(KEPT_CAPABILITIES, true))?;
    step("capabilities", set_keep_capabilities(false))?;
    Ok(())
}
