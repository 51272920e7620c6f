//! Reads that need more than one call of the store, or the names of accounts.
//!
//! Invariant: while accounts does not respond, cases are listed without names.

use std::collections::{BTreeSet, HashMap};

use contract::AccountId;
use contract::accounts::{FindAccounts, MAX_ACCOUNTS_PER_QUERY};
use db::Sql;
use uuid::Uuid;

use crate::error::Error;
use crate::model::{AppealState, Case, CaseState, DecisionRow, QueuePlace};
use crate::state::Moderation;
use crate::store::reports::CaseReport;
use crate::store::{cases, decisions, reports};

/// The most reports that a case shows.
const MAX_REPORTS: usize = 50;
/// The most earlier decisions about a member that a case shows.
const MAX_HISTORY: usize = 20;
/// Open cases among which those like one are searched.
const MAX_CANDIDATES: usize = 2_000;
/// The most cases like one that are found.
pub(crate) const MAX_LIKE: usize = 50;

/// Handles, by account.
pub(crate) type Handles = HashMap<AccountId, String>;

/// A case with what a moderator needs to decide about it.
pub(crate) struct CaseDetail {
    /// The case.
    pub case: Case,
    /// The newest reports.
    pub reports: Vec<CaseReport>,
    /// Earlier decisions about its owner, the newest first.
    pub history: Vec<DecisionRow>,
    /// The decision about it, or, of an appeal, about the appeal.
    pub decision: Option<DecisionRow>,
    /// What an appeal is against; the verdict, if a check holds it.
    pub appealed: Option<DecisionRow>,
    /// The handles of those who are named.
    pub handles: Handles,
}

/// A decision against a member, with the appeal against it.
pub(crate) struct OwnDecision {
    /// The decision.
    pub row: DecisionRow,
    /// The appeal against it.
    pub appeal: Option<OwnAppeal>,
}

/// An appeal of a member's.
pub(crate) struct OwnAppeal {
    /// How far it is.
    pub state: AppealState,
    /// Its case.
    pub case: Case,
    /// What the moderator who has decided about it says; may be empty.
    pub answer: String,
}

/// Refuses a moderator whom a case concerns: it is about them, they have reported it, or it is an appeal against a
/// decision of theirs, or about what they have reported.
pub(crate) async fn check_party(sql: &impl Sql, case: &Case, by: AccountId) -> Result<(), Error> {
    let appealed = match &case.appeal {
        Some(appeal) => decisions::find(sql, appeal.decision).await?,
        None => None,
    };
    let appealed_case = appealed.as_ref().and_then(|row| row.case).unwrap_or(case.id);
    let has_reported = reports::has_reported(sql, by, (case.id, appealed_case)).await?;
    case.check_party(by, appealed.and_then(|row| row.decided_by), has_reported)
}

/// Returns a page of the queue with the handles of those who are named, and the cursor of the next page.
pub(crate) async fn list(
    moderation: &Moderation,
    state: CaseState,
    after: QueuePlace,
    size: usize,
) -> Result<(Vec<Case>, Handles, Option<String>), Error> {
    let mut found = cases::list(moderation.context.db.read(), state, after, size + 1).await?;
    let has_more = found.len() > size;
    found.truncate(size);
    let next = found.last().filter(|_| has_more).map(|last| last.place().to_string());
    let handles = find_handles(moderation, found.iter().flat_map(named).collect()).await;
    Ok((found, handles, next))
}

/// Returns a case with its reports, and what was decided about its owner before.
pub(crate) async fn find(moderation: &Moderation, id: Uuid) -> Result<CaseDetail, Error> {
    let sql = moderation.context.db.read();
    let case = cases::find(sql, id).await?.ok_or(Error::NoSuchCase)?;
    let reports = reports::list(sql, id, MAX_REPORTS).await?;
    let mut history = decisions::list_adverse(sql, case.owner, Uuid::max(), MAX_HISTORY).await?;
    // Of what a check holds, the verdict is no earlier decision.
    history.retain(|row| row.id != id);
    let decision = decisions::find_of_case(sql, id).await?;
    let appealed = match &case.appeal {
        Some(appeal) => decisions::find(sql, appeal.decision).await?,
        None if case.is_held => decisions::find(sql, id).await?.filter(DecisionRow::is_automatic),
        None => None,
    };
    let people = named(&case).into_iter().chain(reports.iter().map(|report| report.reporter));
    let deciders = history.iter().chain(&decision).chain(&appealed).filter_map(|row| row.decided_by);
    let handles = find_handles(moderation, people.chain(deciders).collect()).await;
    Ok(CaseDetail { case, reports, history, decision, appealed, handles })
}

