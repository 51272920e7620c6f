//! The write operations, one a file: each applies a rule of [`crate::model`] in one transaction, writes, and records
//! its event.
//!
//! Each names the [lane](db::Lane) that keeps what it read true until it commits. Invariant: tokens are returned only
//! after their session has been committed.
//!
//! # Lanes
//!
//! Writes of one lane run one after the other; writes of different lanes may run at once.
//!
//! | write | lanes | what they protect |
//! |---|---|---|
//! | sign-up | the handle's skeleton and e-mail address | the unique keys, and who has the address |
//! | the proof of work of a sign-up | the challenge | one use of it |
//! | sign-in, refresh, sign-out, new password | account | its sessions, their number and tokens, and its networks |
//! | factors, proofs | account | one use of each, and their number |
//! | mailed codes; failed sign-ins | account | their number; the rows that are added to |
//! | the mail about a disabled webhook | account | the roles that decide |
//! | confirming an address, a mailed new password | account and e-mail address | one account confirms an address |
//! | make, use and revoke an API key | account | the number of its keys |
//! | exports: asked for, ready, ended | account | their number; that one is ready once |
//! | make and revoke a key of the team | account of the operator, and the audit trail | their number; the role |
//! | use a key of the team | the key | nothing: it is one statement |
//! | profile and its verdicts, avatar | account | what is read and written back |
//! | roles | account, that of the operator, and the audit trail | the same; that an entry follows from the last one |
//! | suspend, restore | account, that of the operator, and the audit trail | the standing, and the roles that decide |
//! | flags | that of the operator, and the audit trail | the state, and the role that decides |
//! | acts of other roles | the audit trail | that an entry follows from the last one |
//! | end of a suspension, by itself or by an appeal | account | the standing |
//! | a decision of moderation | account, that of the moderator | the standing, and the roles that decide |
//! | erasure | account, skeleton and e-mail address | all of these |
//! | filling in skeletons of earlier releases | accounts and skeletons of the batch | that one account has a skeleton |
//! | first signing key, rotation; challenges of no account | one each | that one key is next; their number |
//! | removal of what has expired | all | rows of many accounts, in any order |
//!
//! An id, a skeleton, an e-mail address, a hash and the names of the lanes of the keys, the challenges and the trail
//! never have the same text.

mod acting_account;
mod admit_sign_up;
mod begin_factor;
mod begin_passkey_sign_in;
mod build_export;
mod change_password;
mod change_roles;
mod change_standing;
mod clear_avatar;
mod clear_hidden_avatar;
mod confirm_email;
mod confirm_factor;
mod create_api_key;
mod create_first_signing_key;
mod create_team_key;
mod end_all_sessions;
mod end_session;
mod erase_account;
mod fill_skeletons;
mod follow_decision;
mod lift_ended_sanctions;
mod mail_confirmation;
mod mail_disabled_webhook;
mod open_session;
mod prove;
mod record_act;
mod refresh_session;
mod remove_api_key;
mod remove_expired;
mod remove_factor;
mod remove_team_key;
mod replace_recovery_codes;
mod request_confirmation;
mod request_export;
mod request_password_reset;
mod reset_password;
mod restore_account;
mod rotate_signing_keys;
mod screen_profile;
mod set_flag;
mod sign_in;
mod sign_in_with_passkey;
mod sign_out;
mod sign_up;
mod store_failed_sign_ins;
mod suspend_account;
mod sweep_exports;
mod update_profile;
mod use_api_key;
mod use_team_key;
mod verify_audit;

pub(crate) use admit_sign_up::challenge;
pub(crate) use begin_factor::{FactorSetup, begin_factor};
pub(crate) use begin_passkey_sign_in::begin_passkey_sign_in;
pub(crate) use build_export::build_export;
pub(crate) use change_password::change_password;
pub(crate) use change_roles::change_roles;
pub use change_roles::{assign, revoke};
pub(crate) use clear_avatar::clear_avatar;
pub(crate) use clear_hidden_avatar::clear_hidden_avatar;
pub(crate) use confirm_email::confirm_email;
pub(crate) use confirm_factor::{FactorConfirmation, confirm_factor};
pub(crate) use create_api_key::create_api_key;
pub(crate) use create_first_signing_key::create_first_signing_key;
pub(crate) use create_team_key::create_team_key;
pub(crate) use end_all_sessions::end_all_sessions;
pub(crate) use end_session::end_session;
pub(crate) use erase_account::erase_account;
pub(crate) use fill_skeletons::fill_skeletons;
pub(crate) use follow_decision::{follow_appeal, follow_decision};
pub(crate) use lift_ended_sanctions::lift_ended_sanctions;
pub(crate) use mail_disabled_webhook::mail_disabled_webhook;
pub(crate) use prove::prove;
pub(crate) use record_act::{AUDIT_CONSUMER, record_act};
pub(crate) use refresh_session::refresh_session;
pub(crate) use remove_api_key::remove_api_key;
pub(crate) use remove_expired::remove_expired;
pub(crate) use remove_factor::remove_factor;
pub(crate) use remove_team_key::remove_team_key;
pub(crate) use replace_recovery_codes::replace_recovery_codes;
pub(crate) use request_confirmation::{request_confirmation, request_email_change};
pub(crate) use request_export::{ExportRequested, request_export};
pub(crate) use request_password_reset::{ResetRequested, mail_password_reset, request_password_reset};
pub(crate) use reset_password::reset_password;
pub(crate) use restore_account::restore_account;
pub(crate) use rotate_signing_keys::rotate_signing_keys;
pub(crate) use screen_profile::follow_won_appeal;
pub(crate) use set_flag::set_flag;
pub(crate) use sign_in::{SignInRequest, sign_in};
pub(crate) use sign_in_with_passkey::sign_in_with_passkey;
pub(crate) use sign_out::sign_out;
pub(crate) use sign_up::{SignUpRequest, sign_up};
pub(crate) use store_failed_sign_ins::{keep_storing_failed_sign_ins, store_failed_sign_ins};
pub(crate) use suspend_account::suspend_account;
pub(crate) use sweep_exports::sweep_exports;
pub(crate) use update_profile::update_profile;
pub(crate) use use_api_key::use_api_key;
pub(crate) use use_team_key::use_team_key;
pub use verify_audit::{AuditReport, verify_audit};
