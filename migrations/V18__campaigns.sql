-- What staff wrote to many at once: what is said, how far it has come, and to how many.

create table campaigns (
    id         blob    not null primary key check (length(id) = 16),
    type       text    not null check (type in ('message', 'promotion')),
    channel    text    not null check (channel in ('email', 'sms')),
    audience   text    not null check (audience in ('users', 'order', 'all')),
    content    text    check (json_valid(content)), -- of a promotion to all, which its job takes from here
    after_user blob,             -- the last account that was looked at, of a promotion to all
    queued     integer not null default 0 check (queued >= 0),
    created_at integer not null,
    ended_at   integer            -- when the last message was queued; null while more follow
) strict, without rowid;
