//! What this role keeps about members, and its part of an export.
//!
//! Invariant: a page has rows of one account only, and no secret: no password's hash, no seed or key of a second
//! factor, no hash of a token, code, API key or network. Who imposed a sanction is another person, and not in it.

use async_trait::async_trait;
use chrono::DateTime;
use contract::AccountId;
use screening_store::verdicts;
use serde_json::{Value, json};
use service::personal_data::{ExportFile, ExportPage, FileContent, KeptData, PersonalDataSource, TableData};
use uuid::Uuid;

use crate::model::{Account, Country, MAX_API_KEYS};
use crate::state::Accounts;
use crate::store;
use crate::store::verdicts::HOME;

const ACCOUNT: &str = "account.json";
const SESSIONS: &str = "sessions.json";
const SIGN_INS: &str = "sign-ins.json";
const FACTORS: &str = "factors.json";
const API_KEYS: &str = "api-keys.json";
const SANCTIONS: &str = "sanctions.json";
const EXPORTS: &str = "exports.json";
const VERDICTS: &str = "profile-verdicts.json";
/// Rows of a page.
const PAGE: usize = 100;
/// Why what ends within a day or so is in no export.
const SHORT_LIVED: TableData = TableData::NotExported("Ends within minutes or hours.");

/// The declaration of every table.
pub(crate) const KEPT: &KeptData = &KeptData {
    files: &[
        file(ACCOUNT, FileContent::Record, "Your account and your profile."),
        file(SESSIONS, FileContent::List, "The devices on which you are signed in."),
        file(SIGN_INS, FileContent::List, "The sign-ins of the last 90 days, with attempts that failed."),
        file(FACTORS, FileContent::List, "Your second factors, without their secrets."),
        file(API_KEYS, FileContent::List, "Your API keys, without their secrets."),
        file(SANCTIONS, FileContent::List, "When your account was limited or suspended, and why."),
        file(VERDICTS, FileContent::List, "What was decided about changes of your profile."),
        file(EXPORTS, FileContent::List, "The archives of your data that you have asked for."),
    ],
    tables: &[
        ("account", TableData::ExportedIn(ACCOUNT)),
        ("session", TableData::ExportedIn(SESSIONS)),
        ("signing_key", TableData::NotExported("The keys of the server; of no member.")),
        ("known_network", TableData::NotExported("Hashes of networks, which tell nothing without the server's key.")),
        ("ended_session", SHORT_LIVED),
        ("mailed_code", SHORT_LIVED),
        ("sign_in", TableData::ExportedIn(SIGN_INS)),
        ("sanction", TableData::ExportedIn(SANCTIONS)),
        ("account_rule", SHORT_LIVED),
        ("factor", TableData::ExportedIn(FACTORS)),
        ("recovery_code", TableData::ExportedIn(ACCOUNT)),
        ("passkey_challenge", SHORT_LIVED),
        ("used_challenge", TableData::NotExported("Hashes of puzzles that were solved; of no member.")),
        ("api_key", TableData::ExportedIn(API_KEYS)),
        ("audit_entry", TableData::NotExported("The acts of the team, which name its members; ask them for yours.")),
        ("export", TableData::ExportedIn(EXPORTS)),
        ("verdict", TableData::ExportedIn(VERDICTS)),
        ("verdict_sender", TableData::NotExported("Counts that limit how often a profile is changed.")),
        ("verdict_text", TableData::NotExported("Numbers by which alike bios are found, for two days.")),
        ("verdict_domain", TableData::NotExported("Which sites bios link to; it is about no member.")),
        ("team_key", TableData::NotExported("The team's; of the operator who made a key it has the id alone.")),
        ("flag", TableData::NotExported("What the team has turned off; it has the handle of the operator who did.")),
    ],
};

const fn file(name: &'static str, content: FileContent, about: &'static str) -> ExportFile {
    ExportFile { name, content, about }
}

