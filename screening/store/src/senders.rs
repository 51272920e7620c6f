//! Rows of senders: budgets, rates and windows of recent texts.
//!
//! Invariant: a sender's row is written in the lane of the sender; answers of others are added by one statement.

use chrono::{DateTime, Utc};
use db::{Error, FromQueryResult, Sql, Tx};
use screening::attempt::SenderState;
use screening::budget::Budget;
use screening::reason::Reason;
use screening::recent::{RecentLimits, RecentTexts};
use uuid::Uuid;

use crate::Home;

/// A sender.
#[derive(Debug, Clone)]
pub struct Sender {
    /// The state of the verdicts.
    pub state: SenderState,
    /// How many members whom they reached first have answered.
    pub reply_count: u32,
    /// Those of them that the budget has not been told of.
    pub answer_count: u32,
    /// How many reports about them were upheld lately.
    pub report_count: u32,
    /// The codes of the checks that they are exempt from, with spaces between.
    pub exempt: String,
}

impl Sender {
    /// Returns the checks that they are exempt from.
    pub fn exemptions(&self) -> Vec<Reason> {
        self.exempt.split(' ').filter_map(|code| code.parse().ok()).collect()
    }
}

/// The columns of a sender, for a role that reads them together with other rows.
#[derive(Debug, FromQueryResult)]
pub struct SenderRow {
    credit: i64,
    credit_at: DateTime<Utc>,
    rate_free_at: Option<DateTime<Utc>>,
    recent: Vec<u8>,
    reply_count: i64,
    answer_count: i64,
    report_count: i64,
    exempt: String,
}

impl SenderRow {
    /// The names of the columns. The table of senders is joined as `sender`.
    pub const COLUMNS: &str = "sender.credit, sender.credit_at, sender.rate_free_at, sender.recent, \
                               sender.reply_count, sender.answer_count, sender.report_count, sender.exempt";
}

impl From<SenderRow> for Sender {
    fn from(row: SenderRow) -> Self {
        let count = |stored: i64| u32::try_from(stored).unwrap_or(0);
        Self {
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
        }
    }
}

/// Returns a sender.
pub async fn find(sql: &impl Sql, home: &Home, account: Uuid) -> Result<Option<Sender>, Error> {
    let text = format!("select {} from {} sender where sender.account = $1", SenderRow::COLUMNS, home.sender);
    let row: Option<SenderRow> = sql.row(&text, vec![account.into()]).await?;
    Ok(row.map(Sender::from))
}

/// Stores the next state of a sender, whose budget was told of so many answers.
pub async fn put(tx: &Tx, home: &Home, account: Uuid, state: &SenderState, told_answers: u32) -> Result<(), Error> {
    let text = format!(
        "insert into {sender} (
             account, credit, credit_at, rate_free_at, recent, reply_count, answer_count, report_count, exempt
         )
         values ($1, $2, $3, $4, $5, 0, 0, 0, '')
         on conflict (account) do update
            set credit = excluded.credit,
                credit_at = excluded.credit_at,
                rate_free_at = excluded.rate_free_at,
                recent = excluded.recent,
                answer_count = {sender}.answer_count - $6",
        sender = home.sender
    );
    let values = vec![
        account.into(),
        state.budget.credit.into(),
        state.budget.at.into(),
        state.rate_free_at.into(),
        state.recent.to_bytes().into(),
        i64::from(told_answers).into(),
    ];
    tx.execute(&text, values).await.map(drop)
}

/// Records that a member whom this one reached first has answered.
pub async fn add_answer(tx: &Tx, home: &Home, account: Uuid) -> Result<(), Error> {
    let text = format!(
        "update {}
            set reply_count = reply_count + 1,
                answer_count = answer_count + 1
          where account = $1",
        home.sender
    );
    tx.execute(&text, vec![account.into()]).await.map(drop)
}

/// Exempts a sender from a check. The caller holds the lane of the sender.
pub async fn add_exempt(tx: &Tx, home: &Home, account: Uuid, check: Reason) -> Result<(), Error> {
    let Some(Sender { exempt, .. }) = find(tx, home, account).await? else { return Ok(()) };
    if exempt.split(' ').any(|known| known == check.code()) {
        return Ok(());
    }
    let exempt = format!("{exempt} {}", check.code());
    let text = format!("update {} set exempt = $2 where account = $1", home.sender);
    tx.execute(&text, vec![account.into(), exempt.trim_start().into()]).await.map(drop)
}

/// Removes a sender.
pub async fn remove(tx: &Tx, home: &Home, account: Uuid) -> Result<(), Error> {
    let text = format!("delete from {} where account = $1", home.sender);
    tx.execute(&text, vec![account.into()]).await.map(drop)
}
