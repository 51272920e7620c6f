//! Rows of decisions, and of verdicts of checks that can be appealed.
//!
//! Invariant: a case has one decision at most: a unique index holds it.

use chrono::{DateTime, Utc};
use contract::AccountId;
use contract::moderation::Thing;
use db::{Error, FromQueryResult, Sql, Tx, Value, placeholders};
use uuid::Uuid;

use super::{bound, from_json, from_micros, from_optional_micros, json, micros, optional_micros};
use crate::model::{DecisionRow, NewDecision};

const COLUMNS: &str = "
    id, case_id, role, kind, object, owner, action, reason, statement, until_us, removes, blocked_media, screened_by,
    evidence, decided_by, decided_us, overturned_us, refusal";

#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    case_id: Option<Uuid>,
    role: String,
    kind: String,
    object: String,
    owner: Uuid,
    action: String,
    reason: String,
    statement: String,
    until_us: Option<i64>,
    removes: bool,
    blocked_media: String,
    screened_by: Option<String>,
    evidence: String,
    decided_by: Option<Uuid>,
    decided_us: i64,
    overturned_us: Option<i64>,
    refusal: Option<String>,
}

impl TryFrom<Row> for DecisionRow {
    type Error = Error;
    fn try_from(row: Row) -> Result<Self, Error> {
        let decision = NewDecision {
            action: row.action.parse().map_err(|_| Error::Corrupt("the action of a decision"))?,
            reason: row.reason.parse().map_err(|_| Error::Corrupt("the reason of a decision"))?,
            statement: row.statement,
            until: from_optional_micros(row.until_us, "the end of a sanction")?,
            removes: row.removes,
            blocked_media: from_json(&row.blocked_media, "the media of a decision")?,
        };
        Ok(Self {
            id: row.id,
            case: row.case_id,
            thing: Thing { role: row.role, kind: row.kind, id: row.object },
            owner: AccountId(row.owner),
            decision,
            check: row.screened_by,
            evidence: from_json(&row.evidence, "the evidence of a decision")?,
            decided_by: row.decided_by.map(AccountId),
            decided_at: from_micros(row.decided_us, "a decision's time")?,
            overturned_at: from_optional_micros(row.overturned_us, "a decision's end")?,
            refusal: row.refusal,
        })
    }
}

const INSERT: &str = "
    insert into case_decision (id, case_id, role, kind, object, owner, action, reason, statement, until_us, removes,
           blocked_media, screened_by, evidence, decided_by, decided_us)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
    on conflict do nothing";

/// Inserts a decision, unless its case has one, or the verdict is known. Returns whether it did.
pub(crate) async fn insert(tx: &Tx, row: &DecisionRow) -> Result<bool, Error> {
    let values = vec![
        row.id.into(),
        row.case.into(),
        row.thing.role.as_str().into(),
        row.thing.kind.as_str().into(),
        row.thing.id.as_str().into(),
        row.owner.0.into(),
        row.decision.action.as_str().into(),
        row.decision.reason.as_str().into(),
        row.decision.statement.as_str().into(),
        optional_micros(row.decision.until),
        row.decision.removes.into(),
        json(&row.decision.blocked_media, "the media of a decision")?,
        row.check.clone().into(),
        json(&row.evidence, "the evidence of a decision")?,
        row.decided_by.map(|by| by.0).into(),
        micros(row.decided_at),
    ];
    Ok(tx.execute(INSERT, values).await? == 1)
}

const SETTLE: &str = "
    update case_decision
       set case_id = $2,
           action = $3,
           reason = $4,
           statement = $5,
           until_us = $6,
           removes = $7,
           blocked_media = $8,
           decided_by = $9,
           decided_us = $10
     where id = $1
       and case_id is null
       and overturned_us is null";

/// Makes a verdict what a moderator has decided about the thing that it holds. Returns whether it was a verdict.
pub(crate) async fn settle(tx: &Tx, row: &DecisionRow) -> Result<bool, Error> {
    let values = vec![
        row.id.into(),
        row.case.into(),
        row.decision.action.as_str().into(),
        row.decision.reason.as_str().into(),
        row.decision.statement.as_str().into(),
        optional_micros(row.decision.until),
        row.decision.removes.into(),
        json(&row.decision.blocked_media, "the media of a decision")?,
        row.decided_by.map(|by| by.0).into(),
        micros(row.decided_at),
    ];
    Ok(tx.execute(SETTLE, values).await? == 1)
}

