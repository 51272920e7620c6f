//! Rows of cases.
//!
//! Invariant: there is one open case of a thing at most, one of a verdict, which has its id, and one appeal against a
//! decision: unique indexes hold all three.

use chrono::{DateTime, Utc};
use contract::AccountId;
use contract::moderation::Thing;
use db::{Error, FromQueryResult, Sql, Tx, Value, placeholders};
use screening::fingerprint::Fingerprint;
use uuid::Uuid;

use super::{bound, from_json, from_micros, from_optional_micros, json, micros};
use crate::model::{Case, CaseAppeal, CaseState, Claim, QueuePlace};

const COLUMNS: &str = "
    id, role, kind, object, owner, reason, urgency, evidence, fingerprint, state, report_count, is_held, appeals,
    appeal_text, claimed_by, claimed_until_us, created_us, decided_us";

#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    role: String,
    kind: String,
    object: String,
    owner: Uuid,
    reason: String,
    urgency: i64,
    evidence: String,
    fingerprint: Option<i64>,
    state: String,
    report_count: i64,
    is_held: bool,
    appeals: Option<Uuid>,
    appeal_text: String,
    claimed_by: Option<Uuid>,
    claimed_until_us: Option<i64>,
    created_us: i64,
    decided_us: Option<i64>,
}

impl TryFrom<Row> for Case {
    type Error = Error;
    fn try_from(row: Row) -> Result<Self, Error> {
        let until = from_optional_micros(row.claimed_until_us, "the end of a claim")?;
        Ok(Self {
            id: row.id,
            thing: Thing { role: row.role, kind: row.kind, id: row.object },
            owner: AccountId(row.owner),
            reason: row.reason.parse().map_err(|_| Error::Corrupt("the reason of a case"))?,
            urgency: row.urgency,
            evidence: from_json(&row.evidence, "the evidence of a case")?,
            fingerprint: fingerprint(row.fingerprint),
            state: row.state.parse().map_err(|_| Error::Corrupt("the state of a case"))?,
            report_count: row.report_count,
            is_held: row.is_held,
            appeal: row.appeals.map(|decision| CaseAppeal { decision, text: row.appeal_text }),
            claim: row.claimed_by.zip(until).map(|(by, until)| Claim { by: AccountId(by), until }),
            created_at: from_micros(row.created_us, "a case's time")?,
            decided_at: from_optional_micros(row.decided_us, "a case's end")?,
        })
    }
}

fn fingerprint(stored: Option<i64>) -> Option<Fingerprint> {
    stored.map(|bits| Fingerprint::from_bits(bits.cast_unsigned()))
}

fn cases(rows: Vec<Row>) -> Result<Vec<Case>, Error> {
    rows.into_iter().map(Case::try_from).collect()
}

const INSERT: &str = "
    insert into moderation_case (id, role, kind, object, owner, reason, urgency, evidence, fingerprint, state,
           report_count, appeals, appeal_text, created_us, is_held)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'open', $10, $11, $12, $13, $14)
    on conflict do nothing";

/// Inserts an open case, unless its thing has one, or its decision an appeal. Returns whether it did.
pub(crate) async fn insert(tx: &Tx, case: &Case) -> Result<bool, Error> {
    let values = vec![
        case.id.into(),
        case.thing.role.as_str().into(),
        case.thing.kind.as_str().into(),
        case.thing.id.as_str().into(),
        case.owner.0.into(),
        case.reason.as_str().into(),
        case.urgency.into(),
        json(&case.evidence, "the evidence of a case")?,
        case.fingerprint.map(|fingerprint| fingerprint.to_bits().cast_signed()).into(),
        case.report_count.into(),
        case.appeal.as_ref().map(|appeal| appeal.decision).into(),
        case.appeal.as_ref().map_or("", |appeal| appeal.text.as_str()).into(),
        micros(case.created_at),
        case.is_held.into(),
    ];
    Ok(tx.execute(INSERT, values).await? == 1)
}

/// Returns a case.
pub(crate) async fn find(sql: &impl Sql, id: Uuid) -> Result<Option<Case>, Error> {
    let text = format!("select {COLUMNS} from moderation_case where id = $1");
    let row: Option<Row> = sql.row(&text, vec![id.into()]).await?;
    row.map(Case::try_from).transpose()
}

