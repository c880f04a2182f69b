-- A session tells where it is used, so that its owner finds the one that is not theirs, and how it is held: by tokens that a
-- program keeps, or by a browser's cookie. Sessions from before have told neither device nor address.
-- One refresh token of a session counts at a time; the cookie's own is found by it.

alter table sessions add column kind text not null default 'token' check (kind in ('token', 'cookie'));
alter table sessions add column device text check (length(device) between 1 and 80);
alter table sessions add column address text;

create unique index refresh_tokens_current on refresh_tokens (session_id) where used_at is null;
