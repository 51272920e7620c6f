alter table post add column removed_by bigint;
create index post_removed_by on post (removed_by) where removed_by is not null;
alter table report add column decision text;
alter table report add column closed_us bigint;
create index report_object on report (kind, object, id) where state = 'open';
create index report_kind on report (kind, state, id);
create index report_closed on report (closed_us) where closed_us is not null;
