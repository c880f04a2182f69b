-- What is told of an order, and to whom: its language; and which products' being low was told of.

-- The language in which its customer is written to; null for orders from before it was kept: the shop's.
alter table orders add column locale text check (locale in ('en', 'ar'));

-- Products that are low and of which admins were told; a row goes when its product is not low any more, so that each crossing is
-- told of once. Orders pay nothing for it: a job compares it with the shelf.
create table low_stock_told (
    product_id blob    not null primary key references products (id) on delete cascade,
    told_at    integer not null
) strict, without rowid;
