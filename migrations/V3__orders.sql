-- Orders, their lines, their history, their money.
-- Tables without rowid keyed by the order, the hold in the line, and no index on creation time (the id is a UUIDv7): an order of
-- three lines costs at most 16 B-tree writes (SPEC 12), counted by a test.

create table orders (
    id                 blob    not null primary key check (length(id) = 16),
    number_day         integer not null, -- shop-local day of the order number, as 20261125
    number             integer not null check (number >= 1),
    status             text    not null check (status in ('Pending', 'Confirmed', 'Preparing', 'ReadyForPickup', 'OutForDelivery', 'Delivered', 'Cancelled')),
    payment_status     text    not null check (payment_status in ('Pending', 'Paid', 'PartiallyRefunded', 'Refunded', 'Failed')),
    payment_method     text    not null,
    fulfilment         text    not null check (fulfilment in ('pickup', 'delivery')),
    source             text    not null check (source in ('web', 'counter', 'partner', 'event')),
    placed_by          text    not null,
    placed_by_id       blob,
    customer_id        blob    references users (id),
    customer_name      text    not null,
    customer_email     text,
    customer_phone     text,
    delivery           text    check (json_valid(delivery)), -- JSON {address, date, time, slot, notes}
    notes              text,
    metadata           text    check (json_valid(metadata)),
    currency           text    not null check (length(currency) = 3),
    subtotal_minor     integer not null check (subtotal_minor >= 0),
    delivery_fee_minor integer not null check (delivery_fee_minor >= 0),
    discount_minor     integer not null check (discount_minor >= 0),
    tax_minor          integer not null check (tax_minor >= 0),
    tax_included       integer not null check (tax_included in (0, 1)),
    total_minor        integer not null check (total_minor >= 0),
    captured_minor     integer not null default 0 check (captured_minor >= 0), -- sums of the money ledger, kept beside it
    refunded_minor     integer not null default 0,
    due_at             integer not null,
    business_day       integer not null, -- shop-local day of due_at
    hold_expires_at    integer,          -- while a hold is open that ends by itself
    token_version      integer not null default 1,
    version            integer not null default 1,
    created_at         integer not null,
    updated_at         integer not null,
    constraint parts_add_up_to_the_total check (
        total_minor = subtotal_minor - discount_minor + delivery_fee_minor + case tax_included when 1 then 0 else tax_minor end),
    constraint no_more_is_given_back_than_was_taken check (refunded_minor between 0 and captured_minor)
) strict, without rowid;

create unique index orders_number on orders (number_day, number);
create index orders_open on orders (status, id) where status not in ('Delivered', 'Cancelled');
create index orders_business_day on orders (business_day, id);
create index orders_updated on orders (updated_at);
create index orders_customer on orders (customer_id, id) where customer_id is not null;

create table order_lines (
    order_id         blob    not null references orders (id),
    id               blob    not null check (length(id) = 16),
    product_id       blob    not null references products (id),
    sku              text    not null,
    name_en          text,
    name_ar          text,
    unit_price_minor integer not null check (unit_price_minor >= 0),
    quantity         integer not null check (quantity between 1 and 1000),
    options          text    check (json_valid(options)), -- JSON as the customer chose; null: none
    options_text_en  text,
    options_text_ar  text,
    line_total_minor integer not null check (line_total_minor >= 0),
    tax_rate_bp      integer not null,
    tax_minor        integer not null check (tax_minor >= 0),
    hold             text    not null check (hold in ('untracked', 'held', 'freed', 'taken', 'returned')),
    primary key (order_id, id),
    constraint line_adds_up check (line_total_minor = unit_price_minor * quantity)
) strict, without rowid;

-- Moves after the placing, which stands in the order's own row.
create table order_history (
    order_id blob    not null references orders (id),
    n        integer not null check (n >= 1),
    at       integer not null,
    kind     text    not null check (kind in ('move', 'undo')),
    status   text    not null,
    actor    text    not null,
    actor_id blob,
    note     text,
    primary key (order_id, n)
) strict, without rowid;

-- The ledger of money: append-only; an order's payment status and refunded amount come from it.
create table money_ledger (
    order_id     blob    not null references orders (id),
    n            integer not null check (n >= 1),
    payment_id   blob    not null check (length(payment_id) = 16),
    kind         text    not null check (kind in ('pending', 'captured', 'refunded')),
    method       text    not null,
    amount_minor integer not null check (amount_minor >= 0),
    actor        text    not null,
    actor_id     blob,
    reference    text,
    reason       text,
    at           integer not null,
    primary key (order_id, n)
) strict, without rowid;

create trigger money_ledger_is_not_rewritten before update on money_ledger begin select raise(abort, 'money_ledger is append-only'); end;
create trigger money_ledger_is_not_shortened before delete on money_ledger begin select raise(abort, 'money_ledger is append-only'); end;
