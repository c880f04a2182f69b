-- What a large shop needs: a million orders counted without reading them, and found by a part of a name.

-- How many orders there are of each kind. A group of writes adds its changes up and settles them here once, before its commit
-- (docs/decisions/0010-counted-orders.md), so that an order in a storm costs next to nothing and every snapshot counts right.
create table order_counts (
    status         text    not null,
    payment_status text    not null,
    payment_method text    not null,
    fulfilment     text    not null,
    orders         integer not null,
    primary key (status, payment_status, payment_method, fulfilment)
) strict, without rowid;

insert into order_counts (status, payment_status, payment_method, fulfilment, orders)
    select status, payment_status, payment_method, fulfilment, count(*) from orders group by 1, 2, 3, 4;

-- A day's board counts and filters within the index, in order of time.
drop index orders_business_day;
create index orders_business_day on orders (business_day, id, status, fulfilment, payment_status);
-- What is rare is found without reading what is common. Neither costs a write when an order is placed.
create index orders_cancelled on orders (id) where status = 'Cancelled';
create index orders_money_back on orders (payment_status, id) where payment_status in ('PartiallyRefunded', 'Refunded', 'Failed');

-- Words of orders, folded: of names and addresses, ends of phones, numbers. The row is number_day * 10000000 + number, so it grows
-- with the order's id. A job brings orders in behind `order_texts_upto`; what is newer is read from the orders.
create virtual table order_texts using fts5 (text, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii');

create table order_texts_upto (
    one      integer not null primary key check (one = 1),
    order_id blob    not null check (length(order_id) = 16),
    folding  integer not null -- the version of the folding by which the words were made
) strict, without rowid;

insert into order_texts_upto (one, order_id, folding) values (1, zeroblob(16), 0);

-- How many products a category has, kept by the database itself: products change seldom and are counted with each list.
create table category_counts (
    category_id blob    not null primary key references categories (id) on delete cascade,
    products    integer not null,
    shown       integer not null
) strict, without rowid;

insert into category_counts (category_id, products, shown)
    select category_id, count(*), sum(is_active) from products group by category_id;

create trigger products_counted_in after insert on products begin
    insert into category_counts (category_id, products, shown) values (new.category_id, 1, new.is_active)
        on conflict (category_id) do update set products = products + 1, shown = shown + excluded.shown;
end;
create trigger products_counted_out after delete on products begin
    update category_counts set products = products - 1, shown = shown - old.is_active where category_id = old.category_id;
end;
create trigger products_counted_anew after update of category_id, is_active on products begin
    update category_counts set products = products - 1, shown = shown - old.is_active where category_id = old.category_id;
    insert into category_counts (category_id, products, shown) values (new.category_id, 1, new.is_active)
        on conflict (category_id) do update set products = products + 1, shown = shown + excluded.shown;
end;

-- Jobs that died, which are few: doctor tells them, and the next run of the same work makes them good. No other job has an entry.
create index jobs_dead on jobs (kind, key) where status = 'dead';
