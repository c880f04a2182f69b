-- Carts: what somebody has put together and not yet ordered.
-- A cart belongs to an account, which has one, or to whoever holds its token, of which only the SHA-256 is kept. A line keeps the
-- price its owner last saw, so that a change can be told; prices, options and stock are those of the catalog, asked at each read.

create table carts (
    id         blob    not null primary key check (length(id) = 16),
    token_hash blob    not null check (length(token_hash) = 32),
    user_id    blob    references users (id), -- null: a guest's
    created_at integer not null,
    changed_at integer not null               -- a guest's ends 30 days after it
) strict, without rowid;

create unique index carts_token on carts (token_hash);
create unique index carts_user on carts (user_id) where user_id is not null;
create index carts_guests on carts (changed_at) where user_id is null;

create table cart_lines (
    cart_id          blob    not null references carts (id),
    id               blob    not null check (length(id) = 16),
    product_id       blob    not null references products (id),
    quantity         integer not null check (quantity between 1 and 1000),
    options          text    check (json_valid(options)), -- JSON as the customer chose, normalised; null: none
    seen_price_minor integer not null check (seen_price_minor >= 0), -- of one piece with its options
    primary key (cart_id, id)
) strict, without rowid;
