//! `GET /v1/admin/configuration`: the effective configuration of every process, without secrets.
//!
//! Does not own what is a secret (`base::config`). Invariant: a process leaves its secrets out before it answers.

#![allow(unused_qualifications, reason = "the macro of an operation repeats the type of its parameters")]

use axum::extract::State;
use base::config::{Setting, Source};
use http_server::operators::{Operator, Viewer};
use http_server::{Json, List, Query};
use serde::{Deserialize, Serialize};
use service::Context;
use service::process::FindConfiguration;
use utoipa::{IntoParams, ToSchema};

use super::fleet::ask_all;
use super::paging::{Cursors, page_by};

/// The query of a page of the configuration.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ConfigurationParams {
    /// Only the process with this id; without it, all processes.
    process: Option<String>,
    /// How many items, 1–500; 200 by default.
    limit: Option<u16>,
    /// The `next` of the previous page.
    after: Option<String>,
}

/// A key of the configuration, in one process.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Setting, example = json!({
    "key": "media.photo_max_bytes",
    "value": "50000000",
    "hidden": false,
    "source": "file",
    "description": "The largest photo in bytes.",
    "process": "3hW9dKx0Qp7LmT2vBnYc4R",
}))]
pub(super) struct SettingView {
    /// The key with its section.
    key: String,
    /// The value as `--set` takes it; `null` if there is none, or if it is a secret.
    #[schema(required)]
    value: Option<String>,
    /// Whether the value is a secret, or a part of it is one that was left out.
    hidden: bool,
    /// Where the value comes from.
    source: Source,
    /// What the key means.
    description: String,
    /// The id of the process.
    process: String,
}

impl SettingView {
    fn new(setting: Setting, process: &str) -> Self {
        let Setting { key, value, hidden, source, description } = setting;
        Self { key, value, hidden, source, description, process: process.to_owned() }
    }
}

/// Lists the configuration of the processes: each key that counts, with its value and where that comes from.
///
/// A process has the keys of its own roles. Secrets are left out, and so are passwords in URLs. Processes that do not
/// answer within two seconds are missing; `GET /v1/admin/processes` lists them.
#[utoipa::path(
    get,
    path = "/v1/admin/configuration",
    operation_id = "list_configuration",
    tag = "operators",
    params(ConfigurationParams),
    security(("token" = [])),
    responses(
        (
            status = 200,
            description = "A page of keys, by key and process",
            body = List<SettingView>,
        ),
    ),
    extensions(
        ("x-codes" = json!([])),
        ("x-admin-role" = json!("viewer")),
    ),
)]
pub(super) async fn list_configuration(
    _: Operator<Viewer>,
    State(context): State<Context>,
    Query(params): Query<ConfigurationParams>,
) -> Json<List<SettingView>> {
    let asked = ask_all(&context, &FindConfiguration {}, |configuration| &configuration.id).await;
    let answers = asked.into_iter().filter_map(|asked| asked.answer);
    let wanted = answers.filter(|answer| params.process.as_ref().is_none_or(|process| answer.id == *process));
    let settings = wanted.flat_map(|answer| {
        let of_process = |setting| SettingView::new(setting, &answer.id);
        answer.settings.into_iter().map(of_process).collect::<Vec<_>>()
    });
    let by_key: Cursors<SettingView> = |setting| format!("{} {}", setting.key, setting.process);
    let size = usize::from(params.limit.unwrap_or(200).clamp(1, 500));
    Json(page_by(settings.collect(), by_key, params.after.as_deref(), size))
}
