//! The table of roles.
//!
//! Invariant: every role is in this table; `tutti serve` runs all of them.

use service::Service;

/// Returns every role, in the order in which they start.
pub(crate) fn all() -> [Service; 6] {
    [
        accounts::service(),
        media::service(),
        transcode::service(),
        delivery::service(),
        gateway::service(),
        // The gateway's code at the operators' listener.
        gateway::admin_service(),
    ]
}

/// Returns the roles with these names, in the table's order; all of them if there are no names.
pub(crate) fn select(names: &[String]) -> Result<Vec<Service>, String> {
    let all = all();
    if names.is_empty() {
        return Ok(all.to_vec());
    }
    let known = all.map(|service| service.name).join(", ");
    if let Some(unknown) = names.iter().find(|name| all.iter().all(|service| service.name != **name)) {
        return Err(format!("there is no role called `{unknown}`; the roles are {known}"));
    }
    Ok(all.into_iter().filter(|service| names.iter().any(|name| name == service.name)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_role_is_named_together_with_those_there_are() {
        let reason = select(&["medai".into()]).unwrap_err();
        assert!(reason.contains("medai") && reason.contains("media, transcode"), "{reason}");
    }

    #[test]
    fn the_versions_of_each_schema_only_grow() {
        for service in all() {
            let steps = service.migrations.unwrap_or_default();
            let (name, versions) = (service.name, steps.iter().map(|step| step.version).collect::<Vec<_>>());
            assert!(versions.is_sorted_by(|before, after| before < after), "{name}: {versions:?}");
            assert!(versions.iter().all(|version| *version > 0), "{name}: {versions:?}");
            // A rollback reads the newest step's `min_compatible` only, so a later step never takes it back.
            assert!(steps.is_sorted_by_key(|step| step.min_compatible), "{name}: {steps:?}");
            assert!(steps.iter().all(|step| step.min_compatible <= step.version), "{name}: {steps:?}");
        }
    }

    #[test]
    fn only_named_roles_are_selected() {
        let names: Vec<&str> =
            select(&["transcode".into(), "media".into()]).unwrap().iter().map(|service| service.name).collect();
        assert_eq!(names, ["media", "transcode"]);
    }
}
