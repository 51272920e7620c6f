//! Rows of senders: budgets, rates and windows of recent texts. And the first messages and the links of all of them.
//!
//! Invariant: a sender's row is written in the lane of the sender; answers of others are added by one statement.

use chrono::{DateTime, TimeDelta, Utc};
use contract::AccountId;
use db::{Error, FromQueryResult, Sql, Tx, Value};
use screening::attempt::SenderState;
use screening::budget::Budget;
use screening::fingerprint::Fingerprint;
use screening::reason::Reason;
use screening::recent::{RecentLimits, RecentTexts};
use uuid::Uuid;

use super::values::{bound, names_after};

/// A sender.
#[derive(Debug, Clone)]
pub(crate) struct Sender {
    /// The state of the verdicts.
    pub state: SenderState,
    /// How many members whom they wrote to first have written back.
    pub reply_count: u32,
    /// Those of them that the budget has not been told of.
    pub answer_count: u32,
    /// How many reports about them were upheld lately.
    pub report_count: u32,
    /// The codes of the checks that they are exempt from, with spaces between.
    pub exempt: String,
}

#[derive(FromQueryResult)]
struct Row {
    credit: i64,
    credit_at: DateTime<Utc>,
    rate_free_at: Option<DateTime<Utc>>,
    recent: Vec<u8>,
    reply_count: i64,
    answer_count: i64,
    report_count: i64,
    exempt: String,
}

const FIND: &str = "
    select credit, credit_at, rate_free_at, recent, reply_count, answer_count, report_count, exempt
      from chat_sender
     where account = $1";

/// Returns a sender.
pub(crate) async fn find(sql: &impl Sql, account: AccountId) -> Result<Option<Sender>, Error> {
    let row: Option<Row> = sql.row(FIND, vec![account.0.into()]).await?;
    let count = |stored: i64| u32::try_from(stored).unwrap_or(0);
    Ok(row.map(|row| Sender {
        state: SenderState {
            budget: Budget { credit: row.credit, at: row.credit_at },
            rate_free_at: row.rate_free_at,
            // A window that can't be read is one of a later release: an empty one holds no sender back.
            recent: RecentTexts::from_bytes(&row.recent, RecentLimits::SENDER)
                .unwrap_or_else(|_| RecentTexts::new(RecentLimits::SENDER)),
        },
        reply_count: count(row.reply_count),
        answer_count: count(row.answer_count),
        report_count: count(row.report_count),
        exempt: row.exempt,
    }))
}

const PUT: &str = "
    insert into chat_sender (
        account, credit, credit_at, rate_free_at, recent, reply_count, answer_count, report_count, exempt
    )
    values ($1, $2, $3, $4, $5, 0, 0, 0, '')
    on conflict (account) do update
       set credit = excluded.credit,
           credit_at = excluded.credit_at,
           rate_free_at = excluded.rate_free_at,
           recent = excluded.recent,
           answer_count = chat_sender.answer_count - $6";

/// Stores the next state of a sender, whose budget was told of so many answers.
pub(crate) async fn put(tx: &Tx, account: AccountId, state: &SenderState, told_answers: u32) -> Result<(), Error> {
    let values = vec![
        account.0.into(),
        state.budget.credit.into(),
        state.budget.at.into(),
        state.rate_free_at.into(),
        state.recent.to_bytes().into(),
        i64::from(told_answers).into(),
    ];
    tx.execute(PUT, values).await.map(drop)
}

const ADD_ANSWER: &str = "
    update chat_sender
       set reply_count = reply_count + 1,
           answer_count = answer_count + 1
     where account = $1";

/// Records that a member whom this one wrote to first has written back.
pub(crate) async fn add_answer(tx: &Tx, account: AccountId) -> Result<(), Error> {
    tx.execute(ADD_ANSWER, vec![account.0.into()]).await.map(drop)
}

