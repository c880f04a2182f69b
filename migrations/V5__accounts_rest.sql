-- Accounts, the rest: what people say of themselves, links by which a password is set, accounts that were erased.
-- An account whose password hash is empty has no password yet (it was invited) or no more (it was erased); nobody signs in to it.

alter table users add column marketing_consent integer not null default 0 check (marketing_consent in (0, 1));
alter table users add column metadata text check (json_valid(metadata)); -- free JSON of staff; null: none
alter table users add column erased_at integer; -- its person is gone; the row stays for the books that name it

-- In the order in which their owner keeps them.
create table user_addresses (
    user_id    blob    not null references users (id),
    n          integer not null check (n between 1 and 20),
    id         blob    not null check (length(id) = 16),
    label      text,
    address    text    not null check (json_valid(address)), -- JSON {line1, line2, area, city, notes, lat, lng}
    is_default integer not null check (is_default in (0, 1)),
    primary key (user_id, n),
    constraint address_id unique (user_id, id)
) strict, without rowid;

create unique index user_addresses_default on user_addresses (user_id) where is_default = 1;

-- Only the SHA-256 of a link's token is kept. A newer link of a kind takes the older one's place; one that was used is deleted.
create table account_links (
    user_id    blob    not null references users (id),
    kind       text    not null check (kind in ('reset', 'invite')),
    hash       blob    not null unique check (length(hash) = 32),
    created_at integer not null,
    ends_at    integer not null,
    primary key (user_id, kind)
) strict, without rowid;

-- One row, written by each request for a link, so that a request for an address without an account costs a write and its sync like
-- any other.
create table link_requests (
    id    integer not null primary key check (id = 1),
    count integer not null,
    at    integer not null
) strict;
