//! Problem responses in the OpenAPI document.
//!
//! Invariant: a response lists every code that it is given, with what to do, and has an example for each.

use http::StatusCode;
use http_server::problem::Code;
use serde_json::json;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Content, Ref, RefOr, Response, ResponseBuilder};

const CONTENT_TYPE: &str = "application/problem+json";
/// The statuses whose responses always have `Retry-After` (see `http_server::Problem`).
const WITH_RETRY_AFTER: [u16; 2] = [429, 503];

/// Returns the response with one of these codes, which have the same status.
pub(super) fn of(codes: &[&Code]) -> Response {
    let response = ResponseBuilder::new().description(description(codes)).content(CONTENT_TYPE, content(codes));
    let response = if codes.iter().any(|code| WITH_RETRY_AFTER.contains(&code.status)) {
        let seconds = ObjectBuilder::new().schema_type(Type::Integer).build();
        let header = HeaderBuilder::new()
            .schema(Some(seconds))
            .description(Some("After how many seconds a retry makes sense"))
            .build();
        response.header("Retry-After", header)
    } else {
        response
    };
    response.build()
}

/// Adds the codes to a response that a role has documented itself.
pub(super) fn extend(mut documented: Response, codes: &[&Code]) -> Response {
    let of_codes = of(codes);
    documented.description = match documented.description.as_str() {
        "" => of_codes.description,
        text => format!("{text}\n\n{}", of_codes.description),
    };
    documented.content.extend(of_codes.content);
    for (name, header) in of_codes.headers {
        documented.headers.entry(name).or_insert(header);
    }
    documented
}

/// Returns a status in words.
pub(super) fn reason(status: u16) -> &'static str {
    match status {
        // tus 1.0.0, checksum extension.
        460 => "Checksum Mismatch",
        _ => StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("Error"),
    }
}

fn description(codes: &[&Code]) -> String {
    let lines: Vec<String> = codes.iter().map(|code| format!("* `{}`: {}", code.code, code.help)).collect();
    lines.join("\n")
}

fn content(codes: &[&Code]) -> Content {
    let examples = codes.iter().map(|code| {
        let example = ExampleBuilder::new().value(Some(json!({
            "type": "about:blank",
            "title": StatusCode::from_u16(code.status)
                .ok()
                .and_then(|status| status.canonical_reason())
                .unwrap_or("Error"),
            "status": code.status,
            "code": code.code,
            "detail": code.help,
            "request_id": "0198c5a4e7d17f3ab1d2c3e4f5a6b7c8",
        })));
        (code.code, RefOr::T(example.build()))
    });
    ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).examples_from_iter(examples).build()
}