#[async_trait]
impl PersonalDataSource for Accounts {
    async fn export_page(&self, account: Uuid, file: &str, after: Option<&str>) -> Result<ExportPage, db::Error> {
        let (id, sql) = (AccountId(account), self.context.db.read());
        let before = after.map_or(Ok(Uuid::max()), str::parse).map_err(|_| db::Error::Corrupt("a cursor"))?;
        let (records, last) = match file {
            ACCOUNT => {
                let Some(account) = store::accounts::find_by_id(sql, id).await? else {
                    return Ok(ExportPage::default());
                };
                let codes = store::recovery_codes::count(sql, id).await?;
                return Ok(ExportPage::of_record(account_record(&account, codes)));
            }
            SESSIONS => {
                // Those that were idle for too long are rows until the next sweep.
                let rows = store::sessions::list(sql, id, DateTime::UNIX_EPOCH, before, PAGE).await?;
                let record = |row: &crate::model::Session| {
                    json!({
                        "id": row.id,
                        "device": row.device,
                        "created_at": row.created_at,
                        "last_seen_at": row.last_seen_at,
                    })
                };
                (rows.iter().map(record).collect(), rows.last().map(|row| row.id))
            }
            SIGN_INS => {
                let rows = store::sign_ins::list(sql, id, before, PAGE, self.context.clock.now()).await?;
                let record = |row: &crate::model::SignIn| {
                    json!({
                        "device": row.device,
                        "network": row.network,
                        "succeeded": row.succeeded,
                        "attempts": row.attempts,
                        "last_at": row.last_at,
                    })
                };
                (rows.iter().map(record).collect(), rows.last().map(|row| row.id))
            }
            SANCTIONS => {
                let rows = store::sanctions::list(sql, id, before, PAGE).await?;
                let record = |row: &store::sanctions::SanctionRow| {
                    json!({
                        "state": row.state,
                        "reason": row.reason,
                        "imposed_at": row.imposed_at,
                        "ends_at": row.ends_at,
                        "lifted_at": row.lifted_at,
                        "lift_reason": row.lift_reason,
                    })
                };
                (rows.iter().map(record).collect(), rows.last().map(|row| row.id))
            }
            EXPORTS => {
                let rows = store::exports::list(sql, id, before, PAGE).await?;
                let record = |row: &crate::model::Export| {
                    json!({
                        "id": row.id,
                        "state": row.state,
                        "created_at": row.created_at,
                        "ready_at": row.ready_at,
                        "expires_at": row.expires_at,
                    })
                };
                (rows.iter().map(record).collect(), rows.last().map(|row| row.id))
            }
            VERDICTS => {
                let rows = verdicts::list(sql, &HOME, account, before, PAGE).await?;
                let record = |row: &verdicts::StoredVerdict| {
                    json!({
                        "id": row.id,
                        "outcome": row.outcome,
                        "reason": row.reason,
                        "created_at": row.created_at,
                    })
                };
                (rows.iter().map(record).collect(), rows.last().map(|row| row.id))
            }
            FACTORS => (self.factor_records(id).await?, None),
            API_KEYS => (self.api_key_records(id).await?, None),
            _ => (Vec::new(), None),
        };
        Ok(page(records, last))
    }
}

/// Returns a page of records. One that is full is not the last.
fn page(records: Vec<Value>, last: Option<Uuid>) -> ExportPage {
    let next = last.filter(|_| records.len() == PAGE).map(|id| id.to_string());
    ExportPage::of_records(records, next)
}

fn account_record(account: &Account, recovery_codes: i64) -> Value {
    let standing = &account.standing;
    json!({
        "id": account.id,
        "handle": account.handle,
        "email": account.email,
        "email_confirmed_at": account.email_confirmed_at,
        "display_name": account.display_name,
        "bio": account.bio,
        "avatar": account.avatar,
        "kind": account.about.kind,
        "place": account.about.place.as_ref().map(|place| &place.0),
        "links": account.about.links,
        "is_private": account.about.is_private,
        "locale": account.region.locale.as_str(),
        "time_zone": account.region.time_zone.as_str(),
        "country": account.region.country.map(Country::as_str),
        "roles": account.roles.names(),
        "standing": {"state": standing.state, "reason": standing.reason, "until": standing.until},
        "unused_recovery_codes": recovery_codes,
        "created_at": account.created_at,
    })
}

impl Accounts {
    async fn factor_records(&self, id: AccountId) -> Result<Vec<Value>, db::Error> {
        let factors = store::factors::list(self.context.db.read(), id).await?;
        let record = |factor: crate::model::Factor| {
            json!({
                "kind": factor.kind.as_str(),
                "name": factor.name,
                "created_at": factor.created_at,
                "last_used_at": factor.last_used_at,
            })
        };
        Ok(factors.into_iter().map(record).collect())
    }

    async fn api_key_records(&self, id: AccountId) -> Result<Vec<Value>, db::Error> {
        let keys = store::api_keys::list(self.context.db.read(), id, MAX_API_KEYS).await?;
        let record = |key: crate::model::ApiKey| {
            json!({
                "name": key.name,
                "scopes": key.scopes,
                "created_at": key.created_at,
                "expires_at": key.expires_at,
                "last_used_at": key.last_used_at,
            })
        };
        Ok(keys.into_iter().map(record).collect())
    }
}
