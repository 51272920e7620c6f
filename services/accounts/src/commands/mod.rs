//! The write operations, one a file: each applies a rule of [`crate::model`] in one transaction, writes, and records
//! its event.
//!
//! Each names the [lane](db::Lane) that keeps what it read true until it commits; `lib.rs` has the table.
//! Invariant: tokens are returned only after their session has been committed.

mod begin_factor;
mod begin_passkey_sign_in;
mod change_password;
mod change_roles;
mod clear_avatar;
mod clear_hidden_avatar;
mod confirm_email;
mod confirm_factor;
mod create_first_signing_key;
mod end_all_sessions;
mod end_session;
mod erase_account;
mod fill_skeletons;
mod mail_confirmation;
mod open_session;
mod prove;
mod refresh_session;
mod remove_expired;
mod remove_factor;
mod replace_recovery_codes;
mod request_confirmation;
mod request_password_reset;
mod reset_password;
mod rotate_signing_keys;
mod sign_in;
mod sign_in_with_passkey;
mod sign_out;
mod sign_up;
mod store_failed_sign_ins;
mod update_profile;

pub(crate) use begin_factor::{FactorSetup, begin_factor};
pub(crate) use begin_passkey_sign_in::begin_passkey_sign_in;
pub(crate) use change_password::change_password;
pub use change_roles::{assign, revoke};
pub(crate) use clear_avatar::clear_avatar;
pub(crate) use clear_hidden_avatar::clear_hidden_avatar;
pub(crate) use confirm_email::confirm_email;
pub(crate) use confirm_factor::{FactorConfirmation, confirm_factor};
pub(crate) use create_first_signing_key::create_first_signing_key;
pub(crate) use end_all_sessions::end_all_sessions;
pub(crate) use end_session::end_session;
pub(crate) use erase_account::erase_account;
pub(crate) use fill_skeletons::fill_skeletons;
pub(crate) use prove::prove;
pub(crate) use refresh_session::refresh_session;
pub(crate) use remove_expired::remove_expired;
pub(crate) use remove_factor::remove_factor;
pub(crate) use replace_recovery_codes::replace_recovery_codes;
pub(crate) use request_confirmation::{request_confirmation, request_email_change};
pub(crate) use request_password_reset::{ResetRequested, mail_password_reset, request_password_reset};
pub(crate) use reset_password::reset_password;
pub(crate) use rotate_signing_keys::rotate_signing_keys;
pub(crate) use sign_in::{SignInRequest, sign_in};
pub(crate) use sign_in_with_passkey::sign_in_with_passkey;
pub(crate) use sign_out::sign_out;
pub(crate) use sign_up::{SignUpRequest, sign_up};
pub(crate) use store_failed_sign_ins::{keep_storing_failed_sign_ins, store_failed_sign_ins};
pub(crate) use update_profile::update_profile;
