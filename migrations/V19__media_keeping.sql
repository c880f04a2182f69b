-- Where pictures' files are besides the disk, which are being taken away, and which orders keep.

-- The bucket that `media_files.copied_at` speaks of, without its key: in another one nothing is copied yet.
create table media_bucket (
    id    integer not null primary key check (id = 1),
    place text    not null
) strict;

-- A file whose picture is gone; a row until nothing of it is left on the disk and in the bucket.
create table media_removals (
    path       text    not null primary key,
    -- When the file on the disk was written, in ns; null: none was there. One that was written since is not what is to go.
    written_ns integer,
    removed_at integer not null
) strict, without rowid;

-- When it was found that an order shows a picture that was taken away: it does for good, so nobody looks again.
alter table product_images add column ordered_at integer;

create index product_images_ended on product_images (removed_at) where removed_at is not null and ordered_at is null;
