alter table session add column methods text not null default 'pwd';
alter table session add column proven_at timestamptz;
alter table session add column factor_proven_at timestamptz;