/// Returns the open cases like one: of the same account, or with a text that is alike.
pub(crate) async fn list_like(moderation: &Moderation, id: Uuid) -> Result<(Vec<Case>, Handles), Error> {
    let sql = moderation.context.db.read();
    let case = cases::find(sql, id).await?.ok_or(Error::NoSuchCase)?;
    let candidates = cases::list_candidates(sql, id, MAX_CANDIDATES).await?;
    let like = candidates.iter().filter(|candidate| case.is_like(candidate.owner, candidate.fingerprint));
    let ids: Vec<Uuid> = like.take(MAX_LIKE).map(|candidate| candidate.id).collect();
    let mut found = cases::list_of(sql, &ids).await?;
    found.sort_by_key(|case| case.id);
    let handles = find_handles(moderation, found.iter().flat_map(named).collect()).await;
    Ok((found, handles))
}

/// Returns a page of the decisions against a member, each with its appeal, and the cursor of the next page.
pub(crate) async fn list_own(
    sql: &impl Sql,
    member: AccountId,
    before: Uuid,
    size: usize,
) -> Result<(Vec<OwnDecision>, Option<String>), Error> {
    let mut rows = decisions::list_adverse(sql, member, before, size + 1).await?;
    let has_more = rows.len() > size;
    rows.truncate(size);
    let next = rows.last().filter(|_| has_more).map(|last| last.id.to_string());
    Ok((with_appeals(sql, rows).await?, next))
}

/// Returns a decision against a member.
pub(crate) async fn find_own(sql: &impl Sql, member: AccountId, id: Uuid) -> Result<OwnDecision, Error> {
    let found = decisions::find(sql, id).await?;
    let row = found.filter(|row| row.owner == member && row.decision.action.is_adverse());
    let rows = row.map(|row| vec![row]).ok_or(Error::NoSuchDecision)?;
    with_appeals(sql, rows).await?.pop().ok_or(Error::NoSuchDecision)
}

async fn with_appeals(sql: &impl Sql, rows: Vec<DecisionRow>) -> Result<Vec<OwnDecision>, Error> {
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let appeals = cases::list_appeals(sql, &ids).await?;
    let cases: Vec<Uuid> = appeals.iter().map(|case| case.id).collect();
    let statements = decisions::list_statements(sql, &cases).await?;
    let mut answers: HashMap<Uuid, String> =
        statements.into_iter().map(|about| (about.case_id, about.statement)).collect();
    let mut by_decision: HashMap<Uuid, Case> =
        appeals.into_iter().filter_map(|case| Some((case.appeal.as_ref()?.decision, case))).collect();
    let own = |row: DecisionRow| {
        let appeal = by_decision.remove(&row.id).map(|case| {
            let state = match (case.state, row.overturned_at) {
                (CaseState::Open, _) => AppealState::Open,
                (CaseState::Decided, Some(_)) => AppealState::Overturned,
                (CaseState::Decided, None) => AppealState::Upheld,
            };
            OwnAppeal { state, answer: answers.remove(&case.id).unwrap_or_default(), case }
        });
        OwnDecision { row, appeal }
    };
    Ok(rows.into_iter().map(own).collect())
}

/// Returns those whom a case names.
fn named(case: &Case) -> Vec<AccountId> {
    [case.owner].into_iter().chain(case.claim.map(|claim| claim.by)).collect()
}

/// Asks accounts for handles. Accounts that are gone have none.
async fn find_handles(moderation: &Moderation, accounts: Vec<AccountId>) -> Handles {
    let names: Vec<String> = accounts.into_iter().collect::<BTreeSet<_>>().iter().map(ToString::to_string).collect();
    let mut handles = Handles::new();
    for chunk in names.chunks(MAX_ACCOUNTS_PER_QUERY) {
        match moderation.context.peers.ask(&FindAccounts(chunk.to_vec())).await {
            Ok(found) => {
                let found = found.unwrap_or_default().into_iter().map(|found| found.profile);
                handles.extend(found.map(|profile| (profile.account, profile.handle)));
            }
            Err(error) => {
                tracing::warn!(%error, "the names of accounts could not be read");
                break;
            }
        }
    }
    handles
}
