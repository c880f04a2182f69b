-- Pictures: what was uploaded, the files that came of it, and which product shows which.

-- One row a picture, known by the SHA-256 of its bytes as they are kept: checked, cut at its end, without metadata
-- but how it is turned.
create table pictures (
    hash       blob    not null primary key check (length(hash) = 32),
    format     text    not null check (format in ('jpeg', 'png', 'webp', 'gif')),
    width      integer not null check (width > 0),  -- pixels, as it is stored
    height     integer not null check (height > 0),
    turn       integer not null default 1 check (turn between 1 and 8), -- Exif's orientation, still to be applied
    status     text    not null check (status in ('pending', 'ready', 'failed')),
    last_error text,
    created_at integer not null
) strict, without rowid;

-- Each file of a picture, by its path below `media/`.
create table media_files (
    path       text    not null primary key,
    picture    blob    not null references pictures (hash),
    bytes      integer not null check (bytes > 0),
    sha256     blob    not null check (length(sha256) = 32),
    created_at integer not null,
    copied_at  integer          -- when the bucket had it whole
) strict, without rowid;

create index media_files_picture on media_files (picture);
create index media_files_uncopied on media_files (path) where copied_at is null;

-- A product's pictures. One that was taken away stays as long as an order shows it, which is the product's first picture at the
-- order's moment.
create table product_images (
    id         blob    not null primary key check (length(id) = 16),
    product_id blob    not null references products (id),
    picture    blob    not null references pictures (hash),
    alt        text    not null default '',
    position   integer not null,
    created_at integer not null,
    removed_at integer
) strict, without rowid;

create index product_images_product on product_images (product_id, position);
create index product_images_picture on product_images (picture);
