alter table session add column operators boolean not null default false;
create index session_operators_idle on session (last_seen_at) where operators;
create table audit_entry (
    number bigint primary key,
    at timestamptz not null,
    actor_id uuid,
    actor text not null,
    roles text not null,
    address text,
    user_agent text,
    request_id text,
    action text not null,
    target_kind text,
    target_id text,
    before_json text,
    after_json text,
    reason text not null,
    previous_hash text not null,
    hash text not null
);
create index audit_entry_actor_id on audit_entry (actor_id, number);
create index audit_entry_actor on audit_entry (actor, number);
create index audit_entry_action on audit_entry (action, number);
create index audit_entry_target on audit_entry (target_id, number);
create index audit_entry_hash on audit_entry (hash);
-- only sqlite
create trigger audit_entry_never_changes before update on audit_entry
begin select raise(abort, 'an entry of the audit trail never changes'); end;
-- only sqlite
create trigger audit_entry_is_never_removed before delete on audit_entry
begin select raise(abort, 'an entry of the audit trail is never removed'); end;
-- only sqlite
create trigger audit_entry_is_never_replaced before insert on audit_entry
when exists (select 1 from audit_entry where number = new.number)
begin select raise(abort, 'an entry of the audit trail is never replaced'); end;
-- only postgresql
create function audit_entry_never_changes() returns trigger language plpgsql as
'begin raise exception ''an entry of the audit trail never changes''; end';
-- only postgresql
create trigger audit_entry_never_changes before update or delete or truncate on audit_entry
execute function audit_entry_never_changes();
-- only postgresql
revoke update, delete, truncate on audit_entry from current_user;
-- only postgresql
create index account_handle_bytes on account (handle collate "C");
-- only sqlite
create index account_state on account (state, handle) where state <> 'active';
-- only postgresql
create index account_state on account (state, handle collate "C") where state <> 'active';
