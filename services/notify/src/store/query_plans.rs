//! The query plans of this role's queries on both databases: none reads a whole table.

use chrono::Utc;
use contract::AccountId;
use contract::notify::NoticeKind;
use contract::social::{Audience, Posted};
use testkit::{Plan, Plans, World, plans};
use uuid::Uuid;

use super::{
    announcements, dates, fan_outs, history, known, mails, media, people, post_audiences, relations, reminders,
    removed, settings,
};
use crate::history::{Filter, Withdrawn};
use crate::model::RelationKind;

const MEMBER: AccountId = AccountId(Uuid::from_u128(7));
const OTHER: AccountId = AccountId(Uuid::from_u128(8));

fn posted() -> Posted {
    Posted {
        id: Uuid::from_u128(9),
        author: OTHER,
        position: 1,
        audience: Audience::Friends,
        tags: Vec::new(),
        mentions: Vec::new(),
        media: Vec::new(),
        thread: None,
        expires_at: None,
        at: Utc::now(),
    }
}

async fn read_known(sql: &Plans<'_>) -> Result<(), db::Error> {
    let (now, id, subjects) = (Utc::now(), Uuid::nil(), ["a".to_owned(), "b".to_owned()]);
    relations::list(sql, &[MEMBER, OTHER], &[OTHER], now).await?;
    relations::list_silencing(sql, &[MEMBER, OTHER], &[OTHER], now).await?;
    relations::list_ended(sql, &[MEMBER, OTHER], &[OTHER], now).await?;
    relations::list_doubtful(sql, &[MEMBER, OTHER], OTHER, now).await?;
    known::read_told(sql, &known::read_post(sql, &posted()).await?, &[MEMBER, OTHER], now).await?;
    relations::list_members(sql, OTHER, RelationKind::Follow, MEMBER, 50).await?;
    people::list(sql, &[MEMBER, OTHER]).await?;
    people::list_erased(sql, &[MEMBER, OTHER]).await?;
    settings::list(sql, &[MEMBER, OTHER]).await?;
    settings::list_mutes(sql, &[MEMBER, OTHER], &subjects).await?;
    settings::list_mutes_of(sql, MEMBER, "", 50).await?;
    settings::count_mutes(sql, MEMBER).await?;
    removed::list(sql, &subjects).await?;
    post_audiences::list(sql, &[id.to_string()]).await?;
    fan_outs::find(sql, id).await?;
    media::find(sql, "a").await?;
    mails::list_due_members(sql, now, 50).await?;
    mails::list_due(sql, MEMBER, now, 50).await?;
    mails::find_mailed(sql, MEMBER).await?;
    announcements::list_current(sql, now).await?;
    announcements::list(sql, id, 50).await?;
    announcements::list_each(sql, &[id]).await?;
    announcements::count_between(sql, now, now).await?;
    announcements::count_current(sql, now).await?;
    announcements::find_reader(sql, MEMBER).await?;
    announcements::list_marks(sql, MEMBER).await?;
    dates::find(sql, id).await?;
    dates::find_for(sql, id, MEMBER).await?;
    reminders::find(sql, MEMBER, id).await?;
    reminders::list(sql, MEMBER, Uuid::max(), 50).await?;
    reminders::list_due(sql, now, 50).await?;
    reminders::list_about(sql, id, id, 50).await?;
    reminders::list_texts(sql, &[id]).await?;
    reminders::count(sql, MEMBER).await?;
    Ok(())
}

async fn read_history(sql: &Plans<'_>) -> Result<(), db::Error> {
    let (now, id) = (Utc::now(), Uuid::max());
    for kind in [None, Some(NoticeKind::Posted)] {
        for is_unread in [false, true] {
            let filter = Filter { kind, is_unread, is_filtered: false };
            history::list_below(sql, MEMBER, filter, id, 50).await?;
        }
    }
    history::list_above(sql, MEMBER, Uuid::nil(), 50).await?;
    history::list_above_each(sql, &[(MEMBER, Uuid::nil()), (OTHER, id)], 50).await?;
    history::count_of(sql, MEMBER).await?;
    history::last_id_of(sql, MEMBER).await?;
    history::list_members_about(sql, "a", Some(MEMBER), 50).await?;
    history::list_drifts(sql, MEMBER, 50).await?;
    for withdrawn in [
        Withdrawn::Between { member: MEMBER, actor: OTHER },
        Withdrawn::OfActor(OTHER),
        Withdrawn::OfMember(MEMBER),
        Withdrawn::OfSubject("a".to_owned()),
        Withdrawn::About { subject: "a".to_owned(), members: vec![MEMBER, OTHER] },
        Withdrawn::OfEntry("a".to_owned()),
        Withdrawn::Before(now),
    ] {
        history::list_withdrawn(sql, &withdrawn).await?;
    }
    Ok(())
}

#[tokio::test]
async fn every_query_has_an_index() {
    let world = World::of(&[crate::service()]).await;
    let query_plans = plans(&world.context("notify").db, move |sql| {
        Box::pin(async move {
            read_known(sql).await?;
            read_history(sql).await
        })
    })
    .await;
    let uses = |part: &str, index: &str| query_plans.iter().any(|plan| plan.query.contains(part) && plan.uses(index));
    assert!(uses("order by member\n", "relation_other"), "{query_plans:#?}");
    assert!(uses("and notice.kind = $5", "notice_kind"), "{query_plans:#?}");
    assert!(uses("order by due_us, member", "notice_mail_due"), "{query_plans:#?}");
    assert!(uses("where subject = $1", "notice_subject"), "{query_plans:#?}");
    assert!(uses("where id < $1", "notice_id"), "{query_plans:#?}");
    assert!(uses("where entry = $1", "notice_entry_entry"), "{query_plans:#?}");
    // PostgreSQL may as well take the primary key, while the tables are empty.
    let is_unread = |plan: &Plan| plan.query.contains("select read_until") && !plan.query.contains("notice.kind = $5");
    let unread = query_plans.iter().find(|plan| is_unread(plan)).expect("the unread notices are listed");
    assert!(unread.uses("notice_unread") || unread.uses("notice_pkey"), "{unread:#?}");
    world.end().await;
}
