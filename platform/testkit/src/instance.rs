//! More instances of a service, as if other processes ran it.
//!
//! Invariant: an instance shares nothing with another one but the database and the object store: it has connections,
//! locks and a memory of its own.

use axum::Router;
use base::telemetry::Metrics;
use db::{Db, PostgresOptions};
use http_server::{LayerState, with_common_layers};
use serde::Deserialize;
use service::Service;

use crate::World;

/// Where the rows of the world are, if that is PostgreSQL.
#[derive(Deserialize)]
struct DbSection {
    url: Option<String>,
    schema: Option<String>,
}

impl World {
    /// Starts another instance of a service of this world and returns its routes. Its consumers and jobs don't run.
    ///
    /// On SQLite it shares the world's own connections, because a data folder belongs to one process.
    pub async fn instance(&self, service: &Service, number: usize) -> Router {
        let mut context = self.context(service.name).clone();
        context.folder = self.folder().join(format!("{}-{number}", service.name));
        std::fs::create_dir(&context.folder).expect("the instance is new");
        let section: DbSection = context.config.section("db").expect("the world has started with it");
        if let (Some(url), Some(schema)) = (section.url, section.schema) {
            let options = PostgresOptions {
                url,
                schema: schema.replace("{service}", service.name),
                readers: 2,
                writers: 3,
                statement_timeout: std::time::Duration::from_secs(10),
            };
            context.db = Db::postgres(&options).await.expect("the database opens");
        }
        let layers = LayerState { role: service.name, metrics: Metrics::default(), verifier: context.verifier.clone() };
        let instance = (service.start)(context).await.expect("the instance starts");
        with_common_layers(instance.router, layers)
    }

    /// Starts `count` more instances of a service.
    pub async fn instances(&self, service: &Service, count: usize) -> Vec<Router> {
        let mut routers = Vec::with_capacity(count);
        for number in 0..count {
            routers.push(self.instance(service, number).await);
        }
        routers
    }
}
