//! An empty database with the platform's own tables as an older release left them.
//!
//! Owns no rows: each test writes what that release wrote. Invariant: the steps that are applied are recorded as a
//! release recorded them, so that today's release applies the others.

use db::{Db, Lane, Sql as _};

/// The steps of `platform/db/migrations` before the newest, by version.
const STEPS: [&str; 8] = [
    include_str!("../../db/migrations/0001_outbox_inbox_schedule_idempotency.sql"),
    include_str!("../../db/migrations/0002_idempotency_holder.sql"),
    include_str!("../../db/migrations/0003_idempotency_bounds.sql"),
    include_str!("../../db/migrations/0004_orphan_object.sql"),
    include_str!("../../db/migrations/0005_mail_outbox.sql"),
    include_str!("../../db/migrations/0006_run_history_mail_account.sql"),
    include_str!("../../db/migrations/0007_removal_hold_restored.sql"),
    include_str!("../../db/migrations/0008_timed_jobs.sql"),
];

const CREATE_VERSIONS: &str = "
    create table schema_version (
        part text not null,
        version bigint not null,
        min_compatible bigint not null,
        primary key (part, version)
    )";

const RECORD: &str = "
    insert into schema_version (part, version, min_compatible)
    values ('kit', $1, 1)";

/// Gives an empty database the platform's tables of a version. On PostgreSQL its schema exists.
///
/// # Panics
///
/// If the database is not empty, or no release before the newest had that version.
pub async fn create_older_tables(db: &Db, version: usize) {
    assert!((1..=STEPS.len()).contains(&version), "no older release had version {version}");
    let statements = |sql: &'static str| sql.split(";\n").map(str::trim).filter(|text| !text.is_empty()).collect();
    let steps: Vec<(i64, Vec<&str>)> = (1..).zip(STEPS.map(statements)).take(version).collect();
    let created: Result<(), db::Error> = db
        .write(Lane::ALL, async move |tx| {
            tx.execute(CREATE_VERSIONS, vec![]).await?;
            for (step, statements) in steps {
                for statement in statements {
                    tx.execute(statement, vec![]).await?;
                }
                tx.execute(RECORD, vec![step.into()]).await?;
            }
            Ok(())
        })
        .await;
    created.expect("the database is empty");
}
