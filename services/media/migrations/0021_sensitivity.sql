alter table item add column nudity bigint;

alter table item add column nudity_model text;

alter table item add column owner_mark boolean;

alter table item add column moderator_mark boolean;

alter table item add column sensitivity_version bigint not null default 0;
