//! The types and rules of notices; no I/O.
//!
//! Invariant: nothing here reads a clock, and nothing here is asynchronous.

mod access;
mod announcement;
mod breaker;
mod decision;
mod device;
mod facts;
mod kinds;
mod language;
mod local_time;
mod mail_plan;
mod page_url;
mod preferences;
mod push;
mod quiet_hours;
mod relation;
mod reminder;

pub(crate) use access::{Access, PostAudience, is_of_audience};
pub(crate) use announcement::{Announcement, AnnouncementReader, COUNTED_FOR, Category, NewAnnouncement, WEEK, shown};
pub(crate) use breaker::{Breaker, Permit};
pub(crate) use decision::{Known, KnownPerson, decide};
pub(crate) use device::{Address, DeviceKind, InvalidDevice, Subscription, WebAddress};
pub(crate) use facts::{Proposal, SUBJECTS, proposals_of};
pub(crate) use kinds::{EffectivePreference, MailFrequency};
pub(crate) use language::Language;
pub(crate) use local_time::{LocalTime, TimeOfDay, Zone};
pub(crate) use mail_plan::{DueMail, MailPlan, plan_mail};
pub(crate) use page_url::page_url;
pub(crate) use preferences::{InvalidPreferences, Preferences, QuietHours};
pub(crate) use push::{MAX_RETRY_AFTER, Priority, PushAction, category, pause_after};
pub(crate) use relation::{Relation, RelationKind};
pub(crate) use reminder::{DatedSubject, MAX_DAYS_BEFORE, MAX_TEXT_CHARS, Reminder, ReminderState, Rule, is_ahead};
