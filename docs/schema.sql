-- The whole schema after all migrations, for reading. Made by `BAYADER_WRITE=1 cargo test --test it schema`; a test compares it.

CREATE TABLE users (
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
, marketing_consent integer not null default 0 check (marketing_consent in (0, 1)), metadata text check (json_valid(metadata)), erased_at integer) strict, without rowid;

CREATE UNIQUE INDEX users_email on users (email);

CREATE TABLE sessions (
    id         blob    not null primary key check (length(id) = 16),
    user_id    blob    not null references users (id),
    created_at integer not null,
    used_at    integer not null,
    ended_at   integer
, kind text not null default 'token' check (kind in ('token', 'cookie')), device text check (length(device) between 1 and 80), address text) strict, without rowid;

CREATE INDEX sessions_user on sessions (user_id);

CREATE TABLE refresh_tokens (
    hash       blob    not null primary key check (length(hash) = 32),
    session_id blob    not null references sessions (id),
    created_at integer not null,
    used_at    integer
) strict, without rowid;

CREATE INDEX refresh_tokens_session on refresh_tokens (session_id);

CREATE TABLE settings (
    section    text    not null primary key,
    value      text    not null check (json_valid(value)),
    version    integer not null default 1,
    updated_at integer not null
) strict, without rowid;

CREATE TABLE categories (
    id          blob    not null primary key check (length(id) = 16),
    slug        text    not null,
    name_en     text,
    name_ar     text,
    sort_order  integer not null,
    tax_rate_bp integer check (tax_rate_bp between 0 and 10000), -- hundredths of a per cent; null: no tax
    is_active   integer not null check (is_active in (0, 1)),
    version     integer not null default 1,
    created_at  integer not null,
    updated_at  integer not null,
    constraint category_has_a_name check (coalesce(name_en, name_ar) is not null)
) strict, without rowid;

CREATE UNIQUE INDEX categories_slug on categories (slug);

CREATE TABLE products (
    id              blob    not null primary key check (length(id) = 16),
    sku             text    not null,
    slug            text    not null,
    category_id     blob    not null references categories (id),
    name_en         text,
    name_ar         text,
    description_en  text,
    description_ar  text,
    sort_en         text    not null,
    sort_ar         text    not null,
    price_minor     integer not null check (price_minor >= 0),
    unit            text    not null,
    allergens       text    not null check (json_valid(allergens)),  -- JSON list of words
    attributes      text    not null check (json_valid(attributes)), -- free JSON object
    option_groups   text    check (json_valid(option_groups)),       -- JSON of `optionGroups` with deltas in minor units; null: none
    lead_time_hours integer not null check (lead_time_hours between 0 and 1440),
    max_per_order   integer check (max_per_order between 1 and 1000),
    track_stock     integer not null check (track_stock in (0, 1)),
    is_active       integer not null check (is_active in (0, 1)),
    version         integer not null default 1,
    created_at      integer not null,
    updated_at      integer not null,
    constraint product_has_a_name check (coalesce(name_en, name_ar) is not null)
) strict;

CREATE UNIQUE INDEX products_sku on products (sku);

CREATE UNIQUE INDEX products_slug on products (slug);

CREATE INDEX products_category_en on products (category_id, sort_en, id);

CREATE INDEX products_category_ar on products (category_id, sort_ar, id);

CREATE INDEX products_price on products (price_minor, id);

CREATE INDEX products_sort_en on products (sort_en, id);

CREATE INDEX products_sort_ar on products (sort_ar, id);

CREATE TABLE product_allergens (
    product_id blob not null references products (id),
    allergen   text not null,
    primary key (product_id, allergen)
) strict, without rowid;

CREATE TABLE inventory (
    product_id      blob    not null primary key references products (id),
    stock           integer not null check (stock between 0 and 100000000),
    reserved        integer not null,
    stock_threshold integer not null check (stock_threshold between 0 and 100000000),
    version         integer not null default 1,
    updated_at      integer not null,
    constraint promised_pieces_are_there check (reserved between 0 and stock)
) strict, without rowid;

CREATE TABLE stock_log (
    product_id  blob    not null references products (id),
    id          blob    not null check (length(id) = 16),
    delta       integer not null,
    stock_after integer not null check (stock_after >= 0),
    reason      text    not null check (reason in ('opening', 'sale', 'return', 'undo', 'count', 'baked', 'waste', 'staff', 'donated', 'correction')),
    order_id    blob,
    actor       text    not null,
    actor_id    blob,
    note        text,
    created_at  integer not null,
    primary key (product_id, id)
) strict, without rowid;

