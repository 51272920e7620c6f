//! Verdicts about display names, bios and links.

use super::*;
use bus::Envelope;
use contract::Event;
use contract::moderation::{Action, Overturned, Screened};
use testkit::fake_role;

#[tokio::test]
async fn a_profile_that_hides_a_link_is_refused_and_an_appeal_that_is_won_lets_it_pass() {
    let world = world().await;
    let moderation = fake_role("moderation").records::<Screened>();
    moderation.join(&world).await;
    let ada = sign_up(&world, "ada").await;
    let edit = async |body: Value| ada.member.patch("/v1/me", &body).await;
    let shortened = json!({"display_name": "Ada", "links": ["https://bit.ly/abc"]});
    let refused = edit(shortened.clone()).await.refused(403, "accounts.profile_refused").json();
    assert_eq!((&refused["reason"], &refused["can_appeal"]), (&json!("screening.shortener"), &json!(true)));
    let named = edit(json!({"display_name": "Win at prizes.com"})).await.refused(403, "accounts.profile_refused");
    assert_eq!(named.json()["reason"], "screening.link_in_name");
    // A new account without a confirmed address puts no links into its bio, which needs no moderator to end.
    let linked = edit(json!({"bio": "all my songs: https://example.org/ada"})).await;
    let linked = linked.refused(403, "accounts.profile_refused").json();
    assert_eq!((&linked["reason"], &linked["can_appeal"]), (&json!("screening.unconfirmed"), &json!(false)));
    let own = ada.member.get("/v1/me").await.expect(200).json();
    assert_eq!((&own["display_name"], &own["bio"], &own["links"]), (&json!("ada"), &json!(""), &json!([])));
    // The list of links shows where each leads.
    edit(json!({"bio": "I sing in the choir.", "links": ["https://example.org/ada"]})).await.expect(200);

    world.settle().await;
    let screened = moderation.events::<Screened>();
    assert_eq!(screened.len(), 2, "what can be appealed");
    let told = &screened[0];
    assert_eq!((json!(told.id), json!(told.thing.id)), (refused["verdict"].clone(), refused["verdict"].clone()));
    assert_eq!((told.thing.role.as_str(), told.thing.kind.as_str(), told.is_held), ("accounts", "bio", false));
    assert_eq!(told.evidence.text, "https://bit.ly/abc");
    let overturned = Overturned {
        id: told.id,
        thing: told.thing.clone(),
        owner: told.owner,
        action: Action::Screened,
        check: Some(told.check.clone()),
        unblocked_media: Vec::new(),
        by: told.owner,
        at: told.at,
    };
    let payload = serde_json::to_string(&overturned).unwrap();
    let event = Envelope { id: "overturned".into(), subject: Overturned::SUBJECT.into(), payload };
    world.process.bus.engine().publish(&[event]).await.unwrap();
    world.settle().await;
    assert_eq!(edit(shortened).await.expect(200).json()["links"], json!(["https://bit.ly/abc"]));
    world.end().await;
}
