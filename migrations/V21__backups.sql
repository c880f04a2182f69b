-- Backups that were made or looked at, and when each was last proven to be restorable. The files themselves say what is in them;
-- here stands what only this shop knows: that it has unpacked one and found everything in it.

create table backups (
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

create index backups_made on backups (made_at);
