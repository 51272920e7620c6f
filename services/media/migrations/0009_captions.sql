create table caption (
    item text not null,
    lang text not null,
    content text not null,
    etag text not null,
    updated_at timestamptz not null,
    primary key (item, lang)
);

alter table item add column captions text not null default '';
