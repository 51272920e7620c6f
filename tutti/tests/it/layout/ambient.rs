//! What comes from the context instead of from anywhere: the time, randomness, settings; and what a model may not
//! touch.
//!
//! Invariant: a test can choose every input of a service.

use std::path::PathBuf;

use super::{assert_none, crates, product_lines, relative, rust_files, services};

/// Calls that read the time or the environment.
const AMBIENT_CALLS: [&str; 6] =
    ["Utc::now(", "SystemTime::now(", "Local::now(", "env::var(", "env::vars(", "env::var_os("];
/// Calls that draw randomness: only [`base::Random`] draws it.
const RANDOM_CALLS: [&str; 3] = ["rand::", "Uuid::new_v4(", "Uuid::now_v7("];
/// Calls by which a service would draw its own instead of taking the context's.
const OWN_RANDOMNESS: [&str; 4] = ["Random::system(", "Random::default(", "MediaId::random(", "ObjectKey::random("];
/// What a model does not name: I/O, engines, HTTP, SQL, time and chance.
const IMPURE: [&str; 18] = [
    "axum::",
    "http_server::",
    "sea_orm::",
    "tokio::",
    "db::",
    "bus::",
    "objects::",
    "peer::",
    "service::",
    "reqwest::",
    "std::fs",
    "std::net::Tcp",
    "std::net::Udp",
    "std::process",
    "Random",
    "Clock",
    "Instant::now(",
    "std::env",
];

/// Returns the files of the product below `main`: tests' harness and the binary may look around.
fn product_files() -> Vec<PathBuf> {
    crates()
        .into_values()
        .filter(|folder| {
            let place = relative(folder);
            !["tutti", "bench", "platform/testkit"].contains(&place.as_str())
        })
        .flat_map(|folder| rust_files(&folder.join("src")))
        .collect()
}

fn places(files: &[PathBuf], calls: &[&str], allowed: &[&str]) -> Vec<String> {
    let mut violations = Vec::new();
    for path in files.iter().filter(|path| !allowed.contains(&relative(path).as_str())) {
        for (number, line) in product_lines(path) {
            if calls.iter().any(|call| has_word(&line, call)) {
                violations.push(format!("{}:{number}: {}", relative(path), line.trim()));
            }
        }
    }
    violations
}

/// Whether a line has `call`, not as the end of a longer name.
fn has_word(line: &str, call: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    code.match_indices(call)
        .any(|(at, _)| !code[..at].chars().next_back().is_some_and(|before| before.is_alphanumeric() || before == '_'))
}

#[test]
fn time_and_environment_are_parameters() {
    let violations = places(&product_files(), &AMBIENT_CALLS, &["platform/base/src/clock.rs"]);
    assert_none(&violations, "take the time from the context's clock, and settings from the configuration:");
}

#[test]
fn randomness_has_one_source() {
    // The ids of events sort within a millisecond, which takes the counter of `Uuid::now_v7`. `ring` draws the
    // ephemeral key of a message itself.
    let encryption = "services/notify/src/push/webpush/encryption.rs";
    let allowed = ["platform/base/src/random.rs", "platform/db/src/tx.rs", encryption];
    let mut violations = places(&product_files(), &RANDOM_CALLS, &allowed);
    let services: Vec<PathBuf> = services().values().flat_map(|folder| rust_files(&folder.join("src"))).collect();
    violations.extend(places(&services, &OWN_RANDOMNESS, &[]));
    assert_none(&violations, "randomness comes from base::Random, and a service's from its context:");
}

#[test]
fn models_are_pure() {
    let services = services();
    let models: Vec<PathBuf> = services
        .values()
        .flat_map(|folder| rust_files(&folder.join("src")))
        .filter(|path| relative(path).contains("/src/model"))
        .collect();
    assert!(models.len() > 30, "only {} files of models were found", models.len());
    // Signing is a pure function of a key.
    let mut violations = places(&models, &IMPURE, &[]);
    violations.retain(|place| !place.contains("use http_server::signed_url::"));
    assert_none(&violations, "a model has rules and values, no I/O, no clock, no chance:");
}

#[test]
fn internal_queries_are_types() {
    let types = [
        "contract/src/accounts.rs",
        "contract/src/delivery.rs",
        "contract/src/media.rs",
        "contract/src/notify.rs",
        "contract/src/social.rs",
        "contract/src/social/contacts.rs",
        "contract/src/social/feeds.rs",
        "contract/src/social/threads.rs",
        "contract/src/transcode.rs",
        "platform/http/src/auth/account_rules.rs",
        "platform/http/src/auth/api_keys.rs",
        "platform/http/src/auth/ended_sessions.rs",
        "platform/http/src/auth/team_keys.rs",
        "platform/http/src/jobs/mod.rs",
        "platform/mail/src/operators.rs",
        "platform/service/src/flags.rs",
        "platform/service/src/personal_data.rs",
        "platform/service/src/process/queries.rs",
    ];
    let violations = places(&product_files(), &["\"/internal/"], &types);
    assert_none(&violations, "the path of an internal query is written once, beside its type:");
}
