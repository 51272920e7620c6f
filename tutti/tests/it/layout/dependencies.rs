//! Which crate may depend on which.
//!
//! Invariant: tutti → services → {contract, codec, screening, platform}; a service depends on no other service. What
//! roles keep for verdicts is `screening-store`, so that `screening` stays without I/O.

use std::collections::BTreeSet;
use std::path::Path;

use super::{assert_none, crates, read, relative, root, services};

/// The engines behind the ports: only what composes a process knows them.
const ENGINES: [&str; 2] = ["bus-nats", "objects-s3"];
const MAY_KNOW_ENGINES: [&str; 6] = ["backup", "boot", "transfer", "testkit", "tutti", "bench"];
/// The engines of classifiers, which implement the trait of `screening`: the one crate of the platform that knows it.
const OF_SCREENING: &str = "classify";

/// Returns the names under `[section]` of a crate's manifest.
fn dependencies(folder: &Path, section: &str) -> BTreeSet<String> {
    let manifest = read(&folder.join("Cargo.toml"));
    let heading = format!("[{section}]");
    let rows = manifest
        .lines()
        .map(str::trim)
        .skip_while(|line| *line != heading)
        .skip(1)
        .take_while(|line| !line.starts_with('['));
    rows.filter(|line| !line.is_empty() && !line.starts_with('#'))
        .filter_map(|line| line.split(['.', ' ', '=']).next())
        .map(str::to_owned)
        .collect()
}

#[test]
fn a_crate_depends_on_what_is_below_it_only() {
    let crates = crates();
    let platform: BTreeSet<&str> = crates
        .iter()
        .filter(|(_, folder)| relative(folder).starts_with("platform/"))
        .map(|(name, _)| name.as_str())
        .collect();
    let mut violations = Vec::new();
    for (name, folder) in &crates {
        let place = relative(folder);
        let mut may: BTreeSet<&str> = match place.split('/').next().unwrap_or_default() {
            "services" => {
                platform.iter().copied().chain(["contract", "codec", "screening", "screening-store"]).collect()
            }
            "platform" if name == OF_SCREENING => platform.iter().copied().chain(["screening"]).collect(),
            "platform" => platform.clone(),
            "contract" => ["base"].into(),
            "codec" => ["resample"].into(),
            "screening" if name == "screening-store" => ["contract", "db", "screening"].into(),
            "screening" => BTreeSet::new(),
            // What composes the product, or measures it, may know everything.
            _ => continue,
        };
        may.remove("testkit");
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let is_test = section == "dev-dependencies";
            for other in dependencies(folder, section).iter().filter(|other| crates.contains_key(*other)) {
                let for_tests = is_test && (other == "testkit" || platform.contains(other.as_str()));
                let is_engine = ENGINES.contains(&other.as_str());
                let may_know = is_test || MAY_KNOW_ENGINES.contains(&name.as_str());
                if !(may.contains(other.as_str()) || for_tests) || is_engine && !may_know {
                    violations.push(format!("{name} has {other} in [{section}]"));
                }
            }
        }
    }
    assert!(services().len() >= 5, "the roles were not found");
    assert!(platform.len() >= 12, "the platform's crates were not found: {platform:?}");
    assert_none(
        &violations,
        "tutti → services → {contract, codec, screening, platform}; a service depends on no service:",
    );
}

#[test]
fn every_service_is_in_the_table_of_roles_once() {
    let table = read(&root().join("tutti/src/roles.rs"));
    let violations: Vec<String> = services()
        .keys()
        .map(|name| (name, table.matches(&format!("{name}::service()")).count()))
        .filter(|(_, times)| *times != 1)
        .map(|(name, times)| format!("{name} is there {times} times"))
        .collect();
    assert_none(&violations, "tutti/src/roles.rs is the one table of roles:");
}
