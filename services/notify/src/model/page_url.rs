//! Where the page shows what a notice is about.
//!
//! Invariant: a path has an id or a handle, never a text of a member, so it needs no escaping.

use contract::notify::NoticeKind;

/// Where a notice leads to when what it is about has no page.
const LIST: &str = "/notifications";

/// Returns the path of the page for a notice about `subject`, by the member `handle`. `None` is a kind of a later
/// release.
pub(crate) fn page_url(kind: impl Into<Option<NoticeKind>>, subject: Option<&str>, handle: Option<&str>) -> String {
    let Some(kind) = kind.into() else { return LIST.to_owned() };
    let below =
        |folder: &str, name: Option<&str>| name.map_or_else(|| LIST.to_owned(), |name| format!("{folder}{name}"));
    match kind {
        NoticeKind::Followed | NoticeKind::FollowAccepted => below("/u/", handle),
        NoticeKind::FollowRequested => "/follow-requests".to_owned(),
        NoticeKind::CommentPending => "/pending-comments".to_owned(),
        NoticeKind::GreetingOpened => "/greetings".to_owned(),
        NoticeKind::Reacted
        | NoticeKind::Commented
        | NoticeKind::Answered
        | NoticeKind::Mentioned
        | NoticeKind::Reposted
        | NoticeKind::Posted => below("/p/", subject),
        NoticeKind::PartAdded | NoticeKind::PartPending | NoticeKind::PartApproved | NoticeKind::PartRemoved => {
            below("/t/", subject)
        }
        NoticeKind::Messaged => below("/messages/", subject),
        NoticeKind::Reminder => "/reminders".to_owned(),
        NoticeKind::Moderated | NoticeKind::AppealAnswered => "/settings".to_owned(),
        NoticeKind::ReportAnswered | NoticeKind::Announcement => LIST.to_owned(),
        NoticeKind::MediaReady | NoticeKind::MediaFailed => below("/m/", subject),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_leads_to_what_it_is_about() {
        for (kind, url) in [
            (NoticeKind::Reacted, "/p/7"),
            (NoticeKind::PartAdded, "/t/7"),
            (NoticeKind::MediaReady, "/m/7"),
            (NoticeKind::Followed, "/u/ada"),
            (NoticeKind::FollowRequested, "/follow-requests"),
            (NoticeKind::Moderated, "/settings"),
        ] {
            assert_eq!(page_url(kind, Some("7"), Some("ada")), url);
        }
        assert_eq!(page_url(NoticeKind::Followed, None, None), LIST);
        assert_eq!(page_url(NoticeKind::Posted, None, None), LIST);
        assert_eq!(page_url(None::<NoticeKind>, Some("7"), Some("ada")), LIST);
    }
}
