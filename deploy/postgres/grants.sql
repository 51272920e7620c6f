-- What people may do in Tutti's database: the groups tutti_viewer, tutti_developer and tutti_devops, as in Kubernetes (access.yaml) and AWS (iam/).
-- Usage, after the first migration and again after each release: psql "$DATABASE_URL" --set ON_ERROR_STOP=1 --file deploy/postgres/grants.sql
--        Then give a person a group:                              create role ada login in role tutti_developer;
-- The user that runs it owns the schemas, and may create roles. Invariant: a second run changes nothing; viewers and developers read no row about
-- members, no group reads the content of mails, and only the server's own user and DevOps write.
begin;

do $$
declare
    name text;
begin
    foreach name in array array['tutti_viewer', 'tutti_developer', 'tutti_devops'] loop
        if not exists (select from pg_roles where rolname = name) then
            execute format('create role %I nologin', name);
        end if;
    end loop;
end
$$;

-- A viewer sees how the database is doing: sessions, sizes, statistics. No row.
grant pg_read_all_stats to tutti_viewer;
-- A developer sees in addition which schema and which runs of timed jobs there are, and what waits: the tables of the platform, without payloads.
grant tutti_viewer to tutti_developer;

do $$
declare
    role_schema text;
    readable constant text[] := array['schema_version', 'schedule_run', 'schedule_job', 'environment', 'retirement', 'removal_hold',
        'restored'];
    counted constant text[][] := array[['outbox', 'id, subject, created_at, sent_at'], ['inbox', 'consumer, event_id, seen_at'],
        ['mail_outbox', 'id, template, state, created_at, due_at, attempts, settled_at']];
    one text;
    columns text;
begin
    for role_schema in select nspname from pg_namespace where nspname like 'tutti\_%' and nspname not like 'tutti\_drill%' loop
        -- No rights by default.
        execute format('revoke all on schema %I from public', role_schema);
        execute format('grant usage on schema %I to tutti_developer, tutti_devops', role_schema);
        foreach one in array readable loop
            if to_regclass(format('%I.%I', role_schema, one)) is not null then
                execute format('grant select on %I.%I to tutti_developer', role_schema, one);
            end if;
        end loop;
        -- Mails hold links that open accounts.
        if to_regclass(format('%I.mail_outbox', role_schema)) is not null then
            execute format('revoke all on %I.mail_outbox from tutti_devops', role_schema);
        end if;
        -- The audit trail is only appended to, by the server.
        if to_regclass(format('%I.audit_entry', role_schema)) is not null then
            execute format('revoke insert, update, delete on %I.audit_entry from tutti_devops', role_schema);
        end if;
    end loop;
end
$$;

grant pg_read_all_stats, pg_signal_backend to tutti_devops;

commit;
