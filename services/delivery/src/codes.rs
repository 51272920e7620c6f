//! The codes of delivery's problems. A code never changes its meaning or its status.

http_server::codes! {
    /// The codes of delivery's problems.
    NOT_FOUND = 404 "media.not_found", "Check the id; if it is right, the item is gone or is not yours to see.";
    NO_SUCH_FILE = 404 "delivery.no_such_file",
        "Ask for a file that the item has: its view lists them, and a master playlist its renditions.";
    NOT_READY = 404 "delivery.not_ready",
        "Wait as long as `Retry-After` says, or follow the item's events until it is ready.";
    NOT_OWNER = 403 "auth.not_owner", "Ask for the scrubbed file at `/v1/files`, or its owner for a signed URL.";
    WITHHELD = 403 "delivery.withheld", "Ask the owner for the original: this file can't be made free of metadata.";
    RANGE_NOT_SATISFIABLE = 416 "request.range_not_satisfiable",
        "Ask for a range within the file; its size is in `Content-Range` and in the sentence.";
    PRECONDITION_FAILED = 412 "request.precondition_failed",
        "The file has changed: fetch it again without `If-Match`, and continue from that.";
    TOO_MANY_DOWNLOADS = 503 "delivery.too_many_downloads",
        "Wait until another download has ended, or as long as `Retry-After` says, then ask for the archive again.";
    BUSY = 503 "delivery.busy", "Wait as long as `Retry-After` says, then ask for the image again.";
    IMAGE_TOO_COSTLY = 422 "delivery.image_too_costly", "Upload it with fewer pixels, or as a baseline JPEG.";
    IMAGE_UNSUPPORTED = 422 "delivery.image_unsupported",
        "Upload it as JPEG, PNG, WebP or GIF; the original can be downloaded as it is.";
    IMAGE_TOO_LARGE = 422 "delivery.image_too_large", "Upload it with fewer pixels; the limit is in the sentence.";
    IMAGE_TRUNCATED = 422 "delivery.image_truncated", "Upload it again: its end is missing.";
    IMAGE_DAMAGED = 422 "delivery.image_damaged", "Open it, save it anew, and upload that file.";
}
