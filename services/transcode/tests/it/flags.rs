//! Conversions that operators have turned off wait, and go on when they are on again.

use std::time::Duration;

use contract::media::Kind;
use contract::transcode::Ready;
use db::{FromQueryResult, Sql as _};
use service::{Flag, FlagsState};

use crate::harness::Harness;

#[derive(FromQueryResult)]
struct Count {
    tasks: i64,
}

impl Harness {
    /// Returns the number of tasks in a state.
    async fn tasks(&self, state: &str) -> i64 {
        let text = "select count(*) as tasks from task where state = $1";
        let db = self.world.context("transcode").db.read();
        db.row::<Count>(text, vec![state.into()]).await.unwrap().map_or(0, |count| count.tasks)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_while_conversions_are_off_is_converted_when_they_are_on() {
    let harness = Harness::new().await;
    let photo = harness.make("photo.png", "-f lavfi -i testsrc2=size=64x48 -frames:v 1");
    let flags = &harness.world.process.flags;
    flags.apply(&FlagsState { off: vec![Flag::Conversions.name().to_owned()] });
    let media = harness.upload(&photo, Kind::Photo, "png").await;
    let queued = async || (harness.tasks("ready").await == 1).then_some(());
    harness.world.wait_for("the task is queued", queued).await;
    // Long enough for the ticket to reach a worker, and for the photo to be converted if it did not wait.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!((harness.tasks("ready").await, harness.tasks("claimed").await), (1, 0));
    assert!(harness.published::<Ready>().await.is_empty());
    flags.apply(&FlagsState::default());
    harness.ready(&media).await;
    harness.end().await;
}
