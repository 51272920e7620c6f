alter table post_media add column sensitivity text not null default 'clear';

alter table post_media add column sensitivity_version bigint not null default 0;
