-- Gateways' messages whose payment nobody knows are told to the keeper if they speak of money; bodies are taken out when they are old.

alter table webhook_inbox add column is_money integer not null default 0 check (is_money in (0, 1)); -- it tells of money

create index webhook_inbox_old_bodies on webhook_inbox (handled_at) where body is not null and handled_at is not null;
create index webhook_inbox_lost_money on webhook_inbox (id) where outcome = 'unknown' and is_money = 1;
