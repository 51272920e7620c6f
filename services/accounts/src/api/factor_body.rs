//! The second factor in a request: `{"kind": "totp", "code": "123456"}`.
//!
//! Invariant: it is never printed, not even by `Debug`.

use http_server::Problem;
use http_server::problem::every_role;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::error::Error;
use crate::model::FactorAnswer;

/// A second factor.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = FactorAnswer, example = json!({"kind": "totp", "code": "287082"}))]
pub(super) struct FactorBody {
    kind: FactorBodyKind,
    /// The code of an authenticator app, or a recovery code. For `totp` and `recovery`.
    #[schema(max_length = 64)]
    code: Option<String>,
    /// The response of a passkey to the `passkey` options of the problem, as `PublicKeyCredential.toJSON()` returns it.
    /// For `passkey`.
    #[schema(value_type = Option<Object>)]
    assertion: Option<Value>,
}

/// The kind of a second factor in a request.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = FactorAnswerKind)]
pub(super) enum FactorBodyKind {
    /// A code of an authenticator app.
    Totp,
    /// A passkey.
    Passkey,
    /// A recovery code.
    Recovery,
}

impl FactorBody {
    /// Returns the factor, or the 422 that names the missing field.
    pub(super) fn into_answer(self) -> Result<FactorAnswer, Error> {
        match self.kind {
            FactorBodyKind::Totp => self.code.map(FactorAnswer::Totp).ok_or_else(|| missing_field("factor.code")),
            FactorBodyKind::Recovery => {
                self.code.map(FactorAnswer::Recovery).ok_or_else(|| missing_field("factor.code"))
            }
            FactorBodyKind::Passkey => {
                self.assertion.map(FactorAnswer::Passkey).ok_or_else(|| missing_field("factor.assertion"))
            }
        }
    }
}

/// Returns the 422 for a body without a field that it needs.
pub(super) fn missing_field(name: &str) -> Error {
    Problem::of(every_role::INVALID, format!("The field `{name}` is missing.")).into()
}
