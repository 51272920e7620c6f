//! The codes of media's problems: status, code and what to do, one row each.
//!
//! Invariant: a status and a code stand here and nowhere else; [`crate::error`] maps each error to a row.

http_server::codes! {
    /// The codes of media's problems.
    NOT_FOUND = 404 "media.not_found", "Check the id; if it is right, the item is gone or is not yours to see.";
    NO_SUCH_MEMBER = 404 "media.no_such_member", "Check the handle; if it is right, the account was erased.";
    NOT_FAILED = 409 "media.not_failed", "Read the item: only one whose state is `failed` can be retried.";
    NO_SUCH_LISTED_PICTURE = 404 "media.no_such_listed_picture", "List the pictures again; this entry was removed.";
    BAD_HASH_LIST = 422 "media.bad_hash_list",
        "Mend the line that the sentence names; each has one hash of 64 hexadecimal digits.";
    HASH_LIST_FULL = 409 "media.hash_list_full",
        "Remove entries, and send the same list again: what was added before the limit stays.";
    WITHHELD = 403 "media.withheld", "Appeal the verdict that `withheld` of the item names, or delete the item.";
    ALREADY_CLAIMED = 409 "media.already_claimed",
        "Leave the item out of the claim, or claim it for the subject that it has.";
    NO_SUCH_ALBUM = 404 "media.no_such_album",
        "Check the id; if it is right, the album is gone or is not yours to see.";
    QUOTA_ALBUMS = 403 "media.quota_albums", "Delete an album.";
    ALBUM_FULL = 403 "media.album_full", "Take items out of the album, or begin another one.";
    EMPTY = 422 "media.empty", "Send a file that has bytes.";
    UNSUPPORTED_TYPE = 415 "media.unsupported_type", "Convert the file to one of the formats in the sentence.";
    TOO_LARGE = 413 "media.too_large", "Send a smaller file; the limit is in the sentence.";
    TOO_MANY_PIXELS = 422 "media.too_many_pixels", "Make the image or video smaller; the limits are in the sentence.";
    TOO_MANY_FRAMES = 422 "media.too_many_frames", "Send a shorter animation, or a video instead.";
    TOO_MANY_SCANS = 422 "media.too_many_scans", "Save the photo as a baseline JPEG.";
    TOO_MANY_PICTURES = 422 "media.too_many_pictures", "Save the photo as a JPEG.";
    BAD_SAMPLE_RATE = 422 "media.bad_sample_rate",
        "Convert the audio to a usual sample rate, such as 44100 or 48000.";
    TOO_MANY_CHANNELS = 422 "media.too_many_channels", "Mix the audio down; the limit is in the sentence.";
    TOO_MANY_TRACKS = 422 "media.too_many_tracks", "Export the file with one video track and one audio track.";
    TOO_MANY_SAMPLES = 422 "media.too_many_samples",
        "Export the file again; its index lists more samples than it can have.";
    TOO_MANY_EDITS = 422 "media.too_many_edits", "Export the file again, so that its edits are applied.";
    COVER_TOO_LARGE = 422 "media.cover_too_large",
        "Make the cover image or the tags smaller; the limits are in the sentence.";
    TOO_LONG = 422 "media.too_long", "Send the recording in parts; the limit is in the sentence.";
    BROKEN_FILE = 422 "media.broken_file",
        "Send the file again from the original; the sentence says what is wrong with it.";
    INCOMPLETE = 400 "media.incomplete", "Send the whole file again; the connection ended before its last byte.";
    TOO_MUCH = 400 "media.too_much", "Announce the length that the file has, and send it again.";
    DIGEST_MISMATCH = 422 "media.digest_mismatch", "Send the file again; its bytes changed on the way.";
    BLOCKED = 422 "media.blocked", "Send another file: moderators of the site have refused this one for everyone.";
    BAD_DIGEST = 400 "media.bad_digest", "Write the header as `Repr-Digest: sha-256=:<base64>:`.";
    TOO_SLOW = 408 "media.too_slow", "Try again with a better connection, or use a resumable upload.";
    UNSUPPORTED_CONTENT_ENCODING = 415 "media.unsupported_content_encoding",
        "Send the file without Content-Encoding.";
    QUOTA_BYTES = 403 "media.quota_bytes",
        "Delete something for good (`purge=true`; the trash counts too), or cancel an unfinished upload.";
    QUOTA_ITEMS = 403 "media.quota_items",
        "Delete an item for good (`purge=true`; the trash counts too), or cancel an unfinished upload.";
    QUOTA_UPLOADS = 403 "media.quota_uploads", "Finish or cancel an unfinished upload.";
    QUOTA_LINKS = 403 "media.quota_links", "Revoke a link to this item, or wait until one expires.";
    ACCOUNT_CLOSED = 403 "media.account_closed", "Sign up again; the account of this token was erased.";
    ACCOUNT_LIMITED = 403 "media.account_limited", "Keep it private until your account is limited no more.";
    QUOTA_RATE = 429 "media.quota_rate", "Wait as long as `Retry-After` says.";
    BUSY = 503 "media.busy", "Wait as long as `Retry-After` says, and send the request again.";
    TOO_MANY_FOLLOWERS = 503 "media.too_many_followers", "Poll the item instead, or follow it later.";
    TOO_MANY_LISTS = 429 "media.too_many_lists", "Wait for one of your other lists to finish.";
    LISTS_BUSY = 503 "media.lists_busy", "Wait as long as `Retry-After` says.";
    NO_SUCH_UPLOAD = 404 "media.no_such_upload",
        "Create a new upload; this one was completed long ago, cancelled, or has expired.";
    NO_SUCH_LINK = 404 "media.no_such_link", "List the links of the item again; this one was revoked or has expired.";
    WRONG_OFFSET = 409 "media.wrong_offset", "Ask for the offset with HEAD, and continue from there.";
    TAKEN_OVER = 409 "media.taken_over", "Ask for the offset with HEAD, and continue from there.";
    CHECKSUM_MISMATCH = 460 "media.checksum_mismatch", "Send the bytes of this request again; none of them was kept.";
    BAD_UPLOAD_REQUEST = 400 "media.bad_upload_request", "Send the header that the sentence names.";
    NOT_OFFSET_STREAM = 415 "media.not_offset_stream",
        "Send the bytes with `Content-Type: application/offset+octet-stream`.";
    BAD_CAPTIONS = 422 "media.bad_captions",
        "Mend the line that the sentence names; the file must be WebVTT or SubRip.";
    TOO_MANY_CAPTIONS = 422 "media.too_many_captions", "Remove the captions in another language first.";
    NO_SUCH_CAPTIONS = 404 "media.no_such_captions", "Ask for captions that the item's view lists.";
    TUS_VERSION = 412 "media.tus_version", "Send `Tus-Resumable: 1.0.0`.";
}
