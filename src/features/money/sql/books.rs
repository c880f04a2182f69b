//! Each invariant of payments, refunds and the ledger, with the rows that break it.

/// The order's own sums are held against its ledger by the orders' checks.
pub(in crate::features::money) const BOOKS: &[(&str, &str)] = &[
    (
        "a payment's sums are not those of its ledger",
        "select hex(p.id) from payments p left join (select payment_id, \
         sum(case kind when 'captured' then amount_minor else 0 end) as captured, \
         sum(case kind when 'refunded' then amount_minor when 'refund_reversed' then -amount_minor else 0 end) as refunded \
         from money_ledger group by payment_id) l on l.payment_id = p.id \
         where p.captured_minor <> coalesce(l.captured, 0) or p.refunded_minor <> coalesce(l.refunded, 0)",
    ),
    (
        "a row of the ledger names a payment of another order or another way to pay",
        "select hex(l.order_id) from money_ledger l left join payments p on p.id = l.payment_id \
         where p.order_id is not l.order_id or p.method is not l.method",
    ),
    (
        "a refund is not booked as it stands",
        "select hex(r.id) from refunds r left join (select refund_id, \
         sum(case kind when 'refunded' then amount_minor when 'refund_reversed' then -amount_minor else 0 end) as booked \
         from money_ledger where refund_id is not null group by refund_id) l on l.refund_id = r.id \
         where coalesce(l.booked, 0) <> case when r.status = 'succeeded' and r.currency is null then r.amount_minor else 0 end",
    ),
    (
        "a refund is booked without its row",
        "select hex(l.order_id) from money_ledger l left join refunds r on r.id = l.refund_id \
         where l.kind in ('refunded', 'refund_reversed') and l.amount_minor > 0 and r.payment_id is not l.payment_id",
    ),
    (
        "a refund without a gateway is not done",
        "select hex(id) from refunds where method in ('cash', 'card_machine', 'transfer') and status = 'pending'",
    ),
    (
        "nobody works at a refund that a gateway was not asked for",
        "select hex(r.id) from refunds r where r.status = 'pending' and r.object is null and not exists (select 1 from jobs j \
         where j.kind = 'payments.refund' and j.status in ('queued', 'running', 'dead') and j.key = lower(printf('%s-%s-%s-%s-%s', \
         substr(hex(r.id), 1, 8), substr(hex(r.id), 9, 4), substr(hex(r.id), 13, 4), substr(hex(r.id), 17, 4), substr(hex(r.id), 21))))",
    ),
    (
        "the payments of a kind are not as many as are counted",
        "select method || ' ' || status from (select method, status, payments from payment_counts union all \
         select method, status, -count(*) from payments group by 1, 2) group by method, status having sum(payments) <> 0",
    ),
    (
        "an order's payments do not lead to one another",
        "select hex(p.id) from payments p left join payments b on b.id = p.previous_id \
         where p.attempt <> coalesce(b.attempt, 0) + 1 or p.previous_id is not null and b.order_id is not p.order_id",
    ),
];
