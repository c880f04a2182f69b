-- Payments: what was asked for, by which way, and what came of it. A payment is a row from the moment it begins; what was taken and
-- given back stands in the ledger, which is written anew here with the provider's objects beside each amount.

create table payments (
    id             blob    not null primary key check (length(id) = 16),
    order_id       blob    not null references orders (id),
    previous_id    blob    references payments (id), -- the payment of the same order before this one; the order names the last
    attempt        integer not null check (attempt >= 1), -- of its order, from 1
    method         text    not null, -- cash, card_machine, transfer, or a gateway's code
    status         text    not null check (status in ('pending', 'requires_action', 'succeeded', 'failed', 'cancelled', 'expired', 'parked')),
    amount_minor   integer not null check (amount_minor >= 0),
    captured_minor integer not null default 0 check (captured_minor >= 0), -- sums of the ledger, kept beside it
    refunded_minor integer not null default 0,
    is_disputed    integer not null default 0 check (is_disputed in (0, 1)),
    fee_minor      integer,
    fee_currency   text    check (length(fee_currency) = 3),
    failure        text    check (json_valid(failure)), -- JSON {code, message}
    created_at     integer not null,
    updated_at     integer not null,
    constraint no_more_of_a_payment_is_given_back_than_was_taken check (refunded_minor between 0 and captured_minor)
) strict, without rowid;

create index payments_unusual on payments (status, id) where status not in ('pending', 'succeeded');

create table refunds (
    id           blob    not null primary key check (length(id) = 16),
    payment_id   blob    not null references payments (id),
    order_id     blob    not null references orders (id),
    n            integer not null check (n >= 1), -- of its payment, from 1
    method       text    not null,
    amount_minor integer not null check (amount_minor > 0),
    status       text    not null check (status in ('pending', 'succeeded', 'failed')),
    reason       text,
    lines        text    check (json_valid(lines)), -- JSON [{itemId, quantity, restock}], where it was asked for by line
    object       text,    -- its name at the gateway
    memo         text,    -- what the gateway's adapter noted before it asked, to know afterwards whether it was done
    failure      text    check (json_valid(failure)), -- JSON {code, message}
    actor        text    not null,
    actor_id     blob,
    sent_at      integer, -- when the gateway was first asked
    created_at   integer not null,
    updated_at   integer not null
) strict, without rowid;

create unique index refunds_payment on refunds (payment_id, n);
create unique index refunds_object on refunds (method, object) where object is not null;
create index refunds_open on refunds (id) where status = 'pending';

-- What only a gateway's attempt has.
create table gateway_attempts (
    payment_id blob    not null primary key references payments (id),
    method     text    not null,
    flow       text    not null check (flow in ('redirect', 'elements')),
    phase      text    not null check (phase in ('calling', 'unclear', 'open', 'closed')),
    is_ending  integer not null default 0 check (is_ending in (0, 1)), -- it is to be ended at the gateway
    request    text    check (json_valid(request)), -- what the gateway is asked, so that the same can be asked again; none once closed
    reference  text,    -- its name at the gateway: a session, an order, an invoice
    handover   blob,    -- sealed JSON {redirectUrl, clientSecret}
    sent_at    integer not null, -- when its key was first sent
    ends_at    integer not null, -- until when the order waits for it
    asks       integer not null default 0, -- how often the reconciler has asked
    lost_at    integer, -- when the gateway first did not know it
    parked     text    check (json_valid(parked)), -- JSON {object, amountMinor, currency}: money that does not fit
    raw        text    check (json_valid(raw)), -- the last answer, without secrets and personal data
    raw_at     integer
) strict, without rowid;

create index gateway_attempts_open on gateway_attempts (phase, payment_id) where phase <> 'closed';

-- By which names a gateway speaks of a payment: only those that it signed or answered itself.
create table payment_objects (
    method     text not null,
    object     text not null,
    payment_id blob not null references payments (id),
    primary key (method, object)
) strict, without rowid;

create index payment_objects_payment on payment_objects (payment_id);

