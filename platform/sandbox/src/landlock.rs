//! The Landlock rules: which files a confined program may open.
//!
//! Owns the list of the system's program and library paths. Invariant: only the child's own folder is writable, and
//! every path that is named neither here nor in the [`Confinement`] stays closed, whatever the modes of the files are.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, LandlockStatus, Ruleset,
    RulesetAttr as _, RulesetCreated, RulesetCreatedAttr as _, RulesetStatus, Scope, make_bitflags, path_beneath_rules,
};

use crate::Confinement;

/// The newest Landlock version that this code knows. An older kernel enforces the rules that it supports.
const NEWEST_ABI: ABI = ABI::V10;
/// The first version that controls truncation: before it, a program could empty a file that it may not write to.
const MIN_ABI: ABI = ABI::V3;

/// Folders of programs and libraries on the systems that are supported.
const SYSTEM_DIRS: [&str; 9] =
    ["/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/nix/store", "/gnu/store", "/home/linuxbrew/.linuxbrew"];
/// Single readable files: those of the dynamic loader, and the devices of zeros and random bytes.
const SYSTEM_FILES: [&str; 5] = ["/etc/ld.so.cache", "/etc/ld.so.preload", "/dev/zero", "/dev/urandom", "/dev/random"];

/// Rules that have been created and are not yet enforced.
pub(crate) struct Rules(RulesetCreated);

/// Creates the rules for everything that the program may use. Returns the reason if this machine has no Landlock.
pub(crate) fn rules(confinement: &Confinement, program: Option<&OsString>) -> Result<Rules, String> {
    let setup_error = |error: &dyn std::error::Error| format!("Landlock can't be set up: {error}");
    // Without this check, the library would silently do nothing on a kernel without Landlock.
    Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(ABI::V1))
        .and_then(Ruleset::create)
        .map_err(|_| "this kernel has no Landlock, or Landlock is not enabled".to_owned())?;
    let execute = make_bitflags!(AccessFs::{Execute | ReadFile | ReadDir});
    let read = make_bitflags!(AccessFs::{ReadFile | ReadDir});
    let write: BitFlags<AccessFs> =
        make_bitflags!(AccessFs::{ReadFile | ReadDir | WriteFile | Truncate | RemoveFile | MakeReg});
    let dev_null = make_bitflags!(AccessFs::{ReadFile | WriteFile});
    let ruleset = Ruleset::default()
        .handle_access(AccessFs::from_all(NEWEST_ABI))
        .and_then(|rules| rules.handle_access(AccessNet::from_all(NEWEST_ABI)))
        .and_then(|rules| rules.scope(Scope::from_all(NEWEST_ABI)))
        .and_then(Ruleset::create)
        .and_then(|rules| rules.add_rules(path_beneath_rules(SYSTEM_DIRS, execute)))
        .and_then(|rules| rules.add_rules(path_beneath_rules(program.into_iter().map(Path::new), execute)))
        .and_then(|rules| rules.add_rules(path_beneath_rules(interpreter(program), execute)))
        .and_then(|rules| rules.add_rules(path_beneath_rules(SYSTEM_FILES, read)))
        .and_then(|rules| rules.add_rules(path_beneath_rules(&confinement.readable, read)))
        .and_then(|rules| rules.add_rules(path_beneath_rules(["/dev/null"], dev_null)))
        .and_then(|rules| rules.add_rules(path_beneath_rules([&confinement.folder], write)));
    Ok(Rules(ruleset.map_err(|error| setup_error(&error))?))
}

/// Enforces the rules for this process. They can't be removed.
pub(crate) fn enforce(rules: Rules) -> Result<(), String> {
    let status = rules.0.restrict_self().map_err(|error| format!("Landlock can't be enforced: {error}"))?;
    if status.ruleset == RulesetStatus::NotEnforced {
        return Err("Landlock was not enforced".into());
    }
    match status.landlock {
        LandlockStatus::Available { effective_abi, .. } if effective_abi < MIN_ABI => {
            Err(format!("this kernel's Landlock (version {}) does not control truncation", effective_abi as i32))
        }
        _ => Ok(()),
    }
}

/// Returns the interpreter from the `#!` line, if `program` is a script. It may lie outside the system's own paths.
fn interpreter(program: Option<&OsString>) -> Option<PathBuf> {
    use std::io::Read as _;
    let mut head = Vec::new();
    std::fs::File::open(program?).ok()?.take(256).read_to_end(&mut head).ok()?;
    let line = head.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let path = std::str::from_utf8(line).ok()?.split_whitespace().next()?;
    path.starts_with('/').then(|| PathBuf::from(path))
}
