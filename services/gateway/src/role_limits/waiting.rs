//! Requests that wait for a role, by what they are worth.
//!
//! Invariants: there are never more than a number of them; a request makes room only for one that is worth more.

use std::collections::VecDeque;

use tokio::sync::oneshot;

/// The most requests that wait for one role.
const MAX_WAITING: usize = 8192;
/// How many worths there are.
const WORTHS: usize = 4;

/// What a request is worth. Under load, the first are refused first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Worth {
    /// Without a token, of an operation that takes long.
    AnonymousExpensive,
    /// Without a token.
    AnonymousCheap,
    /// Of a member, of an operation that takes long.
    MemberExpensive,
    /// Of a member.
    MemberCheap,
}

impl Worth {
    pub(super) const ALL: [Self; WORTHS] =
        [Self::AnonymousExpensive, Self::AnonymousCheap, Self::MemberExpensive, Self::MemberCheap];

    pub(super) fn of(is_member: bool, is_expensive: bool) -> Self {
        match (is_member, is_expensive) {
            (false, true) => Self::AnonymousExpensive,
            (false, false) => Self::AnonymousCheap,
            (true, true) => Self::MemberExpensive,
            (true, false) => Self::MemberCheap,
        }
    }

    pub(super) fn is_member(self) -> bool {
        self >= Self::MemberExpensive
    }

    /// Returns the value of a metric's label.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::AnonymousExpensive => "anonymous_expensive",
            Self::AnonymousCheap => "anonymous",
            Self::MemberExpensive => "member_expensive",
            Self::MemberCheap => "member",
        }
    }
}

/// The requests that wait, oldest first within a worth. `T` is what each of them waits for.
#[derive(Debug)]
pub(super) struct Waiting<T> {
    queues: [VecDeque<oneshot::Sender<T>>; WORTHS],
}

impl<T> Default for Waiting<T> {
    fn default() -> Self {
        Self { queues: std::array::from_fn(|_| VecDeque::new()) }
    }
}

impl<T> Waiting<T> {
    /// Adds a request, and returns where it will receive what it waits for. Where the maximum waits, the last of those
    /// that are worth least makes room; `None` if none is worth less than this one.
    pub(super) fn add(&mut self, worth: Worth) -> Option<oneshot::Receiver<T>> {
        if self.len() >= MAX_WAITING {
            self.queues.iter_mut().for_each(remove_first_closed);
        }
        if self.len() >= MAX_WAITING {
            let lesser = self.queues.iter_mut().take(worth as usize).find(|queue| !queue.is_empty())?;
            // Its request sees the sender dropped.
            lesser.pop_back();
        }
        let (sender, receiver) = oneshot::channel();
        self.queues.get_mut(worth as usize)?.push_back(sender);
        Some(receiver)
    }

    /// Takes the oldest request of a worth that still waits.
    pub(super) fn take(&mut self, worth: Worth) -> Option<oneshot::Sender<T>> {
        let queue = self.queues.get_mut(worth as usize)?;
        while let Some(sender) = queue.pop_front() {
            if !sender.is_closed() {
                return Some(sender);
            }
        }
        None
    }

    fn len(&self) -> usize {
        self.queues.iter().map(VecDeque::len).sum()
    }
}

/// Removes the requests at the front that gave up. Those of a worth wait equally long, so the others came later; each
/// is removed once, however many arrive.
fn remove_first_closed<T>(queue: &mut VecDeque<oneshot::Sender<T>>) {
    while queue.front().is_some_and(oneshot::Sender::is_closed) {
        queue.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_worth_least_makes_room_and_what_gave_up_is_removed() {
        let mut waiting = Waiting::<()>::default();
        let mut cheap: Vec<_> = (0..MAX_WAITING - 1).map(|_| waiting.add(Worth::AnonymousCheap).unwrap()).collect();
        let mut expensive = waiting.add(Worth::AnonymousExpensive).unwrap();
        assert!(waiting.add(Worth::AnonymousExpensive).is_none(), "none is worth less");
        let mut member = waiting.add(Worth::MemberExpensive).unwrap();
        assert!(matches!(expensive.try_recv(), Err(oneshot::error::TryRecvError::Closed)));
        let _second = waiting.add(Worth::MemberCheap).unwrap();
        assert!(matches!(cheap.pop().unwrap().try_recv(), Err(oneshot::error::TryRecvError::Closed)), "the newest");
        assert!(matches!(member.try_recv(), Err(oneshot::error::TryRecvError::Empty)));
        assert_eq!(waiting.len(), MAX_WAITING);
        cheap.clear();
        assert!(waiting.add(Worth::AnonymousExpensive).is_some());
        assert_eq!(waiting.len(), 3, "those that gave up are gone");
        assert!(waiting.take(Worth::AnonymousCheap).is_none());
        waiting.take(Worth::MemberExpensive).unwrap().send(()).unwrap();
        assert!(member.try_recv().is_ok());
    }
}
