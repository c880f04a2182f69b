-- Refunds by line and of money that did not fit, payments counted by kind for their list, and what a gateway's own books say
-- otherwise.

-- Pieces of a line that went back on the shelf with a refund: a cancellation puts back the others alone.
alter table order_lines add column returned integer not null default 0
    constraint no_more_pieces_come_back_than_were_sold check (returned between 0 and quantity);

alter table refunds add column capture text; -- the captured object that it is taken from, once the gateway was asked
alter table refunds add column currency text check (length(currency) = 3); -- where it is not the order's: money that was parked
alter table refunds add column lost_at integer; -- when the gateway first did not know it, after it was asked for

create table payment_counts (
    method   text    not null,
    status   text    not null,
    payments integer not null,
    primary key (method, status)
) strict, without rowid;

insert into payment_counts (method, status, payments) select method, status, count(*) from payments group by method, status;

-- Most payments are cash, which this index leaves out.
create index payments_gateway on payments (method, id) where method <> 'cash';
create index gateway_attempts_parked on gateway_attempts (payment_id) where parked is not null;
create index money_ledger_gateways on money_ledger (method, at) where object is not null;

-- What a gateway's own books say otherwise than the ledger. A difference that is gone at a later comparison is closed.
create table payment_differences (
    id           blob    not null primary key check (length(id) = 16),
    gateway      text    not null,
    day          integer not null, -- the shop's day that was compared
    kind         text    not null check (kind in ('captured', 'refunded')),
    object       text    not null,
    what         text    not null check (what in ('missing_here', 'missing_there', 'amount')),
    payment_id   blob    references payments (id),
    ours_minor   integer,
    theirs_minor integer,
    currency     text    check (length(currency) = 3), -- of theirs, or of ours where they have none
    found_at     integer not null,
    closed_at    integer
) strict, without rowid;

create unique index payment_differences_open on payment_differences (gateway, kind, object) where closed_at is null;

-- The last day of each gateway that was compared.
create table payment_comparisons (
    gateway text    not null primary key,
    day     integer not null,
    at      integer not null
) strict, without rowid;
