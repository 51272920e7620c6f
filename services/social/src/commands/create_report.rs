//! Reporting a post, a comment or a member.
//!
//! Invariant: a member reports what they may see, and accounts also beyond a block, and has one open report of a thing
//! at most.

use contract::moderation::{self, Evidence};
use contract::social::talk::{ReportState, Reported};
use db::Lane;
use uuid::Uuid;

use crate::error::Error;
use crate::model::budget::{Act, rest_of_hour};
use crate::model::{NewReport, Person, Report};
use crate::state::Social;
use crate::store::{budgets, people, reports};

/// Keeps a report for the moderation queue and returns its id. `owner` is the person whose the thing is, which the
/// member may report, and `evidence` what it is now.
pub(crate) async fn create_report(
    social: &Social,
    reporter: Person,
    owner: Person,
    new: NewReport,
    evidence: Evidence,
) -> Result<Uuid, Error> {
    if reporter.number == owner.number {
        return Err(Error::Yourself);
    }
    let (now, max) = (social.context.clock.now(), social.config.max_reports_per_hour);
    let id = social.context.random.uuid_v7(now);
    social
        .context
        .db
        .write(Lane::of(&reporter.account), async move |tx| {
            for account in [reporter.account, owner.account] {
                if people::is_erased(tx, account).await? {
                    return Err(Error::NoSuchPerson);
                }
            }
            let report = Report {
                id,
                reporter: reporter.number,
                owner: owner.number,
                new,
                state: ReportState::Open,
                decision: None,
                created_at: now,
                closed_at: None,
            };
            if !reports::insert(tx, &report).await? {
                return Err(Error::ReportedAlready);
            }
            if !budgets::take(tx, reporter.number, Act::Report, max, now).await? {
                return Err(Error::TooOften { max, wait: rest_of_hour(now) });
            }
            let event = Reported {
                id,
                kind: report.new.kind,
                object: report.new.object,
                owner: owner.account,
                reporter: reporter.account,
                reason: report.new.reason,
                at: now,
            };
            tx.publish(&event, now)?;
            let for_moderators = moderation::Reported {
                id,
                thing: report.new.thing(),
                owner: owner.account,
                reporter: reporter.account,
                reason: report.new.reason,
                text: report.new.text,
                evidence,
                at: now,
            };
            Ok(tx.publish(&for_moderators, now)?)
        })
        .await?;
    Ok(id)
}