CREATE TRIGGER stock_log_is_not_rewritten before update on stock_log begin select raise(abort, 'stock_log is append-only'); end;

CREATE TRIGGER stock_log_is_not_shortened before delete on stock_log begin select raise(abort, 'stock_log is append-only'); end;

CREATE TABLE orders (
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
    updated_at         integer not null, guest_network blob check (length(guest_network) = 16), payment_id blob check (length(payment_id) = 16), anonymised_at integer, locale text check (locale in ('en', 'ar')),
    constraint parts_add_up_to_the_total check (
        total_minor = subtotal_minor - discount_minor + delivery_fee_minor + case tax_included when 1 then 0 else tax_minor end),
    constraint no_more_is_given_back_than_was_taken check (refunded_minor between 0 and captured_minor)
) strict, without rowid;

CREATE UNIQUE INDEX orders_number on orders (number_day, number);

CREATE INDEX orders_open on orders (status, id) where status not in ('Delivered', 'Cancelled');

CREATE INDEX orders_updated on orders (updated_at);

CREATE INDEX orders_customer on orders (customer_id, id) where customer_id is not null;

CREATE TABLE order_lines (
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
    hold             text    not null check (hold in ('untracked', 'held', 'freed', 'taken', 'returned')), returned integer not null default 0
    constraint no_more_pieces_come_back_than_were_sold check (returned between 0 and quantity),
    primary key (order_id, id),
    constraint line_adds_up check (line_total_minor = unit_price_minor * quantity)
) strict, without rowid;

