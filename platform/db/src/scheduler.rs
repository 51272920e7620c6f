//! Which writes run at once on PostgreSQL: groups of different lanes, each on a connection of its own.
//!
//! Owns the queue of waiting writes and the choice of groups. A group first takes those of its lanes that are free; a
//! write whose lane another process holds goes back, and then waits for that lane alone, so that it holds up no other.
//! Invariant: of the connections, one never waits for a lane.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use sea_orm::DatabaseConnection;
use tokio::sync::{Notify, mpsc};
use tokio::task::{Id, JoinSet};
use tokio::time::{Instant, sleep_until, timeout};

use super::group_commit::{MAX_GROUP, OpenGroup, run_group};
use super::write_job::WriteJob;
use super::write_queue::{GROUP_TIMEOUT, GroupClock, begin, refuse_all};
use super::{Error, postgres};

/// Writes that are waiting for a group, beside those in the channel.
const MAX_PENDING: usize = 1024;
/// How soon a write asks again for a lane that another process holds, if every connection that may wait already does.
const CONTENDED_PAUSE: Duration = Duration::from_millis(20);

/// PostgreSQL's writing connections.
pub(super) struct Connections {
    pub(super) pool: DatabaseConnection,
    /// How many the pool has.
    pub(super) count: usize,
    /// The number of the schema's lock.
    pub(super) schema_lock: i64,
}

/// How a group gets its locks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Locking {
    /// The schema's own, which excludes every lane.
    All,
    /// Those lanes that are free now; writes of others go back to the queue.
    Free,
    /// All of its lanes, however long another process holds them.
    Wait,
}

/// Writes that run in one transaction.
struct Group {
    jobs: VecDeque<WriteJob>,
    lanes: BTreeSet<i64>,
    locking: Locking,
}

/// What is left of a group: writes that have not run, and those that must run again, in their order.
#[derive(Default)]
struct Ended {
    again: Vec<WriteJob>,
    contended: Vec<WriteJob>,
    left: VecDeque<WriteJob>,
    /// The database can't be reached at all.
    unavailable: Option<Error>,
}

/// A group that runs now.
struct Running {
    lanes: BTreeSet<i64>,
    locking: Locking,
    since: Instant,
}

/// Runs the writes of a queue until it is closed and empty.
pub(super) async fn run(
    connections: Connections,
    mut queue: mpsc::Receiver<WriteJob>,
    outbox: Arc<Notify>,
    clock: GroupClock,
) {
    let mut pending = Pending { jobs: VecDeque::new(), running: HashMap::new(), connections: connections.count.max(1) };
    let mut groups = JoinSet::new();
    let mut open = true;
    while open || !pending.jobs.is_empty() || !groups.is_empty() {
        while let Some(group) = pending.next_group(Instant::now()) {
            let (lanes, locking, since) = (group.lanes.clone(), group.locking, Instant::now());
            let task = groups.spawn(run_one(connections.pool.clone(), connections.schema_lock, group, outbox.clone()));
            pending.running.insert(task.id(), Running { lanes, locking, since });
        }
        clock.set(pending.oldest_if_busy());
        let ask_again = pending.ask_again_at();
        tokio::select! {
            job = queue.recv(), if open && pending.jobs.len() < MAX_PENDING => {
                open = job.is_some();
                pending.jobs.extend(job);
                while pending.jobs.len() < MAX_PENDING && let Ok(job) = queue.try_recv() {
                    pending.jobs.push_back(job);
                }
            }
            Some(ended) = groups.join_next_with_id() => {
                // A group that panicked has dropped its writes, which tells their callers.
                let (id, ended) = ended.map_or_else(|error| (error.id(), Ended::default()), |(id, ended)| (id, ended));
                pending.end(id, ended);
            }
            () = sleep_until(ask_again.unwrap_or_else(Instant::now)), if ask_again.is_some() => {}
        }
    }
    if let Err(error) = connections.pool.close().await {
        tracing::warn!(%error, "the writing connections did not close cleanly");
    }
}

/// The writes that wait, and the groups that run.
struct Pending {
    jobs: VecDeque<WriteJob>,
    running: HashMap<Id, Running>,
    connections: usize,
}

