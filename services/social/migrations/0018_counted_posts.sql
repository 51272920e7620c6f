alter table post add column is_counted boolean not null default false;
update post
   set is_counted = true
 where state = 'published'
   and audience = 'public'
   and thread is null
   and (text <> ''
        or exists (
            select 1
              from post_media shown
             where shown.post = post.id
               and not shown.is_hidden
               and shown.state in ('playable', 'ready')));
update person_counts
   set public_post_count = (
       select count(*)
         from post
        where post.author = person_counts.person
          and post.is_counted);
