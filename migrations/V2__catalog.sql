-- What is sold, and what lies on the shelf.
-- A name stands in two columns, one a language; at least one is there. `sort_*` is the name as lists order it, never null, so
-- that a keyset can stand on it.

create table categories (
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

create unique index categories_slug on categories (slug);

create table products (
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

create unique index products_sku on products (sku);
create unique index products_slug on products (slug);
create index products_category_en on products (category_id, sort_en, id);
create index products_category_ar on products (category_id, sort_ar, id);
create index products_price on products (price_minor, id);
create index products_sort_en on products (sort_en, id);
create index products_sort_ar on products (sort_ar, id);

create table product_allergens (
    product_id blob not null references products (id),
    allergen   text not null,
    primary key (product_id, allergen)
) strict, without rowid;

-- One row a product. `version` and `updated_at` move with stock and threshold, never with what is promised (SPEC 2).
create table inventory (
    product_id      blob    not null primary key references products (id),
    stock           integer not null check (stock between 0 and 100000000),
    reserved        integer not null,
    stock_threshold integer not null check (stock_threshold between 0 and 100000000),
    version         integer not null default 1,
    updated_at      integer not null,
    constraint promised_pieces_are_there check (reserved between 0 and stock)
) strict, without rowid;

-- The ledger of stock: append-only, and its deltas add up to `inventory.stock`.
create table stock_log (
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

create trigger stock_log_is_not_rewritten before update on stock_log begin select raise(abort, 'stock_log is append-only'); end;
create trigger stock_log_is_not_shortened before delete on stock_log begin select raise(abort, 'stock_log is append-only'); end;
