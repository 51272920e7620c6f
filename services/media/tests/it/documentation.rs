//! The OpenAPI part of media.

#[test]
fn the_api_is_documented() {
    let document = serde_json::to_value((media::service().openapi)()).unwrap();
    for path in [
        "/v1/media",
        "/v1/media/form",
        "/v1/media/{id}",
        "/v1/media/claims",
        "/v1/media/{id}/events",
        "/v1/uploads",
        "/v1/uploads/{id}",
    ] {
        assert!(document["paths"][path].is_object(), "{path}");
    }
    assert!(document["components"]["schemas"]["Media"].is_object());
    let text = document.to_string();
    let ids: Vec<&str> = text.split("\"operationId\":\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let unique: std::collections::BTreeSet<&str> = ids.iter().copied().collect();
    assert_eq!((ids.len(), unique.len()), (44, 44), "{ids:?}");
}
