//! The API of the whole product: the roles' descriptions as one OpenAPI 3.1 document.
//!
//! Invariant: `docs/openapi.json` is this document, byte for byte (a test compares them).

use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{InfoBuilder, OpenApi, OpenApiBuilder};

use crate::{CommandError, roles};

/// Returns the merged document, without internal paths.
pub(crate) fn document() -> OpenApi {
    let info = InfoBuilder::new()
        .title("Tutti")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some("Share photos, songs and videos. Errors are problem+json (RFC 9457) with a stable `code`."))
        .license(Some(utoipa::openapi::LicenseBuilder::new().name("MIT OR Apache-2.0").build()))
        .build();
    let mut document = OpenApiBuilder::new().info(info).build();
    for service in roles::all() {
        document.merge((service.openapi)());
    }
    document.paths.paths.retain(|path, _| !path.starts_with("/internal"));
    let bearer = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build());
    document.components.get_or_insert_default().security_schemes.insert("token".into(), bearer.into());
    document
}

/// Returns the document as JSON.
pub(crate) fn json() -> Result<String, CommandError> {
    Ok(document().to_pretty_json()? + "\n")
}

/// Runs `tutti openapi`.
pub(crate) fn print() -> Result<(), CommandError> {
    print!("{}", json()?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `UPDATE=1 cargo test -p tutti` writes the document anew.
    #[test]
    fn the_committed_document_is_not_stale() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
        let now = json().unwrap();
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(path, &now).unwrap();
        }
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(committed == now, "docs/openapi.json is stale; run `make openapi`");
    }

    #[test]
    fn every_public_path_is_routed_to_the_role_that_describes_it() {
        let mut routes: Vec<String> = Vec::new();
        for service in roles::all() {
            for path in (service.openapi)().paths.paths.keys().filter(|path| !path.starts_with("/internal")) {
                let role = role_of(path);
                assert_eq!(role, Some(service.name), "{path} is {}'s", service.name);
                routes.push(path.clone());
            }
        }
        assert!(routes.len() > 20, "{routes:?}");
    }

    /// Returns the role of the most specific row of the gateway's table that matches.
    fn role_of(path: &str) -> Option<&'static str> {
        let segments: Vec<&str> = path.split('/').collect();
        let exactness = |pattern: &str| -> Option<usize> {
            let mut points = 0;
            let mut parts = pattern.split('/');
            for segment in &segments {
                match parts.next()? {
                    part if part.starts_with("{*") => return Some(points),
                    part if part.starts_with('{') => points += 1,
                    part if part == *segment => points += 2,
                    _ => return None,
                }
            }
            parts.next().is_none().then_some(points)
        };
        gateway::ROUTES
            .iter()
            .filter_map(|row| exactness(row.path).map(|points| (points, row.role)))
            .max_by_key(|(points, _)| *points)
            .map(|(_, role)| role)
    }
}
