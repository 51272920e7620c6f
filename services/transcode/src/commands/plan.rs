//! Stores an item's plan.

use contract::MediaId;

use super::{find_open, lanes};
use crate::error::Error;
use crate::fair_queue::enqueue;
use crate::model::{Plan, Task};
use crate::state::Worker;
use crate::store::{self, KnownProperties};

/// Stores the plan and enqueues the tasks that playback starts with. Does nothing if the probe is complete already.
pub(crate) async fn plan(worker: &Worker, media: &MediaId, plan: Plan) -> Result<(), Error> {
    let (media, now) = (media.clone(), worker.context.clock.now());
    worker
        .context
        .db
        .write(lanes::item_and_queue(&media), async move |tx| {
            let mut job = find_open(tx, &media).await?;
            if !store::mark_done(tx, &media, Task::Probe, now).await? {
                return Ok::<_, Error>(());
            }
            let known = KnownProperties {
                width: plan.video.as_ref().map(|video| video.width),
                height: plan.video.as_ref().map(|video| video.height),
                duration_ms: Some(plan.duration_us / 1000),
            };
            store::set_plan(tx, &media, &plan, known, now).await?;
            let tasks = plan.tasks();
            store::insert_tasks(tx, &media, &tasks, now).await?;
            job.plan = Some(plan.clone());
            let opening = plan.opening();
            for task in tasks.into_iter().filter(|(task, _)| opening.contains(task)) {
                enqueue(tx, &job, task, 0, now).await?;
            }
            Ok(())
        })
        .await?;
    worker.permits.wake();
    Ok(())
}
