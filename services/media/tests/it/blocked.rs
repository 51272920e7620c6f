//! Files that moderators have refused for everyone.

use bus::Envelope;
use contract::moderation::{Action, Decided, Overturned, Thing};
use contract::social::talk::ReportReason;
use contract::{AccountId, Event, MediaId};
use testkit::World;
use uuid::Uuid;

use crate::fixtures::{png, send};

async fn publish<E: Event>(world: &World, event: &E) {
    let payload = serde_json::to_string(event).unwrap();
    let event = Envelope { id: base::Random::system().id(), subject: E::SUBJECT.into(), payload };
    world.process.bus.engine().publish(&[event]).await.unwrap();
    world.settle().await;
}

#[tokio::test]
async fn a_file_that_moderators_refuse_is_accepted_again_after_an_appeal_only() {
    let world = World::of(&[media::service()]).await;
    let (ada, bob) = (world.ada(), world.bob());
    let photo = || png(12, 34, 3000, 1);
    let item = send(&ada, "", "image/png", photo()).await.expect(201).json();
    let item: MediaId = item["id"].as_str().unwrap().parse().unwrap();
    let decided = |number: u128| Decided {
        id: Uuid::from_u128(number),
        case: Uuid::from_u128(1),
        thing: Thing { role: "social".into(), kind: "post".into(), id: "p1".into() },
        owner: AccountId(ada.id),
        action: Action::Remove,
        reason: ReportReason::Nudity,
        statement: "Not here.".into(),
        until: None,
        removes: true,
        blocked_media: vec![item.clone()],
        by: AccountId(Uuid::from_u128(2)),
        at: world.clock().now(),
    };
    let end_of = |decided: &Decided| Overturned {
        id: decided.id,
        thing: decided.thing.clone(),
        owner: decided.owner,
        action: decided.action,
        check: None,
        unblocked_media: decided.blocked_media.clone(),
        by: decided.by,
        at: decided.at,
    };
    let (first, second) = (decided(10), decided(11));
    publish(&world, &first).await;
    publish(&world, &second).await;
    publish(&world, &first).await;
    send(&bob, "", "image/png", photo()).await.refused(422, "media.blocked");
    send(&bob, "", "image/png", png(12, 34, 3000, 2)).await.expect(201);
    let url = format!("/v1/media/{item}");
    let withheld = async || ada.get(&url).await.expect(200).json()["withheld"]["verdict"].clone();
    assert_eq!(withheld().await, first.id.to_string());

    publish(&world, &end_of(&first)).await;
    send(&bob, "", "image/png", photo()).await.refused(422, "media.blocked");
    assert_eq!(withheld().await, second.id.to_string(), "the other decision names it too");
    publish(&world, &end_of(&second)).await;
    publish(&world, &second).await;
    send(&bob, "", "image/png", photo()).await.expect(201);
    assert_eq!(withheld().await, serde_json::Value::Null);
    world.end().await;
}
