//! `docs/errors.md`: every code, with its status, what to do, and which operations return it.
//!
//! Invariant: the page has each row of each table once.

use std::fmt::Write as _;

use http_server::problem::{Code, every_role};
use service::RoleInterface;

use super::CodeUse;
use super::problems::RULES;

const INTRODUCTION: &str = "# Errors

Generated from the tables of codes by `make openapi`; a test fails if it is stale.

An error is `application/problem+json` (RFC 9457):

```json
{
  \"type\": \"about:blank\",
  \"title\": \"Not Found\",
  \"status\": 404,
  \"code\": \"media.not_found\",
  \"detail\": \"There is no such media, or it is not yours to see.\",
  \"request_id\": \"0198c5a4e7d17f3ab1d2c3e4f5a6b7c8\"
}
```

A program decides by `status` and `code`; both are stable. `detail` is a sentence for a person. Quote the `request_id`
when you ask for help. Responses with 429 and 503 have `Retry-After`, in seconds.
";
/// What the page says of codes that no operation returns.
const NO_OPERATION: &str = "none: requests outside the operations";

/// Returns the page.
pub(super) fn page(interfaces: &[RoleInterface], uses: &[CodeUse]) -> String {
    let mut page = INTRODUCTION.to_owned();
    chapter(&mut page, "Every role", every_role::CODES, |code| common_operations(code, uses));
    for interface in interfaces.iter().filter(|interface| !interface.codes.is_empty()) {
        chapter(&mut page, interface.role, interface.codes, |code| {
            list(uses.iter().filter(|used| used.role == Some(interface.role) && used.code == code))
        });
    }
    page
}

fn chapter(page: &mut String, title: &str, codes: &[&'static Code], operations: impl Fn(&Code) -> String) {
    let _ = write!(page, "\n## {title}\n\n| code | status | what to do | operations |\n|---|---|---|---|\n");
    for code in codes {
        let operations = Some(operations(code)).filter(|text| !text.is_empty());
        let operations = operations.as_deref().unwrap_or(NO_OPERATION);
        let _ =
            writeln!(page, "| `{}` | {} | {} | {operations} |", code.code, code.status, code.help.replace('|', "\\|"));
    }
}

/// Returns the operations of a common code: those of a rule in words, the others by their ids.
fn common_operations(code: &Code, uses: &[CodeUse]) -> String {
    let rules = RULES.iter().filter(|rule| rule.codes.contains(&code)).map(|rule| rule.operations.to_owned());
    let others = list(uses.iter().filter(|used| used.role.is_none() && used.code == code && !used.is_by_rule));
    rules.chain(Some(others).filter(|text| !text.is_empty())).collect::<Vec<_>>().join(", ")
}

fn list<'a>(uses: impl Iterator<Item = &'a CodeUse>) -> String {
    uses.map(|used| format!("`{}`", used.operation_id)).collect::<Vec<_>>().join(", ")
}
