//! The SQL form of [`crate::model::may_see`], for every list: it filters before the limit.
//!
//! A list has no link, so a post with the audience `link` is in its author's lists only. Invariant: for every reader
//! and post, this condition and the pure rule say the same (the test below walks the whole matrix).

/// Returns the condition that a reader may see a post. The query has the table `post`, and its author's row of `person`
/// as `author`; `reader` and `now` are the names of its parameters (`$1`): the reader's number, and the time in
/// microseconds. A part of a thread is seen by those who may see its opening.
pub(crate) fn visible_post(reader: &str, now: &str) -> String {
    format!(
        "{own}
         and (post.thread is null
              or post.author = {reader}
              or (post.part_state = 'joined'
                  and exists (
                      select 1
                        from post opening
                        join person opener on opener.number = opening.author
                       where opening.id = post.thread
                         and {opening}
                         and {unblocked})))",
        own = visible_alone("post", "author", reader, now),
        opening = visible_alone("opening", "opener", reader, now),
        unblocked = unblocked("post.author", "opening.author"),
    )
}

/// Returns the condition that a reader who may see a thread may see a part of it. The query has the tables of
/// [`visible_post`]; `opener` is the parameter of the number of who has opened the thread.
pub(crate) fn visible_part(opener: &str, reader: &str, now: &str) -> String {
    format!(
        "{own}
         and (post.author = {reader}
              or (post.part_state = 'joined'
                  and {unblocked}))",
        own = visible_alone("post", "author", reader, now),
        unblocked = unblocked("post.author", opener),
    )
}

/// Returns the condition that neither of two people has blocked the other.
fn unblocked(one: &str, other: &str) -> String {
    format!(
        "not exists (
             select 1
               from block
              where blocker = {one}
                and blocked = {other})
         and not exists (
             select 1
               from block
              where blocker = {other}
                and blocked = {one})"
    )
}

/// Returns the condition that a reader may see a post by itself. `post` and `author` are the names of its row, and of
/// its author's. With `offset`, PostgreSQL looks into the index of a post's media, instead of hashing those of all.
fn visible_alone(post: &str, author: &str, reader: &str, now: &str) -> String {
    format!(
        "({post}.expires_us is null or {post}.expires_us > {now})
         and ({post}.author = {reader}
              or ({post}.state = 'published'
                  and ({post}.text <> ''
                       or exists (
                           select 1
                             from post_media shown
                            where shown.post = {post}.id
                              and not shown.is_hidden
                              and shown.state in ('playable', 'ready')
                            limit 1 offset 0))
                  and {shown}
                  and (({post}.audience = 'public' and not {author}.is_private)
                       or ({post}.audience in ('public', 'followers', 'friends')
                           and exists (
                               select 1
                                 from follow
                                where follower = {reader}
                                  and followee = {post}.author)
                           and ({post}.audience <> 'friends'
                                or exists (
                                    select 1
                                      from follow
                                     where follower = {post}.author
                                       and followee = {reader})))
                       or ({post}.audience = 'close'
                           and exists (
                               select 1
                                 from close_friend
                                where owner = {post}.author
                                  and friend = {reader})))))",
        shown = visible_person(author, reader, now),
    )
}

/// Returns the condition that a reader who may see a post is shown its song: it is its author's own, or its owner shows
/// it to the reader in a public post. The query has the tables `post` and `song`.
pub(crate) fn visible_song(reader: &str, now: &str) -> String {
    format!(
        "not song.is_hidden
         and (song.owner = post.author
              or exists (
                  select 1
                    from post_media
                    join post showing on showing.id = post_media.post
                    join person singer on singer.number = showing.author
                   where post_media.media = song.media
                     and {showing}))",
        showing = showing_post("showing", "singer", reader, now),
    )
}

/// Returns the condition that a post shows its media to a reader and is public, so that others may name them. `post`
/// and `author` are the names of its row, and of its author's.
pub(crate) fn showing_post(post: &str, author: &str, reader: &str, now: &str) -> String {
    format!(
        "{post}.audience = 'public'
         and {post}.state = 'published'
         and {post}.thread is null
         and {visible}",
        visible = visible_alone(post, author, reader, now),
    )
}

/// Returns the condition that a person, whose row has the alias `person`, is shown to a reader: the account is not
/// suspended, and neither has blocked the other.
pub(crate) fn visible_person(person: &str, reader: &str, now: &str) -> String {
    format!(
        "{standing}
         and {unblocked}",
        standing = not_hidden(person, now),
        unblocked = unblocked(&format!("{person}.number"), reader),
    )
}

/// Returns the condition that the account of a person, whose row has the alias `person`, is not suspended.
pub(crate) fn not_hidden(person: &str, now: &str) -> String {
    format!("({person}.state in ('active', 'limited') or {person}.state_until_us <= {now})")
}

/// Returns the condition that a reader has not muted a person, whose number the column `person` has. For feeds only: a
/// profile and a post are shown to those who ask for them.
pub(crate) fn not_muted(person: &str, reader: &str, now: &str) -> String {
    format!(
        "not exists (
             select 1
               from mute
              where muter = {reader}
                and muted = {person}
                and (until_s is null or until_s > {now} / 1000000))"
    )
}

/// Returns the condition that a reader who may see a post may see a comment on it. The query has the table
/// `post_comment`, and its author's row as `person`. Of an answer, the comment above must be visible as well.
pub(crate) fn visible_comment(reader: &str, now: &str) -> String {
    format!(
        "(post_comment.author = {reader}
          or ((not post_comment.is_pending
               or (post_comment.post_author = {reader} and post_comment.held_by is null))
              and {shown}))",
        shown = visible_person("person", reader, now),
    )
}

#[cfg(test)]
mod tests;