CREATE TABLE order_history (
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

CREATE TABLE jobs (
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
, traceparent text check (length(traceparent) = 55)) strict, without rowid;

CREATE UNIQUE INDEX jobs_open on jobs (kind, key) where status in ('queued', 'running');

CREATE TABLE idempotent_answers (
    id           integer primary key,
    key_hash     blob    not null check (length(key_hash) = 16),
    request_hash blob    not null check (length(request_hash) = 16),
    status       integer not null,
    location     text,
    body         blob    not null,
    created_at   integer not null
) strict;

CREATE TABLE user_addresses (
    user_id    blob    not null references users (id),
    n          integer not null check (n between 1 and 20),
    id         blob    not null check (length(id) = 16),
    label      text,
    address    text    not null check (json_valid(address)), -- JSON {line1, line2, area, city, notes, lat, lng}
    is_default integer not null check (is_default in (0, 1)),
    primary key (user_id, n),
    constraint address_id unique (user_id, id)
) strict, without rowid;

CREATE UNIQUE INDEX user_addresses_default on user_addresses (user_id) where is_default = 1;

CREATE TABLE account_links (
    user_id    blob    not null references users (id),
    kind       text    not null check (kind in ('reset', 'invite')),
    hash       blob    not null unique check (length(hash) = 32),
    created_at integer not null,
    ends_at    integer not null,
    primary key (user_id, kind)
) strict, without rowid;

CREATE TABLE link_requests (
    id    integer not null primary key check (id = 1),
    count integer not null,
    at    integer not null
) strict;

CREATE UNIQUE INDEX refresh_tokens_current on refresh_tokens (session_id) where used_at is null;

CREATE TABLE carts (
    id         blob    not null primary key check (length(id) = 16),
    token_hash blob    not null check (length(token_hash) = 32),
    user_id    blob    references users (id), -- null: a guest's
    created_at integer not null,
    changed_at integer not null               -- a guest's ends 30 days after it
) strict, without rowid;

CREATE UNIQUE INDEX carts_token on carts (token_hash);

CREATE UNIQUE INDEX carts_user on carts (user_id) where user_id is not null;

CREATE INDEX carts_guests on carts (changed_at) where user_id is null;

CREATE TABLE cart_lines (
    cart_id          blob    not null references carts (id),
    id               blob    not null check (length(id) = 16),
    product_id       blob    not null references products (id),
    quantity         integer not null check (quantity between 1 and 1000),
    options          text    check (json_valid(options)), -- JSON as the customer chose, normalised; null: none
    seen_price_minor integer not null check (seen_price_minor >= 0), -- of one piece with its options
    primary key (cart_id, id)
) strict, without rowid;

CREATE TABLE product_search_rows (
    id          integer primary key, -- the category's place times 2^32, and a counter: hits of one rank come in this order
    product_id  blob    not null references products (id),
    name        text    not null,
    category    text    not null,
    description text    not null,
    is_shown    integer not null check (is_shown in (0, 1))
) strict;

CREATE UNIQUE INDEX product_search_rows_product on product_search_rows (product_id);

CREATE VIRTUAL TABLE product_search using fts5 (
    name, category, description, content = '', contentless_delete = 1, tokenize = 'ascii', prefix = '1 2 3'
);

CREATE TABLE 'product_search_data'(id INTEGER PRIMARY KEY, block BLOB);

CREATE TABLE 'product_search_idx'(segid, term, pgno, PRIMARY KEY(segid, term)) WITHOUT ROWID;

CREATE TABLE 'product_search_docsize'(id INTEGER PRIMARY KEY, sz BLOB, origin INTEGER);

CREATE TABLE 'product_search_config'(k PRIMARY KEY, v) WITHOUT ROWID;

CREATE VIRTUAL TABLE product_search_terms using fts5vocab ('product_search', 'instance');

CREATE TABLE product_search_trigrams (
    trigram text not null,
    word    text not null,
    primary key (trigram, word)
) strict, without rowid;

CREATE TABLE product_search_state (
    id      integer primary key check (id = 1),
    folding integer not null
) strict;

CREATE TABLE product_popularity (
    product_id blob    not null primary key references products (id),
    pieces     integer not null check (pieces > 0)
) strict, without rowid;

CREATE INDEX product_popularity_pieces on product_popularity (pieces);

CREATE TABLE audit_log (
    n          integer primary key check (n >= 1),
    at         integer not null,
    actor      text    not null check (actor in ('guest', 'customer', 'driver', 'staff', 'admin', 'system')),
    actor_id   blob    check (length(actor_id) = 16),
    action     text    not null,
    subject    text,
    before     text    check (json_valid(before)),
    after      text    check (json_valid(after)),
    address    text,
    request_id text,
    outcome    text    not null check (outcome in ('done', 'refused', 'failed_sign_in')),
    code       text,
    hash       blob    not null check (length(hash) = 32)
) strict;

CREATE INDEX audit_log_at on audit_log (at);

CREATE INDEX audit_log_actor on audit_log (actor_id, n) where actor_id is not null;

CREATE INDEX audit_log_action on audit_log (action, n);

CREATE INDEX audit_log_subject on audit_log (subject, n) where subject is not null;

CREATE INDEX audit_log_refusals on audit_log (outcome, n) where outcome <> 'done';

CREATE TRIGGER audit_log_is_not_rewritten before update on audit_log begin select raise(abort, 'audit_log is append-only'); end;

CREATE TRIGGER audit_log_is_not_shortened before delete on audit_log begin select raise(abort, 'audit_log is append-only'); end;

CREATE TABLE order_counts (
    status         text    not null,
    payment_status text    not null,
    payment_method text    not null,
    fulfilment     text    not null,
    orders         integer not null,
    primary key (status, payment_status, payment_method, fulfilment)
) strict, without rowid;

CREATE INDEX orders_business_day on orders (business_day, id, status, fulfilment, payment_status);

CREATE INDEX orders_cancelled on orders (id) where status = 'Cancelled';

CREATE INDEX orders_money_back on orders (payment_status, id) where payment_status in ('PartiallyRefunded', 'Refunded', 'Failed');

CREATE VIRTUAL TABLE order_texts using fts5 (text, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii');

CREATE TABLE 'order_texts_data'(id INTEGER PRIMARY KEY, block BLOB);

CREATE TABLE 'order_texts_idx'(segid, term, pgno, PRIMARY KEY(segid, term)) WITHOUT ROWID;

CREATE TABLE 'order_texts_docsize'(id INTEGER PRIMARY KEY, sz BLOB, origin INTEGER);

CREATE TABLE 'order_texts_config'(k PRIMARY KEY, v) WITHOUT ROWID;

CREATE TABLE order_texts_upto (
    one      integer not null primary key check (one = 1),
    order_id blob    not null check (length(order_id) = 16),
    folding  integer not null -- the version of the folding by which the words were made
) strict, without rowid;

CREATE TABLE category_counts (
    category_id blob    not null primary key references categories (id) on delete cascade,
    products    integer not null,
    shown       integer not null
) strict, without rowid;

CREATE TRIGGER products_counted_in after insert on products begin
    insert into category_counts (category_id, products, shown) values (new.category_id, 1, new.is_active)
        on conflict (category_id) do update set products = products + 1, shown = shown + excluded.shown;
end;

CREATE TRIGGER products_counted_out after delete on products begin
    update category_counts set products = products - 1, shown = shown - old.is_active where category_id = old.category_id;
end;

CREATE TRIGGER products_counted_anew after update of category_id, is_active on products begin
    update category_counts set products = products - 1, shown = shown - old.is_active where category_id = old.category_id;
    insert into category_counts (category_id, products, shown) values (new.category_id, 1, new.is_active)
        on conflict (category_id) do update set products = products + 1, shown = shown + excluded.shown;
end;

CREATE INDEX jobs_dead on jobs (kind, key) where status = 'dead';

CREATE TABLE payments (
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

CREATE INDEX payments_unusual on payments (status, id) where status not in ('pending', 'succeeded');

CREATE TABLE refunds (
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
, capture text, currency text check (length(currency) = 3), lost_at integer) strict, without rowid;

CREATE UNIQUE INDEX refunds_payment on refunds (payment_id, n);

CREATE UNIQUE INDEX refunds_object on refunds (method, object) where object is not null;

CREATE INDEX refunds_open on refunds (id) where status = 'pending';

CREATE TABLE gateway_attempts (
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

CREATE INDEX gateway_attempts_open on gateway_attempts (phase, payment_id) where phase <> 'closed';

CREATE TABLE payment_objects (
    method     text not null,
    object     text not null,
    payment_id blob not null references payments (id),
    primary key (method, object)
) strict, without rowid;

CREATE INDEX payment_objects_payment on payment_objects (payment_id);

CREATE TABLE webhook_inbox (
    id          blob    not null primary key check (length(id) = 16),
    gateway     text    not null,
    event_id    text    not null,
    kind        text    not null,
    body        text    check (json_valid(body)), -- as it came, without secrets and personal data; none when it is old
    received_at integer not null,
    outcome     text    check (outcome in ('booked', 'nothing', 'ignored', 'parked', 'unknown')), -- none while it waits
    payment_id  blob,
    handled_at  integer, is_money integer not null default 0 check (is_money in (0, 1)),
    constraint webhook_event unique (gateway, event_id)
) strict, without rowid;

CREATE TABLE money_ledger (
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

CREATE UNIQUE INDEX money_ledger_objects on money_ledger (method, object, kind) where object is not null;

CREATE TRIGGER money_ledger_is_not_rewritten before update on money_ledger begin select raise(abort, 'money_ledger is append-only'); end;

CREATE TRIGGER money_ledger_is_not_shortened before delete on money_ledger begin select raise(abort, 'money_ledger is append-only'); end;

CREATE TABLE payment_counts (
    method   text    not null,
    status   text    not null,
    payments integer not null,
    primary key (method, status)
) strict, without rowid;

CREATE INDEX payments_gateway on payments (method, id) where method <> 'cash';

CREATE INDEX gateway_attempts_parked on gateway_attempts (payment_id) where parked is not null;

CREATE INDEX money_ledger_gateways on money_ledger (method, at) where object is not null;

CREATE TABLE payment_differences (
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

CREATE UNIQUE INDEX payment_differences_open on payment_differences (gateway, kind, object) where closed_at is null;

CREATE TABLE payment_comparisons (
    gateway text    not null primary key,
    day     integer not null,
    at      integer not null
) strict, without rowid;

CREATE INDEX webhook_inbox_old_bodies on webhook_inbox (handled_at) where body is not null and handled_at is not null;

CREATE INDEX webhook_inbox_lost_money on webhook_inbox (id) where outcome = 'unknown' and is_money = 1;

CREATE TABLE notifications (
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

CREATE INDEX notifications_order on notifications (order_id) where order_id is not null;

CREATE INDEX notifications_user on notifications (user_id) where user_id is not null;

CREATE INDEX notifications_waiting on notifications (id) where status in ('queued', 'sending');

CREATE INDEX notifications_ended on notifications (status, id) where status in ('failed', 'suppressed');

CREATE INDEX notifications_kinds on notifications (type, channel);

CREATE INDEX notifications_held on notifications (channel, id) where held = 1;

CREATE TABLE suppressions (
    channel    text    not null check (channel in ('email', 'sms')),
    address    text    not null, -- folded: an e-mail address in lower case, a phone as E.164
    reason     text    not null check (reason in ('bounced', 'stopped', 'complained')),
    created_at integer not null,
    primary key (channel, address)
) strict, without rowid;

CREATE TABLE stopped_carriers (
    channel    text    not null primary key check (channel in ('email', 'sms')),
    why        text    not null,
    since      integer not null
) strict, without rowid;

CREATE TABLE provider_events (
    provider    text    not null,
    event_id    text    not null,
    received_at integer not null,
    primary key (provider, event_id)
) strict;

CREATE INDEX provider_events_old on provider_events (received_at);

CREATE TABLE pictures (
    hash       blob    not null primary key check (length(hash) = 32),
    format     text    not null check (format in ('jpeg', 'png', 'webp', 'gif')),
    width      integer not null check (width > 0),  -- pixels, as it is stored
    height     integer not null check (height > 0),
    turn       integer not null default 1 check (turn between 1 and 8), -- Exif's orientation, still to be applied
    status     text    not null check (status in ('pending', 'ready', 'failed')),
    last_error text,
    created_at integer not null
) strict, without rowid;

CREATE TABLE media_files (
    path       text    not null primary key,
    picture    blob    not null references pictures (hash),
    bytes      integer not null check (bytes > 0),
    sha256     blob    not null check (length(sha256) = 32),
    created_at integer not null,
    copied_at  integer          -- when the bucket had it whole
) strict, without rowid;

CREATE INDEX media_files_picture on media_files (picture);

CREATE INDEX media_files_uncopied on media_files (path) where copied_at is null;

CREATE TABLE product_images (
    id         blob    not null primary key check (length(id) = 16),
    product_id blob    not null references products (id),
    picture    blob    not null references pictures (hash),
    alt        text    not null default '',
    position   integer not null,
    created_at integer not null,
    removed_at integer
, ordered_at integer) strict, without rowid;

CREATE INDEX product_images_product on product_images (product_id, position);

CREATE INDEX product_images_picture on product_images (picture);

CREATE TABLE notifications_forgotten (
    one     integer not null primary key check (one = 1),
    from_id blob    not null check (length(from_id) = 16)
) strict, without rowid;

CREATE TABLE daily_summaries (
    day     integer not null primary key, -- the shop's day, as 20261125
    told_at integer not null
) strict, without rowid;

CREATE TABLE low_stock_told (
    product_id blob    not null primary key references products (id) on delete cascade,
    told_at    integer not null
) strict, without rowid;

CREATE TABLE campaigns (
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

CREATE TABLE media_bucket (
    id    integer not null primary key check (id = 1),
    place text    not null
) strict;

CREATE TABLE media_removals (
    path       text    not null primary key,
    -- When the file on the disk was written, in ns; null: none was there. One that was written since is not what is to go.
    written_ns integer,
    removed_at integer not null
) strict, without rowid;

CREATE INDEX product_images_ended on product_images (removed_at) where removed_at is not null and ordered_at is null;

CREATE TABLE backups (
    file       text    not null primary key,    -- its name in the folder of backups
    bytes      integer not null check (bytes > 0),
    sha256     text    not null check (length(sha256) = 64), -- of the file: another file of that name is another backup
    made_at    integer not null,                -- the moment that its books show
    sealed     integer not null check (sealed in (0, 1)),
    orders     integer not null check (orders >= 0),
    looked_at  integer,                         -- when it was last tried
    proven_at  integer,                         -- when it was last found whole; a try that fails takes it away
    problem    text,                            -- why the last try failed
    constraint a_proof_has_no_problem check (proven_at is null or problem is null)
) strict, without rowid;

CREATE INDEX backups_made on backups (made_at);

CREATE TABLE restorations (
    n           integer not null primary key,
    restored_at integer not null,
    backup_of   integer not null, -- the moment that the backup shows
    backup      text    not null, -- its name
    answered_at integer,          -- when somebody of the shop said what becomes of what waits
    messages    text check (messages in ('send', 'drop')),
    promotions  text check (promotions in ('send', 'drop'))
) strict;

CREATE TABLE skipped_order_numbers (
    day   integer not null,
    after integer not null check (after >= 0),
    upto  integer not null check (upto > after),
    primary key (day, after)
) strict, without rowid;

CREATE TABLE payment_catch_ups (
    gateway     text    not null,
    restoration integer not null references restorations (n),
    at          integer not null,
    primary key (gateway, restoration)
) strict, without rowid;

CREATE INDEX payment_catch_ups_restoration on payment_catch_ups (restoration);

CREATE INDEX users_erased on users (erased_at) where erased_at is not null;
