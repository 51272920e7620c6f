//! Refresh tokens: rotation, reuse and idle sessions.

use super::*;
use chrono::TimeDelta;

#[tokio::test]
async fn each_token_is_good_for_one_use() {
    let world = world().await;
    let mut person = sign_up(&world, "ada").await;
    let session = person.session().await;
    for _ in 0..5 {
        world.clock().advance(TimeDelta::minutes(14));
        let next = Person::of(&world, &refresh(&world, &person.refresh).await.expect(200));
        assert_ne!(next.refresh, person.refresh);
        assert_eq!(next.account, person.account);
        assert_eq!(next.session().await, session, "the session stays the same");
        person = next;
    }
    world.end().await;
}

#[tokio::test]
async fn a_token_that_is_used_twice_ends_its_session_and_no_other() {
    let world = world().await;
    let stolen = sign_up(&world, "ada").await;
    let phone = Person::of(&world, &sign_in(&world, "ada", PASSWORD).await.expect(201));
    let next = Person::of(&world, &refresh(&world, &stolen.refresh).await.expect(200));
    world.clock().advance(TimeDelta::seconds(31));
    refresh(&world, &stolen.refresh).await.refused(401, "auth.refresh_reused");
    refresh(&world, &next.refresh).await.refused(401, "auth.invalid_refresh");
    next.member.get("/v1/me").await.refused(401, "auth.session_ended");
    phone.member.get("/v1/me").await.expect(200);
    refresh(&world, &phone.refresh).await.expect(200);
    let metrics = world.process.metrics.text();
    assert!(metrics.contains("tutti_accounts_refreshes_total{outcome=\"reused\"} 1"), "{metrics}");
    world.end().await;
}

#[tokio::test]
async fn reuse_of_a_very_old_token_is_detected() {
    let world = world().await;
    let first = sign_up(&world, "ada").await;
    let mut token = first.refresh.clone();
    for _ in 0..4 {
        world.clock().advance(TimeDelta::days(10));
        token = Person::of(&world, &refresh(&world, &token).await.expect(200)).refresh;
    }
    refresh(&world, &first.refresh).await.refused(401, "auth.refresh_reused");
    refresh(&world, &token).await.refused(401, "auth.invalid_refresh");
    world.end().await;
}

#[tokio::test]
async fn a_lost_response_is_repeated_with_the_same_token() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    let lost = Person::of(&world, &refresh(&world, &ada.refresh).await.expect(200));
    world.clock().advance(TimeDelta::seconds(30));
    let again = Person::of(&world, &refresh(&world, &ada.refresh).await.expect(200));
    assert_eq!(lost.refresh, again.refresh, "two tabs that refresh at once don't end each other's session");
    again.member.get("/v1/me").await.expect(200);
    // Once the successor was used, a further use of the first token means theft, however soon it comes.
    let next = Person::of(&world, &refresh(&world, &again.refresh).await.expect(200));
    refresh(&world, &ada.refresh).await.refused(401, "auth.refresh_reused");
    refresh(&world, &next.refresh).await.refused(401, "auth.invalid_refresh");
    world.end().await;
}

#[tokio::test]
async fn many_tabs_at_once_get_one_successor() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    let tabs: Vec<_> = (0..16)
        .map(|_| {
            let (anonymous, body) = (world.anonymous(), json!({"refresh_token": ada.refresh}));
            tokio::spawn(async move {
                anonymous.post("/v1/sessions/refresh", &body).await.expect(200).json()["refresh_token"].clone()
            })
        })
        .collect();
    let mut successors = Vec::new();
    for tab in tabs {
        successors.push(tab.await.unwrap());
    }
    successors.dedup();
    assert_eq!(successors.len(), 1);
    refresh(&world, successors[0].as_str().unwrap()).await.expect(200);
    world.end().await;
}

#[tokio::test]
async fn malformed_and_guessed_tokens_end_no_session() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    for wrong in ["", "x", &"A".repeat(64), &"A".repeat(10_000), ada.member.token().unwrap()] {
        refresh(&world, wrong).await.refused(401, "auth.invalid_refresh");
    }
    // The secret alone, without the family's id.
    let guess = format!("{}{}", "A".repeat(22), &ada.refresh[22..]);
    refresh(&world, &guess).await.refused(401, "auth.invalid_refresh");
    world.anonymous().post("/v1/sessions/refresh", &json!({})).await.refused(422, "request.invalid");
    refresh(&world, &ada.refresh).await.expect(200);
    world.end().await;
}

#[tokio::test]
async fn an_idle_session_ends_and_is_removed() {
    let world = builder()
        .set("accounts.session_idle_days=3")
        .set("accounts.maintenance_seconds=1")
        .start(&[accounts::service()])
        .await;
    let idle = sign_up(&world, "ada").await;
    let busy = Person::of(&world, &sign_in(&world, "ada", PASSWORD).await.expect(201));
    world.clock().advance(TimeDelta::days(2));
    let busy = Person::of(&world, &refresh(&world, &busy.refresh).await.expect(200));
    world.clock().advance(TimeDelta::days(1));
    refresh(&world, &idle.refresh).await.refused(401, "auth.invalid_refresh");
    let busy = Person::of(&world, &refresh(&world, &busy.refresh).await.expect(200));
    assert_eq!(busy.member.get("/v1/sessions").await.expect(200).json()["items"].as_array().unwrap().len(), 1);
    world
        .wait_for("the idle session's row is removed", async || (session_count(&world).await == 1).then_some(()))
        .await;
    world.end().await;
}

/// Returns the number of rows in `session`.
async fn session_count(world: &World) -> i64 {
    #[derive(db::FromQueryResult)]
    struct Count {
        count: i64,
    }
    let row: Option<Count> =
        db::Sql::row(world.context("accounts").db.read(), "select count(*) as count from session", vec![])
            .await
            .unwrap();
    row.unwrap().count
}

#[tokio::test]
async fn a_restart_ends_no_session() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    let folder = world.crash().await;
    let world = builder().in_folder(folder).start(&[accounts::service()]).await;
    let ada = Person::of(&world, &refresh(&world, &ada.refresh).await.expect(200));
    ada.member.get("/v1/me").await.expect(200);
    world.end().await;
}
