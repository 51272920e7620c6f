//! Which tasks of an item are enqueued next.
//!
//! Does not own their order among those of other items (`fair_queue`). Invariant: at most [`WINDOW`] tasks of one item
//! are ready or running at once, so a long item and a short one of the same member alternate.

use super::{Task, TaskRecord, TaskState};

/// How many tasks of one item may be ready or running at once. The next ones follow as these complete.
const WINDOW: usize = 8;

/// Returns the waiting tasks that can be enqueued now, in order: none before playback can start (`playable`) or the
/// first task of the video is complete, and then as many as the window has room for.
pub(crate) fn next(tasks: &[TaskRecord], playable: bool) -> impl Iterator<Item = &TaskRecord> {
    let is_first = |record: &TaskRecord| matches!(record.task, Task::First | Task::Copy);
    let opened = playable || tasks.iter().any(|record| is_first(record) && record.state == TaskState::Done);
    let in_flight = tasks.iter().filter(|record| matches!(record.state, TaskState::Ready | TaskState::Claimed)).count();
    let room = if opened { WINDOW.saturating_sub(in_flight) } else { 0 };
    tasks.iter().filter(|record| record.state == TaskState::Waiting).take(room)
}

/// Returns whether a task is a chunk. Chunks stay in their order, for viewers who watch while they arrive: a short last
/// one does not overtake those before it.
pub(crate) fn is_ordered(task: Task) -> bool {
    matches!(task, Task::Chunk(_))
}

/// Returns the `due` that a further chunk must not precede; 0 without chunks.
pub(crate) fn last_ordered_due(tasks: &[TaskRecord]) -> i64 {
    tasks.iter().filter(|record| is_ordered(record.task)).map(|record| record.due).max().unwrap_or(0)
}

/// Returns whether every task is complete and only `Finish` has not been created yet.
pub(crate) fn lacks_finish(tasks: &[TaskRecord]) -> bool {
    tasks.iter().all(|record| record.state == TaskState::Done && record.task != Task::Finish)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(task: Task, state: TaskState) -> TaskRecord {
        TaskRecord { task, state, weight: 1, permille: 0, due: 7 }
    }

    fn numbers(tasks: &[TaskRecord], playable: bool) -> Vec<Task> {
        next(tasks, playable).map(|record| record.task).collect()
    }

    #[test]
    fn later_tasks_wait_until_a_player_can_start_or_the_first_one_is_complete() {
        let mut tasks = vec![
            record(Task::First, TaskState::Claimed),
            record(Task::Poster, TaskState::Waiting),
            record(Task::Chunk(1), TaskState::Waiting),
        ];
        assert_eq!(numbers(&tasks, false), []);
        assert_eq!(numbers(&tasks, true), [Task::Poster, Task::Chunk(1)]);
        tasks[0].state = TaskState::Done;
        assert_eq!(numbers(&tasks, false), [Task::Poster, Task::Chunk(1)]);
    }

    #[test]
    fn an_item_has_only_so_many_tasks_in_flight() {
        let mut tasks: Vec<TaskRecord> =
            (0..20).map(|number| record(Task::Chunk(number), TaskState::Waiting)).collect();
        assert_eq!(numbers(&tasks, true).len(), WINDOW);
        tasks[0].state = TaskState::Claimed;
        tasks[1].state = TaskState::Ready;
        tasks[2].state = TaskState::Done;
        assert_eq!(numbers(&tasks, true), [3, 4, 5, 6, 7, 8].map(Task::Chunk));
        assert_eq!((last_ordered_due(&tasks), last_ordered_due(&[])), (7, 0));
    }

    #[test]
    fn finish_is_created_once_and_after_everything_else() {
        let mut tasks = vec![record(Task::Audio, TaskState::Done), record(Task::Poster, TaskState::Ready)];
        assert!(!lacks_finish(&tasks));
        tasks[1].state = TaskState::Done;
        assert!(lacks_finish(&tasks));
        tasks.push(record(Task::Finish, TaskState::Done));
        assert!(!lacks_finish(&tasks));
    }
}
