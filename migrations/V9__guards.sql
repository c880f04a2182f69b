-- What guards the shop: which network a guest's order came from, and the log of what staff do.

-- A keyed fingerprint of the guest's network address: enough to count the open orders of one network, worth nothing without the
-- shop's key. No index: the one writer holds the counts and rebuilds them from the open orders.
alter table orders add column guest_network blob check (length(guest_network) = 16);

-- Who did what, before and after, from where: append-only, without gaps, and each row's hash covers the one before it, so that
-- no row can be changed or taken out of the middle unseen.
create table audit_log (
    n          integer primary key check (n >= 1),
    at         integer not null,
    actor      text    not null check (actor in ('guest', 'customer', 'driver', 'staff', 'admin', 'system')),
    actor_id   blob    check (length(actor_id) = 16),
    action     text    not null,
    subject    text,
    before     text    check (json_valid(before)),
    after      text    check (json_valid(after)),
    address    text,
    request_id text,
    outcome    text    not null check (outcome in ('done', 'refused', 'failed_sign_in')),
    code       text,
    hash       blob    not null check (length(hash) = 32)
) strict;

create index audit_log_at on audit_log (at);
create index audit_log_actor on audit_log (actor_id, n) where actor_id is not null;
create index audit_log_action on audit_log (action, n);
create index audit_log_subject on audit_log (subject, n) where subject is not null;
create index audit_log_refusals on audit_log (outcome, n) where outcome <> 'done';

create trigger audit_log_is_not_rewritten before update on audit_log begin select raise(abort, 'audit_log is append-only'); end;
create trigger audit_log_is_not_shortened before delete on audit_log begin select raise(abort, 'audit_log is append-only'); end;
