-- Accounts, their sessions, and the owner's settings.
-- An address is unique in lower case; a session is the family of its refresh tokens, so that a reused token can end them all.

create table users (
    id            blob    not null primary key check (length(id) = 16),
    name          text    not null check (length(name) between 1 and 200),
    email         text    not null check (email = lower(email)),
    phone         text,
    role          text    not null check (role in ('customer', 'driver', 'staff', 'admin')),
    password_hash text    not null,
    locale        text    not null check (locale in ('en', 'ar')),
    version       integer not null default 1,
    created_at    integer not null,
    updated_at    integer not null
) strict, without rowid;

create unique index users_email on users (email);

create table sessions (
    id         blob    not null primary key check (length(id) = 16),
    user_id    blob    not null references users (id),
    created_at integer not null,
    used_at    integer not null,
    ended_at   integer
) strict, without rowid;

create index sessions_user on sessions (user_id);

-- Only the SHA-256 of a refresh token is kept. A used one stays until its session goes, to be known again if it comes back.
create table refresh_tokens (
    hash       blob    not null primary key check (length(hash) = 32),
    session_id blob    not null references sessions (id),
    created_at integer not null,
    used_at    integer
) strict, without rowid;

create index refresh_tokens_session on refresh_tokens (session_id);

-- What the owner decides (SPEC 10): one row a section, JSON, so that a new setting is no migration.
create table settings (
    section    text    not null primary key,
    value      text    not null check (json_valid(value)),
    version    integer not null default 1,
    updated_at integer not null
) strict, without rowid;
