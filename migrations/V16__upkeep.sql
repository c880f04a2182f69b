-- What upkeep has to know: how far messages were forgotten, whose orders were, and which days admins were told of.

-- Messages before this one were forgotten, so that none of them is looked at again.
create table notifications_forgotten (
    one     integer not null primary key check (one = 1),
    from_id blob    not null check (length(from_id) = 16)
) strict, without rowid;

insert into notifications_forgotten (one, from_id) values (1, zeroblob(16));

-- When its person was taken out of an order. Null costs an order nothing.
alter table orders add column anonymised_at integer;

-- Days of which admins were told how they went: each once, whatever the clock and the settings do.
create table daily_summaries (
    day     integer not null primary key, -- the shop's day, as 20261125
    told_at integer not null
) strict, without rowid;
