//! `GET /v1/admin/logs`: the newest lines of the logs of all processes, as one.
//!
//! Each process keeps some of its newest lines in memory (`base::log_ring`). Invariant: lines are sorted by time, then
//! by process and number, which is also the cursor, so a walk has no line twice.

#![allow(unused_qualifications, reason = "the macro of an operation repeats the type of its parameters")]

use std::collections::BTreeMap;

use axum::extract::State;
use base::log_ring::{LogLevel, LogLine};
use chrono::{DateTime, Utc};
use http_server::operators::{Developer, Operator};
use http_server::problem::every_role;
use http_server::{Json, List, Problem, Query};
use serde::{Deserialize, Serialize};
use service::Context;
use service::process::{FindLogs, LogPosition};
use utoipa::{IntoParams, ToSchema};

use super::fleet::ask_all;

/// The query of a page of the log.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct LogsParams {
    /// Only lines of this level and more severe ones: `error`, `warn` or `info`.
    #[param(example = "warn")]
    level: Option<LogLevel>,
    /// Only lines of the process with this id.
    process: Option<String>,
    /// Only lines of this role.
    #[param(example = "media")]
    role: Option<String>,
    /// Only lines with this text, in any case of letters.
    contains: Option<String>,
    /// Only lines of the request with this id, which every error response carries.
    request: Option<String>,
    /// Only lines of this time and later ones.
    #[param(example = "2026-05-17T09:00:00Z")]
    since: Option<DateTime<Utc>>,
    /// Only lines before this time.
    #[param(example = "2026-05-17T10:00:00Z")]
    until: Option<DateTime<Utc>>,
    /// How many lines, 1–500; 100 by default.
    limit: Option<u16>,
    /// The `next` of the previous page.
    after: Option<String>,
}

/// A line of the log.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = LogLine, example = json!({
    "at": "2026-05-17T09:30:00.123456Z",
    "level": "warn",
    "process": "3hW9dKx0Qp7LmT2vBnYc4R",
    "target": "media::ingest",
    "message": "an upload was refused",
    "fields": { "request.id": "0198c5a4e7d17f3ab1d2c3e4f5a6b7c8", "role": "media" },
}))]
pub(super) struct LogLineView {
    at: DateTime<Utc>,
    level: LogLevel,
    /// The id of the process.
    process: String,
    /// The module that logged it.
    target: String,
    /// The sentence.
    message: String,
    /// The fields, with the role and the id of the request that the line belongs to.
    fields: BTreeMap<String, String>,
}

/// Lists the newest lines of the log of every process, newest first.
///
/// A process keeps its last 2,000 lines of `info` and above, up to 2 MiB, and only what its `server.log_filter` lets
/// pass, and older ones in files as far as `server.log_search_bytes` says. All are where its standard error goes.
/// Processes that do not answer within two seconds are missing.
#[utoipa::path(
    get,
    path = "/v1/admin/logs",
    operation_id = "list_logs",
    tag = "operators",
    params(LogsParams),
    security(("token" = [])),
    responses(
        (
            status = 200,
            description = "A page of lines",
            body = List<LogLineView>,
        ),
    ),
    extensions(
        ("x-codes" = json!([])),
        ("x-admin-role" = json!("developer")),
    ),
)]
pub(super) async fn list_logs(
    _: Operator<Developer>,
    State(context): State<Context>,
    Query(params): Query<LogsParams>,
) -> Result<Json<List<LogLineView>>, Problem> {
    if params.after.as_deref().is_some_and(|after| LogPosition::parse(after).is_none()) {
        return Err(Problem::of(every_role::BAD_QUERY, "`after` must be the `next` of the previous page."));
    }
    let size = usize::from(params.limit.unwrap_or(100).clamp(1, 500));
    let LogsParams { level, process, role, contains, request, since, until, after, .. } = params;
    // One more than the page has, so that it is known whether there are more.
    let query = FindLogs { level, role, contains, request, since, until, before: after, limit: size + 1 };
    let asked = ask_all(&context, &query, |logs| &logs.id).await;
    let answers = asked.into_iter().filter_map(|asked| asked.answer);
    let wanted = answers.filter(|answer| process.as_ref().is_none_or(|process| answer.id == *process));
    Ok(Json(merge(wanted.map(|answer| (answer.id, answer.lines)), size)))
}

/// Merges the lines of processes, newest first.
fn merge(answers: impl Iterator<Item = (String, Vec<LogLine>)>, size: usize) -> List<LogLineView> {
    let of_process = |(process, lines): (String, Vec<LogLine>)| {
        let position = move |line: &LogLine| LogPosition { at: line.at, process: process.clone(), number: line.number };
        lines.into_iter().map(move |line| (position(&line), line))
    };
    let mut lines: Vec<(LogPosition, LogLine)> = answers.flat_map(of_process).collect();
    lines.sort_by(|(one, _), (other, _)| other.cmp(one));
    let has_more = lines.len() > size;
    lines.truncate(size);
    let next = lines.last().filter(|_| has_more).map(|(position, _)| position.to_string());
    let items = lines.into_iter().map(|(LogPosition { process, .. }, line)| {
        let LogLine { at, level, target, message, fields, .. } = line;
        LogLineView { at, level, process, target, message, fields }
    });
    List { items: items.collect(), next }
}
