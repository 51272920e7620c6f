//! Which servers of Web Push answer, and trials of those of which that is not known.
//!
//! Members name the servers, so some may hang. What goes to a server that has answered takes part in the batches; any
//! other server gets one push first, beside them. Invariant: at most [`MAX_TRIALS`] trials run in a process, and
//! [`MAX_TRIALS_OF_SERVER`] of one server; at most [`MAX_PROVEN`] servers are remembered.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use parking_lot::Mutex;

/// Trials at once. Each holds the pushes of one server that are in one batch.
const MAX_TRIALS: usize = 50;
/// Trials of one server at once: it may be in several batches.
const MAX_TRIALS_OF_SERVER: usize = 4;
/// Servers that have answered. There are a handful of real ones; past this, those that have not answered for longest
/// are forgotten.
const MAX_PROVEN: usize = 1000;

#[derive(Default)]
struct State {
    /// When servers have answered last.
    proven: HashMap<String, DateTime<Utc>>,
    trials: HashMap<String, usize>,
    trial_count: usize,
}

/// The servers; clones share them.
#[derive(Clone, Default)]
pub(super) struct Servers(Arc<Mutex<State>>);

/// A trial. It ends when this is dropped.
pub(super) struct Trial {
    servers: Servers,
    server: String,
}

impl Servers {
    /// Whether a server has answered the last request.
    pub(super) fn is_proven(&self, server: &str) -> bool {
        self.0.lock().proven.contains_key(server)
    }

    /// Records whether a server has answered.
    pub(super) fn record(&self, server: &str, has_answered: bool, now: DateTime<Utc>) {
        let mut state = self.0.lock();
        let proven = &mut state.proven;
        if !has_answered {
            proven.remove(server);
            return;
        }
        if proven.len() >= MAX_PROVEN && !proven.contains_key(server) {
            let oldest = proven.iter().min_by_key(|(_, at)| **at).map(|(name, _)| name.clone());
            if let Some(name) = oldest {
                proven.remove(&name);
            }
        }
        proven.insert(server.to_owned(), now);
    }

    /// Begins a trial of a server; `None` while there are too many.
    pub(super) fn begin_trial(&self, server: &str) -> Option<Trial> {
        let mut state = self.0.lock();
        let of_server = state.trials.get(server).copied().unwrap_or_default();
        if state.trial_count >= MAX_TRIALS || of_server >= MAX_TRIALS_OF_SERVER {
            return None;
        }
        state.trials.insert(server.to_owned(), of_server + 1);
        state.trial_count += 1;
        Some(Trial { servers: self.clone(), server: server.to_owned() })
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        let mut state = self.servers.0.lock();
        state.trial_count = state.trial_count.saturating_sub(1);
        let left = state.trials.get(&self.server).copied().unwrap_or_default().saturating_sub(1);
        if left == 0 {
            state.trials.remove(&self.server);
        } else {
            state.trials.insert(self.server.clone(), left);
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn trials_are_bounded_for_a_server_and_for_all_and_end() {
        let servers = Servers::default();
        let mut trials: Vec<Trial> = (0..MAX_TRIALS_OF_SERVER).filter_map(|_| servers.begin_trial("slow")).collect();
        assert_eq!(trials.len(), MAX_TRIALS_OF_SERVER);
        assert!(servers.begin_trial("slow").is_none() && servers.begin_trial("other").is_some());
        trials.extend((0..MAX_TRIALS).filter_map(|number| servers.begin_trial(&number.to_string())));
        assert!(trials.len() == MAX_TRIALS && servers.begin_trial("other").is_none());
        trials.clear();
        assert!(servers.begin_trial("slow").is_some());
        assert!(servers.0.lock().trials.is_empty());
    }

    #[test]
    fn a_server_is_proven_while_it_answers_and_the_oldest_are_forgotten() {
        let (servers, now) = (Servers::default(), DateTime::UNIX_EPOCH);
        servers.record("a", true, now);
        assert!(servers.is_proven("a") && !servers.is_proven("b"));
        servers.record("a", false, now);
        assert!(!servers.is_proven("a"));
        for number in 0..=MAX_PROVEN {
            let later = now + TimeDelta::seconds(i64::try_from(number).unwrap());
            servers.record(&number.to_string(), true, later);
        }
        assert!(!servers.is_proven("0") && servers.is_proven("1"));
        assert_eq!(servers.0.lock().proven.len(), MAX_PROVEN);
    }
}
