alter table account add column privacy_changed_at timestamptz;
