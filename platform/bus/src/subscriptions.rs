//! The durable consumers of a role, each written once.
//!
//! Owns the list from which both the declarations (which every process of the product makes) and the running consumers
//! come. Invariant: what is declared is what runs.

use super::engine::{Delivery, Subscription};
use super::{Consumer, HandlerError};
use base::Event;

/// Makes a consumer that runs on a role's state.
type Build<S> = Box<dyn Fn(S) -> Consumer + Send + Sync>;

/// The consumers of a role whose state is `S`.
///
/// A handler is an `async fn` of the state, the event and its delivery, whose id [`db::Tx::record_once`] takes.
pub struct Subscriptions<S> {
    rows: Vec<(Subscription, Build<S>)>,
}

impl<S> Default for Subscriptions<S> {
    fn default() -> Self {
        Self { rows: Vec::new() }
    }
}

impl<S> std::fmt::Debug for Subscriptions<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.rows.iter().map(|(subscription, _)| subscription)).finish()
    }
}

impl<S: Clone + Send + Sync + 'static> Subscriptions<S> {
    /// Returns a role without consumers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a consumer of one type of event. `name` must never change; `options` sets its concurrency, attempts and
    /// lease.
    #[must_use]
    pub fn on<E, F, Fut>(self, name: &str, handle: F, options: impl Options) -> Self
    where
        E: Event,
        F: Fn(S, E, Delivery) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<(), HandlerError>> + Send + 'static,
    {
        let row = name.to_owned();
        self.row(name, &[E::SUBJECT], options, move |state| {
            let handle = handle.clone();
            Consumer::of(&row, move |event: E, delivery| handle(state.clone(), event, delivery))
        })
    }

    /// Adds a consumer of one subject whose handler reads the payload itself.
    #[must_use]
    pub fn on_subject<F, Fut>(self, name: &str, subject: &'static str, handle: F, options: impl Options) -> Self
    where
        F: Fn(S, Delivery) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<(), HandlerError>> + Send + 'static,
    {
        let row = name.to_owned();
        self.row(name, &[subject], options, move |state| {
            let handle = handle.clone();
            Consumer::raw(&row, &[subject], move |delivery| handle(state.clone(), delivery))
        })
    }

    /// Adds a consumer that gets up to `size` deliveries at once and handles all of them or none
    /// ([`Consumer::batch`]).
    #[must_use]
    pub fn batch<F, Fut>(
        self,
        name: &str,
        subjects: &'static [&'static str],
        size: usize,
        handle: F,
        options: impl Options,
    ) -> Self
    where
        F: Fn(S, Vec<Delivery>) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<(), HandlerError>> + Send + 'static,
    {
        let row = name.to_owned();
        self.row(name, subjects, options, move |state| {
            let handle = handle.clone();
            Consumer::batch(&row, subjects, size, move |deliveries| handle(state.clone(), deliveries))
        })
    }

    fn row(
        mut self,
        name: &str,
        subjects: &[&str],
        options: impl Options,
        build: impl Fn(S) -> Consumer + Send + Sync + 'static,
    ) -> Self {
        let without_work = options(Consumer::raw(name, subjects, async |_| Ok(())));
        self.rows.push((without_work.subscription().clone(), Box::new(move |state| options(build(state)))));
        self
    }

    /// Returns the subscriptions, for [`service::Service::subscriptions`].
    pub fn declared(self) -> Vec<Subscription> {
        self.rows.into_iter().map(|(subscription, _)| subscription).collect()
    }

    /// Returns the consumers, running on `state`.
    pub fn consumers(self, state: &S) -> Vec<Consumer> {
        self.rows.into_iter().map(|(_, build)| build(state.clone())).collect()
    }
}

/// Sets the options of a consumer: `|on| on.concurrency(8)`.
pub trait Options: Fn(Consumer) -> Consumer + Send + Sync + 'static {}

impl<F: Fn(Consumer) -> Consumer + Send + Sync + 'static> Options for F {}