const SET_EXEMPT: &str = "
    update chat_sender
       set exempt = $2
     where account = $1";

/// Exempts a sender from a check. The caller holds the lane of the sender.
pub(crate) async fn add_exempt(tx: &Tx, account: AccountId, check: Reason) -> Result<(), Error> {
    let Some(Sender { exempt, .. }) = find(tx, account).await? else { return Ok(()) };
    if exempt.split(' ').any(|known| known == check.code()) {
        return Ok(());
    }
    let exempt = format!("{exempt} {}", check.code());
    tx.execute(SET_EXEMPT, vec![account.0.into(), exempt.trim_start().into()]).await.map(drop)
}

/// A first message of one member to another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FirstText {
    /// The fingerprint of its text.
    pub fingerprint: Fingerprint,
    /// Who wrote it.
    pub sender: AccountId,
    /// When.
    pub at: DateTime<Utc>,
}

const INSERT_FIRST: &str = "
    insert into first_text (id, fingerprint, sender, at)
    values ($1, $2, $3, $4)";

/// Records a first message, under the id of the message.
pub(crate) async fn insert_first(tx: &Tx, id: Uuid, first: FirstText) -> Result<(), Error> {
    let fingerprint = first.fingerprint.to_bits().cast_signed();
    tx.execute(INSERT_FIRST, vec![id.into(), fingerprint.into(), first.sender.0.into(), first.at.into()])
        .await
        .map(drop)
}

const LIST_FIRST: &str = "
    select fingerprint, sender, at
      from first_text
     order by id desc
     limit $1";

/// Returns the newest first messages of all members.
pub(crate) async fn list_first(sql: &impl Sql, limit: usize) -> Result<Vec<FirstText>, Error> {
    #[derive(FromQueryResult)]
    struct FirstRow {
        fingerprint: i64,
        sender: Uuid,
        at: DateTime<Utc>,
    }
    let rows: Vec<FirstRow> = sql.rows(LIST_FIRST, vec![bound(limit)]).await?;
    let read = |row: FirstRow| FirstText {
        fingerprint: Fingerprint::from_bits(row.fingerprint.cast_unsigned()),
        sender: AccountId(row.sender),
        at: row.at,
    };
    Ok(rows.into_iter().map(read).collect())
}

/// Returns how many of these domains were first linked to before a time.
pub(crate) async fn count_known_domains(
    sql: &impl Sql,
    domains: &[String],
    before: DateTime<Utc>,
) -> Result<usize, Error> {
    #[derive(FromQueryResult)]
    struct CountRow {
        domains: i64,
    }
    if domains.is_empty() {
        return Ok(0);
    }
    let text = format!(
        "select count(*) as domains from chat_domain where first_at < $1 and domain in {}",
        names_after(1, domains.len())
    );
    let mut values: Vec<Value> = vec![before.into()];
    values.extend(domains.iter().map(|domain| Value::from(domain.as_str())));
    let row: Option<CountRow> = sql.row(&text, values).await?;
    Ok(row.and_then(|row| usize::try_from(row.domains).ok()).unwrap_or(0))
}

/// How exactly the last link to a domain is known: all members write the row of one that is everywhere.
const DOMAIN_STEP: TimeDelta = TimeDelta::hours(12);

const INSERT_DOMAIN: &str = "
    insert into chat_domain (domain, first_at, last_at)
    values ($1, $2, $2)
    on conflict (domain) do update
       set last_at = excluded.last_at
     where chat_domain.last_at < $3";

/// Records that domains were linked to. One that was within `DOMAIN_STEP` is not written again.
pub(crate) async fn insert_domains(tx: &Tx, domains: &[String], now: DateTime<Utc>) -> Result<(), Error> {
    for domain in domains {
        tx.execute(INSERT_DOMAIN, vec![domain.as_str().into(), now.into(), (now - DOMAIN_STEP).into()]).await?;
    }
    Ok(())
}