create table webhook_inbox (
    id          blob    not null primary key check (length(id) = 16),
    gateway     text    not null,
    event_id    text    not null,
    kind        text    not null,
    body        text    check (json_valid(body)), -- as it came, without secrets and personal data; none when it is old
    received_at integer not null,
    outcome     text    check (outcome in ('booked', 'nothing', 'ignored', 'parked', 'unknown')), -- none while it waits
    payment_id  blob,
    handled_at  integer,
    constraint webhook_event unique (gateway, event_id)
) strict, without rowid;

drop trigger money_ledger_is_not_rewritten;
drop trigger money_ledger_is_not_shortened;
alter table money_ledger rename to money_ledger_before_payments;

create table money_ledger (
    order_id     blob    not null references orders (id),
    n            integer not null check (n >= 1),
    payment_id   blob    not null references payments (id),
    refund_id    blob    references refunds (id),
    kind         text    not null check (kind in ('captured', 'refunded', 'refund_reversed', 'fee', 'dispute_withdrawn', 'dispute_reinstated')),
    method       text    not null,
    amount_minor integer not null check (amount_minor >= 0),
    currency     text    check (length(currency) = 3), -- where it is not the order's: a fee's
    object       text,    -- the provider's name of what was booked
    actor        text    not null,
    actor_id     blob,
    reference    text,
    reason       text,
    at           integer not null,
    primary key (order_id, n)
) strict, without rowid;

-- One object of a provider is booked once, whichever message tells it first.
create unique index money_ledger_objects on money_ledger (method, object, kind) where object is not null;

insert into payments (id, order_id, attempt, method, status, amount_minor, captured_minor, refunded_minor, created_at, updated_at)
select p.payment_id, p.order_id, 1, p.method,
    case when coalesce(s.captured, 0) >= p.amount_minor and (p.amount_minor > 0 or o.status = 'Delivered') then 'succeeded'
         when o.status = 'Cancelled' and coalesce(s.captured, 0) = 0 then 'cancelled' else 'pending' end,
    p.amount_minor, coalesce(s.captured, 0), coalesce(s.refunded, 0), p.at, coalesce(s.last_at, p.at)
from money_ledger_before_payments p join orders o on o.id = p.order_id
left join (select order_id, sum(amount_minor) filter (where kind = 'captured') as captured,
           sum(amount_minor) filter (where kind = 'refunded') as refunded, max(at) as last_at
           from money_ledger_before_payments where kind <> 'pending' group by order_id) s on s.order_id = p.order_id
where p.kind = 'pending';

insert into refunds (id, payment_id, order_id, n, method, amount_minor, status, reason, actor, actor_id, created_at, updated_at)
select unhex(printf('%012x', at) || '7' || substr(hex(randomblob(2)), 2) || '8' || substr(hex(randomblob(8)), 2)), payment_id, order_id, row_number() over (partition by payment_id order by n), method, amount_minor, 'succeeded', reason,
    actor, actor_id, at, at
from money_ledger_before_payments where kind = 'refunded' and amount_minor > 0;

insert into money_ledger (order_id, n, payment_id, refund_id, kind, method, amount_minor, actor, actor_id, reference, reason, at)
select l.order_id, l.n, l.payment_id,
    (select r.id from refunds r where r.payment_id = l.payment_id and l.kind = 'refunded' and r.n =
        (select count(*) from money_ledger_before_payments b where b.order_id = l.order_id and b.kind = 'refunded' and b.amount_minor > 0 and b.n <= l.n)),
    l.kind, l.method, l.amount_minor, l.actor, l.actor_id, l.reference, l.reason, l.at
from money_ledger_before_payments l where l.kind <> 'pending';

drop table money_ledger_before_payments;

create trigger money_ledger_is_not_rewritten before update on money_ledger begin select raise(abort, 'money_ledger is append-only'); end;
create trigger money_ledger_is_not_shortened before delete on money_ledger begin select raise(abort, 'money_ledger is append-only'); end;

-- The order's last payment, from which the ones before are found: so an order paid in cash costs no index entry for it.
alter table orders add column payment_id blob check (length(payment_id) = 16);
update orders set payment_id = (select p.id from payments p where p.order_id = orders.id);
