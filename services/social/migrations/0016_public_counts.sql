alter table person_counts add column public_post_count bigint not null default 0;
update person_counts
   set public_post_count = (
       select count(*)
         from post
        where post.author = person_counts.person
          and post.state = 'published'
          and post.audience = 'public'
          and post.thread is null);
