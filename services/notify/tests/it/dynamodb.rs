//! The role with its notices in a table of DynamoDB. What the engine promises is tested beside it (`src/dynamodb`).

use contract::accounts::Erased;
use http::Method;
use serde_json::json;
use testkit::engines::{DynamoDb, DynamoDbServer};

use crate::fixtures::{follow, publish_all, react, world_with};
use crate::happenings::{account, exact, kinds};

#[tokio::test]
async fn notices_in_a_table_are_listed_marked_removed_and_erased() {
    let server = DynamoDb::start(DynamoDbServer::MiniStack);
    let (world, [ada, bob, eve]) = world_with(&server.settings("notices"), ["ada", "bob", "eve"]).await;
    let context = world.context("notify");
    let table = notify::create_table(&context.config, &context.random).await.unwrap().unwrap();
    assert_eq!((table.name.as_str(), table.is_created), ("notices", true));
    assert_eq!(notify::check_table(&context.config, &context.random).await.unwrap().unwrap().fault, None);

    for actor in [&bob, &eve] {
        follow(&world, actor, &ada).await;
        react(&world, actor, &ada, 7).await;
        react(&world, actor, &ada, 7).await;
    }
    let list = exact(&world, &ada).await;
    assert_eq!(
        (kinds(&list), &list["items"][0]["count"], &list["unread"]),
        (vec!["reacted", "followed"], &json!(2), &json!(2))
    );
    let marked = json!({"ids": [list["items"][0]["id"]]});
    ada.post("/v1/notifications/read", &marked).await.expect(200);
    assert_eq!(exact(&world, &ada).await["unread"], 1);
    let path = format!("/v1/notifications/{}", list["items"][1]["id"].as_str().unwrap());
    ada.send(ada.request(Method::DELETE, &path)).await.expect(204);
    assert_eq!(exact(&world, &ada).await["items"].as_array().unwrap().len(), 1);

    let at = world.clock().now();
    publish_all(&world, &[Erased { account: account(&bob), handle: "bob".into(), at }]).await;
    assert_eq!(exact(&world, &ada).await["items"][0]["count"], 1, "eve is left");
    publish_all(&world, &[Erased { account: account(&ada), handle: "ada".into(), at }]).await;
    assert_eq!(exact(&world, &ada).await["items"], json!([]));
    world.end().await;
}