/// Returns the open case of what was reported, or is held.
pub(crate) async fn find_open(sql: &impl Sql, thing: &Thing) -> Result<Option<Case>, Error> {
    let text = format!(
        "select {COLUMNS}
           from moderation_case
          where role = $1
            and kind = $2
            and object = $3
            and state = 'open'
            and appeals is null"
    );
    let values = vec![thing.role.as_str().into(), thing.kind.as_str().into(), thing.id.as_str().into()];
    let row: Option<Row> = sql.row(&text, values).await?;
    row.map(Case::try_from).transpose()
}

/// Returns the cases in a state behind a place of the queue, the most urgent first.
pub(crate) async fn list(
    sql: &impl Sql,
    state: CaseState,
    after: QueuePlace,
    limit: usize,
) -> Result<Vec<Case>, Error> {
    let text = format!(
        "select {COLUMNS}
           from moderation_case
          where state = $1
            and (urgency, id) > ($2, $3)
          order by urgency, id
          limit $4"
    );
    cases(sql.rows(&text, vec![state.as_str().into(), after.urgency.into(), after.id.into(), bound(limit)]).await?)
}

/// Returns the cases with these ids, in any order.
pub(crate) async fn list_of(sql: &impl Sql, ids: &[Uuid]) -> Result<Vec<Case>, Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let text = format!("select {COLUMNS} from moderation_case where id in {}", placeholders(1, ids.len()));
    cases(sql.rows(&text, ids.iter().map(|id| Value::from(*id)).collect()).await?)
}

/// Returns the appeals of a member.
pub(crate) async fn list_appeals(sql: &impl Sql, decisions: &[Uuid]) -> Result<Vec<Case>, Error> {
    if decisions.is_empty() {
        return Ok(Vec::new());
    }
    let text = format!(
        "select {COLUMNS}
           from moderation_case
          where appeals is not null
            and appeals in {}",
        placeholders(1, decisions.len())
    );
    cases(sql.rows(&text, decisions.iter().map(|id| Value::from(*id)).collect()).await?)
}

/// An open case, as far as likeness needs it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate {
    /// The case.
    pub id: Uuid,
    /// Whose its thing is.
    pub owner: AccountId,
    /// The fingerprint of its text.
    pub fingerprint: Option<Fingerprint>,
}

const LIST_CANDIDATES: &str = "
    select id, owner, fingerprint
      from moderation_case
     where state = 'open'
       and appeals is null
       and id <> $1
     order by urgency desc, id desc
     limit $2";

/// Returns open cases beside one, of the least urgent kinds first, among which floods are, the newest first.
pub(crate) async fn list_candidates(sql: &impl Sql, beside: Uuid, limit: usize) -> Result<Vec<Candidate>, Error> {
    #[derive(FromQueryResult)]
    struct CandidateRow {
        id: Uuid,
        owner: Uuid,
        fingerprint: Option<i64>,
    }
    let rows: Vec<CandidateRow> = sql.rows(LIST_CANDIDATES, vec![beside.into(), bound(limit)]).await?;
    let candidate = |row: CandidateRow| Candidate {
        id: row.id,
        owner: AccountId(row.owner),
        fingerprint: fingerprint(row.fingerprint),
    };
    Ok(rows.into_iter().map(candidate).collect())
}

const COUNT_HELD: &str = "
    select count(*) as total
      from (select 1 as one
              from moderation_case
             where owner = $1
               and is_held = true
               and state = 'open'
             limit $2) as waiting";

/// Returns how many things of a member are held and wait for a moderator, at most `max`.
pub(crate) async fn count_held(sql: &impl Sql, owner: AccountId, max: u32) -> Result<u64, Error> {
    #[derive(FromQueryResult)]
    struct Count {
        total: i64,
    }
    let row: Option<Count> = sql.row(COUNT_HELD, vec![owner.0.into(), i64::from(max).into()]).await?;
    Ok(row.map_or(0, |row| row.total.unsigned_abs()))
}

