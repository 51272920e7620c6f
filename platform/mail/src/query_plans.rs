//! The query plans of the outbox on both databases: none reads the whole table.

use std::time::Duration;

use chrono::{DateTime, Utc};
use db::{Db, PostgresOptions, Sql as _, Value};
use testkit::engines::shared_postgres;
use testkit::plans;
use uuid::Uuid;

use super::forget;
use super::operations::{COUNT_DUE, Filter, REDELIVER, find_content, list};
use super::store::{CLAIM, DUE, END_LEASES, INSERT, LEASED, REMOVE_BODIES, REMOVE_ROWS, SETTLE, State};

async fn assert_indexed(db: &Db) {
    db.migrate("test", &[]).await.unwrap();
    let now = DateTime::<Utc>::UNIX_EPOCH;
    let seen = plans(db, move |sql| {
        Box::pin(async move {
            let text = || Value::from("x");
            let mut values: Vec<Value> = (0..8).map(|_| text()).collect();
            values.extend([now.into(), 1_i64.into(), text()]);
            sql.execute(INSERT, values).await?;
            sql.execute(DUE, vec![now.into(), 1_i64.into()]).await?;
            sql.execute(CLAIM, vec![now.into(), 1_i64.into(), now.into()]).await?;
            sql.execute(LEASED, vec![now.into()]).await?;
            sql.execute(END_LEASES, vec![now.into()]).await?;
            let dead = Value::from(State::Dead.as_str());
            sql.execute(SETTLE, vec![dead, now.into(), now.into(), text(), text(), 1_i64.into()]).await?;
            sql.execute(REMOVE_BODIES, vec![text(), now.into(), 1_i64.into()]).await?;
            sql.execute(REMOVE_ROWS, vec![now.into(), 1_i64.into()]).await?;
            sql.execute(REDELIVER, vec![now.into(), text()]).await?;
            sql.execute(COUNT_DUE, vec![now.into()]).await?;
            for state in [None, Some(State::Dead)] {
                for account in [None, Some("x".to_owned())] {
                    list(sql, &Filter { state, account }, None, 10).await?;
                }
            }
            find_content(sql, "x").await?;
            sql.execute(forget::REMOVE_RECIPIENT, vec![text()]).await?;
            sql.execute(forget::REMOVE_ACCOUNT, vec![text()]).await?;
            sql.execute(forget::DUE, vec![now.into(), 1_i64.into()]).await?;
            sql.execute(forget::POSTPONE, vec![text(), now.into()]).await?;
            sql.execute(forget::REMOVE, vec![text(), now.into()]).await?;
            Ok(())
        })
    })
    .await;
    assert!(seen.iter().any(|plan| plan.uses("mail_outbox_due")), "{seen:#?}");
}

#[tokio::test]
async fn every_query_has_an_index_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    assert_indexed(&Db::sqlite(&folder.path().join("test.db")).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_query_has_an_index_on_postgresql() {
    let server = shared_postgres();
    let options = PostgresOptions {
        url: server.url.clone(),
        schema: format!("mail_{}", Uuid::new_v4().simple()),
        readers: 1,
        writers: 1,
        statement_timeout: Duration::from_secs(10),
    };
    assert_indexed(&Db::postgres(&options).await.unwrap()).await;
}
