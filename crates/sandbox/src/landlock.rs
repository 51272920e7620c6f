//! Which files a child may touch: Landlock.
//!
//! Owns the list of what belongs to the system's programs and libraries. Invariant: only the child's own folder can be written to, and
//! everything that is not named here or in its confinement stays closed, whatever the modes of the files say.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, LandlockStatus, Ruleset, RulesetAttr as _, RulesetCreated, RulesetCreatedAttr as _,
    RulesetStatus, Scope, make_bitflags, path_beneath_rules,
};

use crate::Confinement;

/// The newest rules that this code knows; an older kernel enforces those of them that it has.
const NEWEST_ABI: ABI = ABI::V10;
/// From here on a file can't be emptied by its name either.
const MIN_ABI: ABI = ABI::V3;

/// Programs and libraries, on the systems there are.
const SYSTEM_DIRS: [&str; 9] = ["/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/nix/store", "/gnu/store", "/home/linuxbrew/.linuxbrew"];
/// Where the loader finds libraries, and chance.
const SYSTEM_FILES: [&str; 5] = ["/etc/ld.so.cache", "/etc/ld.so.preload", "/dev/zero", "/dev/urandom", "/dev/random"];

/// Rules that are written down, not yet enforced.
pub(crate) struct Rules(RulesetCreated);

/// Opens everything that the program may use; the reason if this machine has no Landlock.
pub(crate) fn rules(confinement: &Confinement, program: Option<&OsString>) -> Result<Rules, String> {
    let setup_error = |error: &dyn std::error::Error| format!("Landlock can't be set up: {error}");
    // Where there is none at all, the library would quietly do nothing.
    Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(ABI::V1))
        .and_then(Ruleset::create)
        .map_err(|_| "this kernel has no Landlock, or it is not switched on".to_owned())?;
    let execute = make_bitflags!(AccessFs::{Execute | ReadFile | ReadDir});
    let read = make_bitflags!(AccessFs::{ReadFile | ReadDir});
    let write: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | ReadDir | WriteFile | Truncate | RemoveFile | MakeReg});
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

/// Enforces the rules for this process, for good.
pub(crate) fn enforce(rules: Rules) -> Result<(), String> {
    let status = rules.0.restrict_self().map_err(|error| format!("Landlock can't be enforced: {error}"))?;
    if status.ruleset == RulesetStatus::NotEnforced {
        return Err("Landlock was not enforced".into());
    }
    match status.landlock {
        LandlockStatus::Available { effective_abi, .. } if effective_abi < MIN_ABI => {
            Err(format!("this kernel's Landlock (version {}) does not keep files from being emptied", effective_abi as i32))
        }
        _ => Ok(()),
    }
}

/// The program that runs a script, if `program` is one. It lies on the system's own paths mostly, but need not.
fn interpreter(program: Option<&OsString>) -> Option<PathBuf> {
    use std::io::Read as _;
    let mut head = Vec::new();
    std::fs::File::open(program?).ok()?.take(256).read_to_end(&mut head).ok()?;
    let line = head.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let path = std::str::from_utf8(line).ok()?.split_whitespace().next()?;
    path.starts_with('/').then(|| PathBuf::from(path))
}
