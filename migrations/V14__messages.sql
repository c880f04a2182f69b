-- Messages to people: what is said, to whom, and what became of it; and the addresses that are not written to any more.

create table notifications (
    id          blob    not null primary key check (length(id) = 16),
    type        text    not null,
    channel     text    not null check (channel in ('email', 'sms')),
    recipient   text,             -- null once it is old, or its person was erased
    locale      text    not null check (locale in ('en', 'ar')),
    payload     text    check (json_valid(payload)), -- what its template is filled with; no secret; null as the recipient
    subject     text,             -- as it was sent
    order_id    blob,
    user_id     blob,
    status      text    not null check (status in ('queued', 'sending', 'sent', 'delivered', 'failed', 'suppressed')),
    attempts    integer not null default 0,
    failures    integer not null default 0, -- tries that the carrier has put off since it was queued: its waits grow by them
    resent      integer not null default 0, -- tries after one that may have arrived: the window of SPEC 7
    held        integer not null default 0 check (held in (0, 1)), -- it waits for its carrier, not for its time
    error_code  text,             -- of one that failed or was suppressed
    last_error  text,
    provider_id text,             -- the carrier's name for it
    created_at  integer not null,
    tried_at    integer,          -- when the newest try began
    sent_at     integer,
    updated_at  integer not null
) strict, without rowid;

create index notifications_order on notifications (order_id) where order_id is not null;
create index notifications_user on notifications (user_id) where user_id is not null;
-- A message's status moves within these seldom: one that is sent leaves the first, and most never stand in the others.
create index notifications_waiting on notifications (id) where status in ('queued', 'sending');
create index notifications_ended on notifications (status, id) where status in ('failed', 'suppressed');
create index notifications_held on notifications (channel, id) where held = 1;

-- Addresses that a provider has told us not to write to.
create table suppressions (
    channel    text    not null check (channel in ('email', 'sms')),
    address    text    not null, -- folded: an e-mail address in lower case, a phone as E.164
    reason     text    not null check (reason in ('bounced', 'stopped', 'complained')),
    created_at integer not null,
    primary key (channel, address)
) strict, without rowid;

-- What stops a channel altogether until its keeper has mended it: keys that are refused, a sender nobody has verified.
create table stopped_carriers (
    channel    text    not null primary key check (channel in ('email', 'sms')),
    why        text    not null,
    since      integer not null
) strict, without rowid;

-- Names of the news that a provider has told, so that what it tells again changes nothing: an old bounce must not silence an address
-- that staff have since freed, nor an old complaint a consent given anew.
create table provider_events (
    provider    text    not null,
    event_id    text    not null,
    received_at integer not null,
    primary key (provider, event_id)
) strict;

create index provider_events_old on provider_events (received_at);
