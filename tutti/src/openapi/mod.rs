//! The API of the whole product: the roles' OpenAPI parts as one OpenAPI 3.1 document for each listener, and the page
//! of error codes.
//!
//! Owns the assembly: what every operation shares (the problems of the common layers, the token's scheme) is added
//! here, and the extensions that only the assembly and the gateway read are removed. Invariant: `docs/openapi.json`,
//! `docs/operators-openapi.json`, `docs/asyncapi.json` and `docs/errors.md` are what is assembled here, byte for byte
//! (tests compare them).

#[cfg(test)]
mod asyncapi;
#[cfg(test)]
mod committed;
#[cfg(test)]
mod completeness;
#[cfg(test)]
mod errors_page;
mod generators;
mod list_examples;
#[cfg(test)]
mod operators_access;
mod problem_response;
mod problems;
mod reachable;

use gateway::ListenerKind;
use http_server::problem::{Code, ProblemBody};
use service::RoleInterface;
use utoipa::PartialSchema as _;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, Info, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder};

use crate::{CommandError, roles};

/// Extensions of operations that are not published: the gateway and the assembly read them.
const HELPER_EXTENSIONS: [&str; 6] = [CODES, FRAMES, "x-stream", "x-cookies", "x-wildcard", "x-admin-sign-in"];
/// The codes that an operation can return besides those that the common layers add, as an array of strings.
const CODES: &str = "x-codes";
/// The schemas of what the two ends of a WebSocket send, as an object with `from_client` and `from_server`.
const FRAMES: &str = "x-frames";

/// The licence of the API, by its name and as an SPDX expression.
const LICENSE: &str = "MIT OR Apache-2.0";

/// The document, and what it says about codes.
struct Assembly {
    document: OpenApi,
    /// Every code of every operation, in the order of the document.
    #[cfg_attr(not(test), expect(dead_code, reason = "for docs/errors.md, which a test writes"))]
    uses: Vec<CodeUse>,
}

/// A code that an operation can return.
#[cfg_attr(not(test), expect(dead_code, reason = "for docs/errors.md, which a test writes"))]
struct CodeUse {
    /// The role whose table has the code; `None` for the common table.
    role: Option<&'static str>,
    code: &'static Code,
    operation_id: String,
    /// Whether a rule of [`problems`] added it, rather than the operation's own `x-codes`.
    is_by_rule: bool,
}

/// Returns what each role offers.
fn interfaces() -> Vec<RoleInterface> {
    roles::all().iter().map(RoleInterface::from).collect()
}

/// Merges what a listener has of the parts of the roles. Fails if an operation names a code that no table has, or if
/// two parts have different schemas of the same name.
fn assemble(listener: ListenerKind, interfaces: &[RoleInterface]) -> Result<Assembly, CommandError> {
    let mut document = OpenApiBuilder::new().info(info(listener)).build();
    let mut components = Components::default();
    components.schemas.insert("Problem".into(), ProblemBody::schema());
    let bearer = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build());
    components.security_schemes.insert("token".into(), bearer.into());
    let mut uses = Vec::new();
    for interface in interfaces {
        let mut part = OpenApi::clone(&interface.openapi);
        for (path, item) in &mut part.paths.paths {
            for (_, slot) in slots(item) {
                if slot.as_ref().is_some_and(|operation| !listener.has(path, operation)) {
                    *slot = None;
                }
            }
        }
        part.paths.paths.retain(|_, item| operations(item).next().is_some());
        for (path, item) in &mut part.paths.paths {
            for (method, operation) in operations(item) {
                let codes = problems::add(operation, method, path, interface, &mut components.responses)?;
                uses.extend(codes);
                generators::remove_null(operation);
                remove_helper_extensions(operation);
            }
        }
        for (name, schema) in part.components.take().unwrap_or_default().schemas {
            if components.schemas.get(&name).is_some_and(|other| *other != schema) {
                let role = interface.role;
                return Err(format!("{role} has another schema called {name} than the roles before it").into());
            }
            components.schemas.insert(name, schema);
        }
        document.merge(part);
    }
    generators::name_items(&mut components);
    list_examples::fill(&mut components);
    document.components = Some(components);
    reachable::retain(&mut document)?;
    Ok(Assembly { document, uses })
}

/// Returns the documents of both listeners, and what they say about codes; an operation of both is counted once.
#[cfg(test)]
fn assemble_all(interfaces: &[RoleInterface]) -> ([OpenApi; 2], Vec<CodeUse>) {
    let assemble = |listener| assemble(listener, interfaces).expect("the roles' parts fit together");
    let (public, operators) = (assemble(ListenerKind::Public), assemble(ListenerKind::Operators));
    let known: std::collections::BTreeSet<String> = public.uses.iter().map(|used| used.operation_id.clone()).collect();
    let more = operators.uses.into_iter().filter(|used| !known.contains(&used.operation_id));
    let uses = public.uses.into_iter().chain(more).collect();
    ([public.document, operators.document], uses)
}

fn info(listener: ListenerKind) -> Info {
    let (title, description) = match listener {
        ListenerKind::Public => (
            "Tutti",
            "Share photos, songs and videos. Errors are problem+json (RFC 9457) with a stable `code`; an access token \
             that is not valid is refused by every operation, also by those that need none.",
        ),
        ListenerKind::Operators => (
            "Tutti, operators",
            "What operators do at a listener of its own. Each operation names the role that it needs (`x-admin-role`), \
             and all need a session of this listener that was opened with a second factor.",
        ),
    };
    InfoBuilder::new()
        .title(title)
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(description))
        .license(Some(LicenseBuilder::new().name(LICENSE).identifier(Some(LICENSE)).build()))
        .build()
}

/// Returns the operations that a path may have, with their methods in lower case.
fn slots(item: &mut PathItem) -> [(&'static str, &mut Option<Operation>); 8] {
    [
        ("get", &mut item.get),
        ("head", &mut item.head),
        ("options", &mut item.options),
        ("post", &mut item.post),
        ("put", &mut item.put),
        ("patch", &mut item.patch),
        ("delete", &mut item.delete),
        ("trace", &mut item.trace),
    ]
}

/// Returns the operations of a path, with their methods in lower case.
fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    slots(item).into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

fn remove_helper_extensions(operation: &mut Operation) {
    let Some(extensions) = &mut operation.extensions else { return };
    for name in HELPER_EXTENSIONS {
        extensions.remove(name);
    }
    if extensions.is_empty() {
        operation.extensions = None;
    }
}

/// Returns the document of a listener as JSON.
pub(crate) fn json(listener: ListenerKind) -> Result<String, CommandError> {
    Ok(assemble(listener, &interfaces())?.document.to_pretty_json()? + "\n")
}

/// Returns the committed document of a listener, which is what [`json`] returns. The process serves it, because to
/// assemble it takes longer than the rest of a start.
pub(crate) fn committed_json(listener: ListenerKind) -> &'static str {
    match listener {
        ListenerKind::Public => include_str!("../../../docs/openapi.json"),
        ListenerKind::Operators => include_str!("../../../docs/operators-openapi.json"),
    }
}

/// The committed document of the frames of WebSockets.
pub(crate) const COMMITTED_FRAMES: &str = include_str!("../../../docs/asyncapi.json");

/// Runs `tutti openapi`, for the public listener or that of operators.
pub(crate) fn print(operators: bool) -> Result<(), CommandError> {
    let listener = if operators { ListenerKind::Operators } else { ListenerKind::Public };
    crate::terminal::write(format_args!("{}", json(listener)?));
    Ok(())
}
