//! The committed documents are those that the code makes. `UPDATE=1 cargo test -p tutti` writes them anew.

use gateway::ListenerKind;

use super::{assemble_all, asyncapi, errors_page, interfaces, json};

/// Compares a text with the file of this name in `docs`, or writes it there if the environment asks for it.
fn assert_committed(name: &str, now: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, now).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == now, "docs/{name} is stale; run `make openapi`");
}

#[test]
fn the_committed_documents_are_not_stale() {
    assert_committed("openapi.json", &json(ListenerKind::Public).unwrap());
    assert_committed("operators-openapi.json", &json(ListenerKind::Operators).unwrap());
}

#[test]
fn the_committed_document_of_frames_is_not_stale() {
    assert_committed("asyncapi.json", &asyncapi::json(&interfaces()));
}

#[test]
fn the_committed_page_of_errors_is_not_stale() {
    let interfaces = interfaces();
    assert_committed("errors.md", &errors_page::page(&interfaces, &assemble_all(&interfaces).1));
}
