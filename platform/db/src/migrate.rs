//! Migrations: numbered SQL texts that only ever add.
//!
//! They use PostgreSQL's type names (`text bigint boolean double precision timestamptz uuid bytea`), which SQLite
//! accepts. Each names the oldest schema version that can still work with it (`min_compatible`), so the previous binary
//! runs on this one's schema and a rollback works. Invariant: a version is applied once, in order.

use sea_orm::{DbBackend, FromQueryResult};

use super::{Error, Sql, Tx, Value, placeholders};

/// One step of a schema.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// Its number, from 1. Each step has a greater one than the step before: a database that has a version lacks only
    /// greater ones, so a number that was left out is never used later.
    pub version: i64,
    /// The statements, separated by `;` at a line's end. One below a line `-- only sqlite` or `-- only postgresql` runs
    /// on that engine only: for what the two write differently, such as triggers.
    pub sql: &'static str,
    /// The lowest schema version that a binary may know and still work after this step.
    pub min_compatible: i64,
}

/// A step that a schema lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MissingStep {
    /// Whose step it is: the service's, or `kit` for the platform's tables.
    pub part: &'static str,
    /// The version that the schema has; 0 if it has none.
    pub found: i64,
    /// The step's number.
    pub version: i64,
    /// The lowest version that a binary may know and still work after this step.
    pub min_compatible: i64,
}

impl MissingStep {
    /// Whether a binary that knows the schema as it is can work after the step. One that does not know the schema at
    /// all does not need it.
    pub fn is_compatible(&self) -> bool {
        self.found == 0 || self.min_compatible <= self.found
    }
}

/// The name under which the versions of the platform's own tables are recorded. It is stored in the `part` column of
/// every database's `schema_version`, so it stays what it was when one crate called `kit` had these tables.
const PART: &str = "kit";

/// The platform's own tables, in every service's database.
const PLATFORM: &[Migration] = &[
    Migration {
        version: 1,
        min_compatible: 1,
        sql: include_str!("../migrations/0001_outbox_inbox_schedule_idempotency.sql"),
    },
    // The request that holds a key, so that one that comes late changes nothing.
    Migration { version: 2, min_compatible: 1, sql: include_str!("../migrations/0002_idempotency_holder.sql") },
    // The member of a key and its number among theirs, so that keys can be bounded; the request's fingerprint, and how
    // it is replayed.
    Migration { version: 3, min_compatible: 1, sql: include_str!("../migrations/0003_idempotency_bounds.sql") },
    // Keys under which a process may be storing objects, and keys whose objects are to be removed: see
    // `objects::orphans`.
    Migration { version: 4, min_compatible: 1, sql: include_str!("../migrations/0004_orphan_object.sql") },
    // Mails to be sent: see `mail`.
    Migration { version: 5, min_compatible: 1, sql: include_str!("../migrations/0005_mail_outbox.sql") },
    // When a run started, and which process ran it: the history of `schedule`. The account that a mail is about, and
    // the mails of which an engine has to forget what it keeps: see `mail`.
    Migration { version: 6, min_compatible: 1, sql: include_str!("../migrations/0006_run_history_mail_account.sql") },
    // While a backup copies objects, no sweep removes any: see `objects::removal_hold`. The restores of the database:
    // see `backup`.
    Migration { version: 7, min_compatible: 1, sql: include_str!("../migrations/0007_removal_hold_restored.sql") },
    // The jobs that are known, and whether they are paused; who asked for a run: see `schedule`.
    Migration { version: 8, min_compatible: 1, sql: include_str!("../migrations/0008_timed_jobs.sql") },
    // Which environment the database belongs to, and that its site is retired: see `environment` and `retirement`.
    Migration { version: 9, min_compatible: 1, sql: include_str!("../migrations/0009_environment_retirement.sql") },
];

#[derive(FromQueryResult)]
struct CountRow {
    tables: i64,
}

#[derive(FromQueryResult)]
struct VersionRow {
    version: i64,
    min_compatible: i64,
}

/// Applies the missing steps, the platform's and the service's, in the caller's transaction.
pub(super) async fn run(tx: &Tx, service: &'static str, migrations: &'static [Migration]) -> Result<(), Error> {
    tx.execute(
        "create table if not exists schema_version (part text not null, version bigint not null, \
        min_compatible bigint not null, primary key (part, version))",
        vec![],
    )
    .await?;
    apply(tx, PART, PLATFORM).await?;
    apply(tx, service, migrations).await
}

/// Whether no step is missing. A schema without the table of versions is not current.
pub(super) async fn is_current(
    db: &impl Sql,
    service: &'static str,
    migrations: &'static [Migration],
) -> Result<bool, Error> {
    if !has_table(db, "schema_version").await? {
        return Ok(false);
    }
    Ok(missing_steps(db, PART, PLATFORM).await?.is_empty() && missing_steps(db, service, migrations).await?.is_empty())
}

/// Whether there is a table. Asks the engine's catalogue, because a failed query would abort a transaction on
/// PostgreSQL.
pub(super) async fn has_table(db: &impl Sql, table: &str) -> Result<bool, Error> {
    let text = match db.backend() {
        DbBackend::Postgres => {
            "select count(*) as tables from pg_tables where tablename = $1 and schemaname = current_schema()"
        }
        _ => "select count(*) as tables from sqlite_schema where name = $1",
    };
    let found: Option<CountRow> = db.row(text, vec![table.into()]).await?;
    Ok(found.is_some_and(|found| found.tables > 0))
}

