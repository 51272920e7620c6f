//! The table of roles.
//!
//! Invariant: every role is in this table; `tutti serve` runs all of them.

use service::Service;

/// Returns every role, in the order in which they start.
pub(crate) fn all() -> [Service; 11] {
    [
        accounts::service(),
        media::service(),
        transcode::service(),
        delivery::service(),
        social::service(),
        moderation::service(),
        webhooks::service(),
        notify::service(),
        chat::service(),
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
    use std::collections::BTreeSet;

    use db::Db;
    use service::personal_data::{FileContent, PLATFORM_TABLES, PersonalData, TableData};

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

    /// Returns the tables that a role's schema has, by the engine's own listing.
    async fn tables(service: &Service) -> BTreeSet<String> {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::sqlite(&folder.path().join("role.db")).await.unwrap();
        db.migrate(service.name, service.migrations.unwrap_or_default()).await.unwrap();
        let columns = testkit::columns(&db).await;
        columns.iter().filter_map(|column| Some(column.split_once('.')?.0.to_owned())).collect()
    }

    #[tokio::test]
    async fn each_role_says_of_every_table_what_an_export_of_a_members_data_has_of_it() {
        let mut names = BTreeSet::new();
        for service in all() {
            let role = service.name;
            let kept = match service.personal_data {
                PersonalData::Kept(kept) => kept,
                PersonalData::Nothing(why) => {
                    assert!(service.migrations.is_none() && !why.is_empty(), "{role} has tables, or says no reason");
                    continue;
                }
            };
            let declared: BTreeSet<String> =
                kept.tables.iter().chain(PLATFORM_TABLES).map(|(table, _)| (*table).to_owned()).collect();
            assert_eq!(declared, tables(&service).await, "{role}: declare each table in its personal_data.rs");
            for file in kept.files {
                assert!(names.insert(file.name), "{role}: two files are called {}", file.name);
                assert!(file.about.ends_with('.'), "{role}: {} needs a sentence", file.name);
                assert_eq!(file.name.ends_with('/'), file.content == FileContent::Originals, "{role}: {}", file.name);
            }
            for (table, data) in kept.tables {
                match data {
                    TableData::ExportedIn(file) => {
                        assert!(kept.files.iter().any(|has| has.name == *file), "{role}: {table} is in no file");
                    }
                    TableData::NotExported(why) => assert!(why.ends_with('.'), "{role}: {table} needs a reason"),
                }
            }
        }
    }

    #[test]
    fn only_named_roles_are_selected() {
        let names: Vec<&str> =
            select(&["transcode".into(), "media".into()]).unwrap().iter().map(|service| service.name).collect();
        assert_eq!(names, ["media", "transcode"]);
    }
}