impl Pending {
    /// Returns the next group that can run now, if there is one and a connection is free.
    fn next_group(&mut self, now: Instant) -> Option<Group> {
        self.jobs.retain(|job| !job.is_given_up());
        let free = self.connections.checked_sub(self.running.len()).filter(|free| *free > 0)?;
        if self.running.values().any(|group| group.locking == Locking::All) {
            return None;
        }
        // Other lanes are spread over the free connections, as each write costs round trips of its own. Writes of the
        // same lanes go along: no other connection could take them.
        let share = self.jobs.len().div_ceil(free).clamp(1, MAX_GROUP);
        let waiting = self.running.values().filter(|group| group.locking == Locking::Wait).count();
        let may_wait = waiting < (self.connections - 1).max(1);
        let mut taken: BTreeSet<i64> = self.running.values().flat_map(|group| group.lanes.iter().copied()).collect();
        let (mut picked, mut lanes, mut locking) = (Vec::new(), BTreeSet::new(), Locking::Free);
        let mut of_other_lanes = 0;
        for (index, job) in self.jobs.iter().enumerate() {
            if picked.len() >= MAX_GROUP {
                break;
            }
            let Some(keys) = job.lane.numbers() else {
                // Everything behind it waits for it; it waits for everything before it.
                if self.running.is_empty() && index == picked.len() && (picked.is_empty() || locking == Locking::All) {
                    locking = Locking::All;
                    picked.push(index);
                    continue;
                }
                break;
            };
            let fits = locking == Locking::Free && job.contended_until.is_none_or(|until| until <= now)
                || locking == Locking::Wait && *keys == lanes;
            let begins_wait = job.contended_until.is_some() && may_wait && picked.is_empty();
            let goes_along = !keys.is_empty() && keys.is_subset(&lanes);
            let has_room = goes_along || of_other_lanes < share;
            if locking == Locking::All || !keys.is_disjoint(&taken) || !(fits || begins_wait) || !has_room {
                taken.extend(keys);
                continue;
            }
            of_other_lanes += usize::from(!goes_along);
            if begins_wait {
                locking = Locking::Wait;
            }
            lanes.extend(keys);
            picked.push(index);
        }
        if picked.is_empty() {
            return None;
        }
        let mut jobs = VecDeque::with_capacity(picked.len());
        for index in picked.into_iter().rev() {
            jobs.extend(self.jobs.remove(index));
        }
        // They were taken from the back.
        jobs.make_contiguous().reverse();
        Some(Group { jobs, lanes, locking })
    }

    /// Puts back what is left of a group, before all that came later.
    fn end(&mut self, id: Id, ended: Ended) {
        self.running.remove(&id);
        let contended_until = Instant::now() + CONTENDED_PAUSE;
        for job in ended.left.into_iter().rev() {
            self.jobs.push_front(job);
        }
        for mut job in ended.contended.into_iter().rev() {
            job.contended_until = Some(contended_until);
            self.jobs.push_front(job);
        }
        for job in ended.again.into_iter().rev() {
            self.jobs.push_front(job);
        }
        if let Some(error) = ended.unavailable {
            refuse_all(self.jobs.drain(..), &error);
        }
    }

    /// Returns since when the oldest group runs, if no connection is free.
    fn oldest_if_busy(&self) -> Option<Instant> {
        let is_busy = self.running.len() >= self.connections;
        self.running.values().map(|group| group.since).min().filter(|_| is_busy)
    }

    /// Returns when a write of a contended lane may ask again, if one waits for that.
    fn ask_again_at(&self) -> Option<Instant> {
        let now = Instant::now();
        self.jobs.iter().filter_map(|job| job.contended_until).filter(|until| *until > now).min()
    }
}

/// Opens the transaction of a group, runs it and commits it.
async fn run_one(pool: DatabaseConnection, schema_lock: i64, group: Group, outbox: Arc<Notify>) -> Ended {
    let Group { mut jobs, lanes, locking } = group;
    let mut ended = Ended::default();
    let run = async {
        let transaction = match begin(&pool).await {
            Ok(transaction) => transaction,
            Err(error) => return ended.unavailable = Some(error),
        };
        let locked = match locking {
            Locking::All => postgres::lock_schema(&transaction, schema_lock).await.map(|lock| (lock, BTreeSet::new())),
            Locking::Wait => {
                postgres::lock_lanes(&transaction, schema_lock, &lanes).await.map(|lock| (lock, BTreeSet::new()))
            }
            Locking::Free => postgres::try_lock_lanes(&transaction, schema_lock, &lanes).await,
        };
        let (lock, held_elsewhere) = match locked {
            Ok(locked) => locked,
            Err(error) => return refuse_all(jobs.drain(..), &error),
        };
        let has_lanes = |job: &WriteJob| job.lane.numbers().is_none_or(|keys| keys.is_disjoint(&held_elsewhere));
        let (ready, contended): (Vec<_>, Vec<_>) = jobs.drain(..).partition(has_lanes);
        ended.contended = contended;
        jobs.extend(ready);
        if !jobs.is_empty() {
            let open = OpenGroup { transaction, lock: Some(lock) };
            ended.again = run_group(open, &mut || jobs.pop_front(), &outbox).await;
        }
    };
    // Aborting the group drops its transaction, which rolls it back, and the senders of its callers, which tells them.
    if timeout(GROUP_TIMEOUT, run).await.is_err() {
        tracing::error!("a group of writes was aborted; the database is unresponsive");
    }
    ended.left = jobs;
    ended
}