/// Returns a decision.
pub(crate) async fn find(sql: &impl Sql, id: Uuid) -> Result<Option<DecisionRow>, Error> {
    let text = format!("select {COLUMNS} from case_decision where id = $1");
    let row: Option<Row> = sql.row(&text, vec![id.into()]).await?;
    row.map(DecisionRow::try_from).transpose()
}

/// Returns the decision about a case.
pub(crate) async fn find_of_case(sql: &impl Sql, case: Uuid) -> Result<Option<DecisionRow>, Error> {
    let text = format!("select {COLUMNS} from case_decision where case_id = $1");
    let row: Option<Row> = sql.row(&text, vec![case.into()]).await?;
    row.map(DecisionRow::try_from).transpose()
}

/// What was decided about a case, in words for its member.
#[derive(Debug, Clone, FromQueryResult)]
pub(crate) struct CaseStatement {
    /// The case.
    pub case_id: Uuid,
    /// The words; may be empty.
    pub statement: String,
}

/// Returns the statements of the decisions about these cases, in any order.
pub(crate) async fn list_statements(sql: &impl Sql, cases: &[Uuid]) -> Result<Vec<CaseStatement>, Error> {
    if cases.is_empty() {
        return Ok(Vec::new());
    }
    let text = format!(
        "select case_id, statement
           from case_decision
          where case_id is not null
            and case_id in {}",
        placeholders(1, cases.len())
    );
    sql.rows(&text, cases.iter().map(|id| Value::from(*id)).collect()).await
}

/// Returns the decisions against a member below an id, the newest first: what they may read.
pub(crate) async fn list_adverse(
    sql: &impl Sql,
    owner: AccountId,
    before: Uuid,
    limit: usize,
) -> Result<Vec<DecisionRow>, Error> {
    let text = format!(
        "select {COLUMNS}
           from case_decision
          where owner = $1
            and id < $2
            and action not in ('keep', 'uphold', 'overturn')
          order by id desc
          limit $3"
    );
    let rows: Vec<Row> = sql.rows(&text, vec![owner.0.into(), before.into(), bound(limit)]).await?;
    rows.into_iter().map(DecisionRow::try_from).collect()
}

const COUNT_SCREENED: &str = "
    select count(*) as total
      from (select 1 as one
              from case_decision
             where owner = $1
               and screened_by is not null
               and case_id is null
             limit $2) as known";

/// Returns how many verdicts about a member no moderator has decided about, at most `max`.
pub(crate) async fn count_screened(sql: &impl Sql, owner: AccountId, max: u32) -> Result<u64, Error> {
    #[derive(FromQueryResult)]
    struct Count {
        total: i64,
    }
    let row: Option<Count> = sql.row(COUNT_SCREENED, vec![owner.0.into(), i64::from(max).into()]).await?;
    Ok(row.map_or(0, |row| row.total.unsigned_abs()))
}

const SET_OVERTURNED: &str = "
    update case_decision
       set overturned_us = $2
     where id = $1
       and overturned_us is null";

/// Marks a decision as undone. Returns whether it was in force.
pub(crate) async fn set_overturned(tx: &Tx, id: Uuid, now: DateTime<Utc>) -> Result<bool, Error> {
    Ok(tx.execute(SET_OVERTURNED, vec![id.into(), micros(now)]).await? == 1)
}

const SET_REFUSAL: &str = "
    update case_decision
       set refusal = $2
     where id = $1";

/// Records why accounts has not followed a decision.
pub(crate) async fn set_refusal(tx: &Tx, id: Uuid, why: &str) -> Result<(), Error> {
    tx.execute(SET_REFUSAL, vec![id.into(), why.into()]).await.map(drop)
}

const REMOVE_OLD: &str = "
    delete from case_decision
     where id in (
           select id
             from case_decision
            where decided_us < $1
              and not exists (
                  select 1
                    from moderation_case
                   where moderation_case.appeals = case_decision.id
                     and moderation_case.state = 'open')
              and not exists (
                  select 1
                    from moderation_case
                   where moderation_case.id = case_decision.id
                     and moderation_case.state = 'open')
            order by decided_us
            limit $2)";

/// Removes decisions from before a time whose appeals, if there are any, were decided, as was what a verdict holds.
/// Returns how many there were.
pub(crate) async fn remove_old(tx: &Tx, before: DateTime<Utc>, limit: usize) -> Result<u64, Error> {
    tx.execute(REMOVE_OLD, vec![micros(before), bound(limit)]).await
}
