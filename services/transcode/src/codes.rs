//! The code of this role's only HTTP problem. The reasons why a file is rejected are in `model::reject_reason`: they
//! reach members by the event `transcode.failed`.

http_server::codes! {
    /// The codes of transcode's problems.
    NOT_FOUND = 404 "media.not_found", "Check the id; if it is right, the item is gone or is not yours to see.";
}
