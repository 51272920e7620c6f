//! Types and rules, without I/O.
//!
//! Invariant: a value of these types has passed its rules.

pub(crate) mod budget;
mod comment;
mod feed_cursor;
mod greeting;
mod invalid_post;
mod may_see;
mod numbered_list;
mod person;
mod position;
mod post;
mod post_media;
mod post_text;
mod programme;
mod relation;
mod removal;
mod report;
pub(crate) mod rising;
mod sender;
mod song;
pub(crate) mod thread;
mod thread_part;
mod topic;
mod watched_words;

pub(crate) use comment::{Comment, CommentText, HeldBy};
pub(crate) use feed_cursor::{Feed, RisingCursor};
pub(crate) use greeting::{Greeting, GreetingToken, NewGreeting, is_preview};
pub(crate) use invalid_post::InvalidPost;
pub(crate) use may_see::{PartFacts, ReaderFacts, may_do, may_review, may_see, may_see_part};
pub(crate) use numbered_list::{Mark, NumberedList};
pub(crate) use person::{Person, PersonNumber, Standing, is_account_name};
pub(crate) use position::{Position, parse_cursor};
pub(crate) use post::{NewPost, Place, Post, PostChange};
pub(crate) use post_media::{Conclusion, MediaUpdate, PostMedia, conclude, signature_end, view_signature};
pub(crate) use post_text::{PostText, words_of};
pub(crate) use programme::{Programme, ProgrammeClip, ProgrammeList, target_us_of, version_of};
pub(crate) use relation::Relation;
pub(crate) use removal::{Removal, RemovalNotice, parse_message};
pub(crate) use report::{NewReport, ROLE, Report, check_decision, own_thing};
pub(crate) use sender::Sender;
pub(crate) use song::{ShownSong, Song, SongChoice, title_of};
pub(crate) use thread::{JoinRefusal, Joiner, NewThread, Thread};
pub(crate) use thread_part::{ThreadPart, parse_reason};
pub(crate) use topic::Topic;
pub(crate) use watched_words::WatchedWords;
