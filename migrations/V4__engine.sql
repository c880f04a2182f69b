-- What the machine room keeps: durable work, and answers that a repeated request gets again.

create table jobs (
    id           blob    not null primary key check (length(id) = 16),
    kind         text    not null,
    key          text    not null, -- at most one open job a kind and key
    payload      text    check (json_valid(payload)),
    status       text    not null check (status in ('queued', 'running', 'done', 'dead', 'cancelled')),
    attempts     integer not null default 0,
    max_attempts integer not null check (max_attempts >= 1),
    run_at       integer not null,
    lease_until  integer,
    last_error   text,
    created_at   integer not null,
    finished_at  integer
) strict, without rowid;

create unique index jobs_open on jobs (kind, key) where status in ('queued', 'running');

-- In order of time: a row under a random key would dirty a page of its own for each order (measured: half of everything). The
-- one writer holds the map from key to row and rebuilds it at start.
create table idempotent_answers (
    id           integer primary key,
    key_hash     blob    not null check (length(key_hash) = 16),
    request_hash blob    not null check (length(request_hash) = 16),
    status       integer not null,
    location     text,
    body         blob    not null,
    created_at   integer not null
) strict;
