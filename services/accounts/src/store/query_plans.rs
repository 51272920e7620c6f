//! The query plans of this role's queries on both databases: none reads a whole table.

use contract::accounts::AccountState;
use contract::{AccountId, MediaId};
use screening_store::{senders, texts, verdicts as screened};
use testkit::{World, plans};
use uuid::Uuid;

use super::account_pages::AccountsFilter;
use super::verdicts::HOME;
use super::{
    account_pages, account_rules, accounts, addresses, api_keys, audit, ended_sessions, exports, factors, flags,
    handle_skeletons, known_networks, mailed_codes, profile_changes, recovery_codes, sanctions, sessions, sign_ins,
    team_keys,
};
use crate::model::{AuditFilter, Purpose, Whereabouts};
use crate::tokens::RefreshToken;

#[tokio::test]
async fn every_query_has_an_index() {
    let world = World::builder().with_real_accounts().start(&[crate::service()]).await;
    let now = world.clock().now();
    let query_plans = plans(&world.context("accounts").db, move |sql| {
        Box::pin(async move {
            let id = AccountId(Uuid::nil());
            sessions::list(sql, id, now, Uuid::max(), 50).await?;
            sessions::find_replaced_token(sql, Uuid::nil()).await?;
            sessions::find_family(sql, &RefreshToken::new([1; 16], [2; 32])).await?;
            accounts::find_credentials(sql, accounts::LoginName::Handle("ada")).await?;
            accounts::find_credentials(sql, accounts::LoginName::Email("ada@example.org")).await?;
            accounts::find(sql, "ada").await?;
            accounts::find_by_id(sql, id).await?;
            accounts::find_by_avatar(sql, &MediaId::random()).await?;
            accounts::find_current_session(sql, id, Uuid::nil()).await?;
            accounts::find_password(sql, id).await?;
            handle_skeletons::is_taken(sql, "ada").await?;
            handle_skeletons::list_unfilled(sql, id, 10).await?;
            for state in [None, Some(AccountState::Active), Some(AccountState::Banned)] {
                let filter = AccountsFilter { prefix: "ad", state: state.map(|state| (state, now)) };
                account_pages::list(sql, filter, "ada", 10).await?;
            }
            account_pages::list_with_roles(sql, id, 10).await?;
            ended_sessions::list(sql, now, 10).await?;
            exports::find(sql, Uuid::nil()).await?;
            exports::list(sql, id, Uuid::max(), 10).await?;
            exports::list_other_ready(sql, id, Uuid::nil()).await?;
            exports::list_due(sql, now, 10).await?;
            account_rules::list(sql, now, Uuid::nil(), 10).await?;
            api_keys::list(sql, id, 10).await?;
            api_keys::find(sql, "hash", now).await?;
            api_keys::find_made(sql, id, &[1], now).await?;
            team_keys::list(sql, 10).await?;
            team_keys::find(sql, "hash", now).await?;
            team_keys::find_made(sql, id, &[1], now).await?;
            sanctions::list(sql, id, Uuid::max(), 10).await?;
            sanctions::list_ended(sql, now, 10).await?;
            sanctions::exists(sql, Uuid::nil()).await?;
            sanctions::is_in_force(sql, Uuid::nil()).await?;
            audit::find_last(sql).await?;
            senders::find(sql, &HOME, Uuid::nil()).await?;
            texts::count_known_domains(sql, &HOME, &["a".to_owned()], now).await?;
            screened::list(sql, &HOME, Uuid::nil(), Uuid::max(), 10).await?;
            screened::list_refusal_times(sql, &HOME, Uuid::nil(), 10).await?;
            audit::list_from(sql, 0, 10).await?;
            audit::has_hash(sql, "x").await?;
            for who in [None, Some("ada".to_owned()), Some(Uuid::nil().to_string())] {
                let filter = AuditFilter { who, ..AuditFilter::default() };
                audit::list(sql, &filter, 10, 10).await?;
            }
            let open = AuditFilter::default();
            audit::list(sql, &AuditFilter { action: Some("x".into()), ..open.clone() }, 10, 10).await?;
            audit::list(sql, &AuditFilter { on: Some("x".into()), ..open.clone() }, 10, 10).await?;
            audit::list(sql, &AuditFilter { since: Some(now), until: Some(now), ..open }, 10, 10).await?;
            known_networks::find(sql, id, &vec![1], now).await?;
            known_networks::list_knowing(sql, &[(id, vec![1]), (id, vec![2])], now).await?;
            addresses::find_owner(sql, "ada@example.org").await?;
            addresses::is_used(sql, "ada@example.org").await?;
            mailed_codes::find_by_link(sql, &[1], now).await?;
            mailed_codes::find_by_short_code(sql, id, &[1], now).await?;
            mailed_codes::list_addresses(sql, id).await?;
            mailed_codes::list_recent(sql, id, Purpose::ResetPassword, now).await?;
            let from = Whereabouts { device: "Phone".into(), network: "unknown".into() };
            sign_ins::familiarity(sql, id, &from).await?;
            sign_ins::list(sql, id, Uuid::max(), 50, now).await?;
            flags::find(sql, "uploads").await?;
            factors::list(sql, id).await?;
            factors::list_apps(sql, id).await?;
            factors::list_credentials(sql, id).await?;
            factors::find_passkey(sql, &[1]).await?;
            factors::find_pending(sql, id, Uuid::nil(), now).await?;
            profile_changes::find_last(sql, id).await?;
            recovery_codes::count(sql, id).await?;
            recovery_codes::contains(sql, id, &[1]).await?;
            Ok(())
        })
    })
    .await;
    assert!(query_plans.first().is_some_and(|plan| plan.uses("session_account")), "{query_plans:#?}");
    // By the key it would read every account to find the few that have a role.
    assert!(query_plans.iter().any(|plan| plan.uses("account_with_roles")), "{query_plans:#?}");
    world.end().await;
}
