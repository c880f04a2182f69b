-- What a restored shop remembers of it, so that it never repeats what was done after its backup.

-- Each time that the shop was restored. While the newest has no answer, what tells people of the time before waits for the owner.
create table restorations (
    n           integer not null primary key,
    restored_at integer not null,
    backup_of   integer not null, -- the moment that the backup shows
    backup      text    not null, -- its name
    answered_at integer,          -- when somebody of the shop said what becomes of what waits
    messages    text check (messages in ('send', 'drop')),
    promotions  text check (promotions in ('send', 'drop'))
) strict;

-- Numbers of a day that the shop may have given to orders that it does not know any more: those after the first up to the second.
create table skipped_order_numbers (
    day   integer not null,
    after integer not null check (after >= 0),
    upto  integer not null check (upto > after),
    primary key (day, after)
) strict, without rowid;

-- Gateways whose books were read from the moment of a restoration's backup on.
create table payment_catch_ups (
    gateway     text    not null,
    restoration integer not null references restorations (n),
    at          integer not null,
    primary key (gateway, restoration)
) strict, without rowid;

create index payment_catch_ups_restoration on payment_catch_ups (restoration);

-- Accounts whose person was erased, so that the file of them beside the database can be made whole at each start.
create index users_erased on users (erased_at) where erased_at is not null;
