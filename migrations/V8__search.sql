-- Finding products by words, and by what sells.
-- The words are folded (kernel/fold.rs) before they are written here and before they are looked for, so the tokenizer only parts
-- them at their spaces. The program fills these tables at its next start.

create table product_search_rows (
    id          integer primary key, -- the category's place times 2^32, and a counter: hits of one rank come in this order
    product_id  blob    not null references products (id),
    name        text    not null,
    category    text    not null,
    description text    not null,
    is_shown    integer not null check (is_shown in (0, 1))
) strict;

create unique index product_search_rows_product on product_search_rows (product_id);

-- The rows' words. Deleted by id alone (contentless_delete), so that a write need not know what stood here.
create virtual table product_search using fts5 (
    name, category, description, content = '', contentless_delete = 1, tokenize = 'ascii', prefix = '1 2 3'
);

-- Each word of each row, for the check that the index is whole.
create virtual table product_search_terms using fts5vocab ('product_search', 'instance');

-- Three letters, and a word that has them: where a word with a typing error is looked for.
create table product_search_trigrams (
    trigram text not null,
    word    text not null,
    primary key (trigram, word)
) strict, without rowid;

-- By which version of the folding the tables above were filled.
create table product_search_state (
    id      integer primary key check (id = 1),
    folding integer not null
) strict;

-- Pieces in orders confirmed within 30 days, counted each hour; products that sold none have no row.
create table product_popularity (
    product_id blob    not null primary key references products (id),
    pieces     integer not null check (pieces > 0)
) strict, without rowid;

create index product_popularity_pieces on product_popularity (pieces);