/// Returns the steps that a schema lacks, the platform's first; an error if it is too new.
pub(super) async fn list_missing(
    db: &impl Sql,
    service: &'static str,
    migrations: &'static [Migration],
) -> Result<Vec<MissingStep>, Error> {
    let has_versions = has_table(db, "schema_version").await?;
    let mut missing = Vec::new();
    for (part, steps) in [(PART, PLATFORM), (service, migrations)] {
        let lacking = if has_versions { missing_steps(db, part, steps).await? } else { steps.iter().collect() };
        // Steps are applied in order, so what is there are all before the first that is not.
        let found = steps.iter().rev().find(|step| lacking.iter().all(|other| other.version > step.version));
        let found = if has_versions { found.map_or(0, |step| step.version) } else { 0 };
        missing.extend(lacking.into_iter().map(|&Migration { version, min_compatible, .. }| MissingStep {
            part,
            found,
            version,
            min_compatible,
        }));
    }
    Ok(missing)
}

/// Returns the steps of `part` that the schema doesn't have yet.
async fn missing_steps(
    db: &impl Sql,
    part: &'static str,
    migrations: &'static [Migration],
) -> Result<Vec<&'static Migration>, Error> {
    let newest: Option<VersionRow> = db
        .row(
            "select version, min_compatible from schema_version where part = $1 order by version desc limit 1",
            vec![part.into()],
        )
        .await?;
    let (found, min_compatible) = newest.map_or((0, 0), |row| (row.version, row.min_compatible));
    let known = migrations.last().map_or(0, |migration| migration.version);
    if min_compatible > known {
        return Err(Error::Schema {
            service: part.to_owned(),
            found,
            hint: format!(
                "it needs a release that knows version {min_compatible} or later; install that release, or restore \
                 the backup made before it"
            ),
        });
    }
    Ok(migrations.iter().filter(|migration| migration.version > found).collect())
}

async fn apply(tx: &Tx, part: &'static str, migrations: &'static [Migration]) -> Result<(), Error> {
    let missing = missing_steps(tx, part, migrations).await?;
    if missing.is_empty() {
        return Ok(());
    }
    tx.execute_script(&script(&missing, tx.backend())).await?;
    let values: Vec<Value> =
        missing.iter().flat_map(|step| [part.into(), step.version.into(), step.min_compatible.into()]).collect();
    let rows = placeholders(missing.len(), 3);
    tx.execute(&format!("insert into schema_version (part, version, min_compatible) values {rows}"), values).await?;
    Ok(())
}

/// Returns what `steps` have for an engine as one text, because a request for each statement takes longer than most of
/// the statements do: a new schema has a hundred.
fn script(steps: &[&Migration], backend: DbBackend) -> String {
    let statements = steps.iter().flat_map(|step| step.sql.split(";\n"));
    statements
        .map(|statement| statement.trim().trim_end_matches(';'))
        .filter(|statement| !statement.is_empty())
        .filter_map(|statement| for_engine(statement, backend))
        .fold(String::new(), |script, statement| script + statement + ";\n")
}

/// Returns a statement without the line that names its engine; `None` if that is another engine.
fn for_engine(statement: &str, backend: DbBackend) -> Option<&str> {
    let Some(marked) = statement.strip_prefix("-- only ") else { return Some(statement) };
    let (engine, rest) = marked.split_once('\n')?;
    let own = if backend == DbBackend::Postgres { "postgresql" } else { "sqlite" };
    (engine.trim() == own).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_versions_of_the_platforms_tables_only_grow() {
        assert!(PLATFORM.is_sorted_by(|before, after| before.version < after.version), "{PLATFORM:?}");
    }

    #[test]
    fn a_statement_of_another_engine_is_left_out() {
        let marked = "-- only sqlite\ncreate trigger x";
        assert_eq!(for_engine(marked, DbBackend::Sqlite), Some("create trigger x"));
        assert_eq!(for_engine(marked, DbBackend::Postgres), None);
        assert_eq!(for_engine("-- only postgresql\nrevoke x", DbBackend::Postgres), Some("revoke x"));
        assert_eq!(for_engine("create table x (\n)", DbBackend::Postgres), Some("create table x (\n)"));
    }

    #[test]
    fn the_steps_are_one_text_in_their_order() {
        let step = |version, sql| Migration { version, sql, min_compatible: 1 };
        let steps = [
            step(1, "-- Why.\ncreate table x (\n    id uuid);\n-- only sqlite\ncreate trigger y\nbegin z; end;\n"),
            step(2, "-- only postgresql\nrevoke x;"),
        ];
        let steps: Vec<&Migration> = steps.iter().collect();
        let table = "-- Why.\ncreate table x (\n    id uuid);\n";
        assert_eq!(script(&steps, DbBackend::Sqlite), format!("{table}create trigger y\nbegin z; end;\n"));
        assert_eq!(script(&steps, DbBackend::Postgres), format!("{table}revoke x;\n"));
    }
}
