//! A role with the schema of an older release, so that a test can leave a data folder of that time for today's role.
//!
//! Owns no rows: each test writes what its role had then. Invariant: such a role migrates and does nothing else.

use db::{Db, Lane, Migration, Sql as _, Value};
use service::personal_data::PersonalData;
use service::{RoleInstance, Service};

/// Returns a role with the tables that a service had at a version of its schema, and nothing of its work.
///
/// ```ignore
/// let world = World::of(&[older_role(&media::service(), 10)]).await;
/// insert_rows(&world.context("media").db, vec![(ITEM, values)]).await;
/// let world = World::builder().in_folder(world.crash().await).start(&[media::service()]).await;
/// ```
///
/// # Panics
///
/// If the schema of the service never had that version.
pub fn older_role(service: &Service, version: i64) -> Service {
    let steps: &'static [Migration] = service.migrations.expect("the service has a database");
    let newest = steps.iter().position(|step| step.version == version).expect("the schema had this version");
    Service {
        migrations: Some(steps.split_at(newest + 1).0),
        objects: &[],
        personal_data: PersonalData::Nothing("It is a role of a test."),
        subscriptions: |_| Vec::new(),
        start: |_| Box::pin(async { Ok(RoleInstance::default()) }),
        ..*service
    }
}

/// Writes rows in one transaction: each a statement with its values.
///
/// # Panics
///
/// If a row does not fit its table.
pub async fn insert_rows(db: &Db, rows: Vec<(&'static str, Vec<Value>)>) {
    let written: Result<(), db::Error> = db
        .write(Lane::ALL, async move |tx| {
            for (text, values) in rows {
                tx.execute(text, values).await?;
            }
            Ok(())
        })
        .await;
    written.expect("the rows fit the tables");
}