/// Returns the oldest thing of a member that is held, which no moderator has and no appeal is about.
pub(crate) async fn find_oldest_held(
    sql: &impl Sql,
    owner: AccountId,
    now: DateTime<Utc>,
) -> Result<Option<Case>, Error> {
    let text = format!(
        "select {COLUMNS}
           from moderation_case
          where owner = $1
            and is_held = true
            and state = 'open'
            and appeals is null
            and (claimed_until_us is null or claimed_until_us <= $2)
          order by id
          limit 1"
    );
    let row: Option<Row> = sql.row(&text, vec![owner.0.into(), micros(now)]).await?;
    row.map(Case::try_from).transpose()
}

const COUNT_APPEALS: &str = "
    select count(*) as total
      from (select 1 as one
              from moderation_case
             where owner = $1
               and appeals is not null
               and state = 'open'
             limit $2) as waiting";

/// Returns how many appeals of a member wait for a moderator, at most `max`.
pub(crate) async fn count_appeals(sql: &impl Sql, owner: AccountId, max: u32) -> Result<u64, Error> {
    #[derive(FromQueryResult)]
    struct Count {
        total: i64,
    }
    let row: Option<Count> = sql.row(COUNT_APPEALS, vec![owner.0.into(), i64::from(max).into()]).await?;
    Ok(row.map_or(0, |row| row.total.unsigned_abs()))
}

const SET_APPEALED: &str = "
    update moderation_case
       set appeals = id,
           appeal_text = $2,
           urgency = case when urgency > $3 then $3 else urgency end
     where id = $1
       and is_held = true
       and state = 'open'
       and appeals is null";

/// Makes the open case of what a verdict holds an appeal against it. Returns whether there was one.
pub(crate) async fn set_appealed(tx: &Tx, verdict: Uuid, text: &str, urgency: i64) -> Result<bool, Error> {
    Ok(tx.execute(SET_APPEALED, vec![verdict.into(), text.into(), urgency.into()]).await? == 1)
}

const ADD_REPORT: &str = "
    update moderation_case
       set report_count = report_count + 1,
           urgency = case when urgency > $2 then $2 else urgency end
     where id = $1
       and state = 'open'";

/// Counts another report of a case, which may raise it in the queue.
pub(crate) async fn add_report(tx: &Tx, id: Uuid, urgency: i64) -> Result<(), Error> {
    tx.execute(ADD_REPORT, vec![id.into(), urgency.into()]).await.map(drop)
}

const CLAIM: &str = "
    update moderation_case
       set claimed_by = $2,
           claimed_until_us = $3
     where id = $1
       and state = 'open'
       and (claimed_by is null or claimed_by = $2 or claimed_until_us <= $4)";

/// Gives a moderator an open case that no other one holds. Returns whether it did.
pub(crate) async fn claim(tx: &Tx, id: Uuid, claim: Claim, now: DateTime<Utc>) -> Result<bool, Error> {
    let values = vec![id.into(), claim.by.0.into(), micros(claim.until), micros(now)];
    Ok(tx.execute(CLAIM, values).await? == 1)
}

const RELEASE: &str = "
    update moderation_case
       set claimed_by = null,
           claimed_until_us = null
     where id = $1
       and claimed_by = $2
       and state = 'open'";

/// Ends the claim of a moderator.
pub(crate) async fn release(tx: &Tx, id: Uuid, by: AccountId) -> Result<(), Error> {
    tx.execute(RELEASE, vec![id.into(), by.0.into()]).await.map(drop)
}

const SET_DECIDED: &str = "
    update moderation_case
       set state = 'decided',
           decided_us = $2
     where id = $1
       and state = 'open'";

/// Ends an open case. Returns whether it was open.
pub(crate) async fn set_decided(tx: &Tx, id: Uuid, now: DateTime<Utc>) -> Result<bool, Error> {
    Ok(tx.execute(SET_DECIDED, vec![id.into(), micros(now)]).await? == 1)
}

const REMOVE_OLD: &str = "
    delete from moderation_case
     where id in (
           select id
             from moderation_case
            where decided_us < $1
              and not exists (
                  select 1
                    from case_report
                   where case_report.case_id = moderation_case.id)
            order by decided_us
            limit $2)";

/// Removes cases that were decided before a time and have no reports any more. Returns how many there were.
pub(crate) async fn remove_old(tx: &Tx, before: DateTime<Utc>, limit: usize) -> Result<u64, Error> {
    tx.execute(REMOVE_OLD, vec![micros(before), bound(limit)]).await
}
