//! An order's side of a payment through a gateway: what is to be paid, which attempt is the last, and what money that came means.

use super::change_status::advance;
use super::model::{Head, Payable};
use super::{collect, expire, open_guests, place, sql, stock};
use crate::db::{Reader, WriteTx};
use crate::features::{money, settings};
use crate::kernel::{Actor, DomainEvent, Fault, OrderId, OrderStatus, PaymentId, PaymentMethod, Result};

/// The word by which history names the program itself, whose cancellation is the end of a hold.
const BY_ITSELF: &str = "system";
const TOO_MUCH: &str = "more came than the order costs";

/// What became of an order with money that was just booked for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// It was Pending, is paid in full now and so Confirmed; its holds are decrements.
    Confirmed,
    /// It was confirmed before, and nothing is too much.
    Already,
    /// Something is still owed.
    PartPaid,
    /// Its hold had ended and it was Cancelled; its pieces were still there, and it is Confirmed.
    Revived,
    /// So many minor units of the payment that was just booked are to be given back by the caller: the order was paid already, was
    /// cancelled by a person, or cannot be revived; or it is confirmed, and costs less. `why` is the refund's reason.
    GiveBack { why: &'static str, minor: i64 },
}

/// What whoever takes money for an order needs to know of it.
///
/// # Errors
/// A fault.
pub fn payable(reader: &Reader<'_>, order: OrderId) -> Result<Option<Payable>> {
    sql::payable(reader, order)
}

/// A payment that was just begun (`money::begin`) is the order's last now, and its method the order's. What was open offline is
/// closed; how far the order is paid is told anew. A Pending order that becomes one paid at the shop is held as a cash order is, and
/// confirmed at once where the owner wants that. The hold of one that becomes online stays as it is.
///
/// # Errors
/// A fault.
pub fn attempt_begun(tx: &mut WriteTx<'_>, order: OrderId, method: PaymentMethod, payment: PaymentId) -> Result<()> {
    let head = head(tx, order)?;
    sql::set_payment(tx, order, payment, method)?;
    money::close_offline(tx, order, Some(payment))?;
    collect::money_moved(tx, order)?;
    if head.status == OrderStatus::Pending && method.is_offline() && !head.payment_method.is_offline() {
        let settings = settings::read(tx)?;
        if place::confirms_at_once(&settings, method) {
            return advance(tx, &head, OrderStatus::Confirmed, None, Actor::System);
        }
        let at = head.created_at.plus_ms(place::hold_ms(&settings, method)).max(head.hold_ends_at.unwrap_or(head.created_at));
        sql::set_hold_end(tx, order, at)?;
        expire::unschedule(tx, order)?;
        expire::schedule(tx, order, at)?;
    }
    Ok(())
}

/// Says what the money means that was just booked as captured (`money::book`): the order's sums and status follow it here.
///
/// # Errors
/// A fault.
pub fn captured(tx: &mut WriteTx<'_>, order: OrderId, by: Actor) -> Result<Fate> {
    let head = head(tx, order)?;
    let came = money::last_capture(tx, order)?.ok_or_else(|| Fault::because("money that came is booked"))?;
    collect::money_moved(tx, order)?;
    let captured = money::sums(tx, order)?.captured;
    let left = money::refundable(tx, came.payment)?;
    let give_back = |why, minor: i64| Fate::GiveBack { why, minor: minor.min(left) };
    if head.status == OrderStatus::Cancelled {
        return match revive(tx, &head, by)? {
            Ok(()) => {
                nothing_else_is_payable(tx, order)?;
                Ok(match money::kept(tx, order)? - head.total {
                    over if over > 0 => give_back(TOO_MUCH, over),
                    _ => Fate::Revived,
                })
            }
            Err(why) => Ok(give_back(why, came.amount_minor)),
        };
    }
    if captured - came.amount_minor >= head.total {
        return Ok(give_back("the order was paid already", came.amount_minor));
    }
    if captured < head.total {
        return Ok(Fate::PartPaid);
    }
    nothing_else_is_payable(tx, order)?;
    if head.status == OrderStatus::Pending {
        advance(tx, &head, OrderStatus::Confirmed, None, by)?;
    }
    match captured - head.total {
        0 if head.status == OrderStatus::Pending => Ok(Fate::Confirmed),
        0 => Ok(Fate::Already),
        over => Ok(give_back(TOO_MUCH, over)),
    }
}

/// Confirms an order whose hold had ended, if that can still be (SPEC 4); else says why not.
fn revive(tx: &mut WriteTx<'_>, head: &Head, by: Actor) -> Result<std::result::Result<(), &'static str>> {
    if sql::history(tx, head.id)?.last().is_none_or(|last| last.actor != BY_ITSELF) {
        return Ok(Err("the order was cancelled"));
    }
    if money::kept(tx, head.id)? < head.total {
        return Ok(Err("the order had ended, and this does not pay it"));
    }
    if tx.now() > head.due_at {
        return Ok(Err("the order had ended, and its time is past"));
    }
    if !stock::retake(tx, head.id, by)? {
        return Ok(Err("the order had ended, and what was ordered is gone"));
    }
    open_guests::set_status(tx, head.id, (OrderStatus::Cancelled, OrderStatus::Confirmed), None)?;
    let note = Some("paid after its hold had ended; everything was still there");
    sql::add_history(tx, head.id, &sql::Step { is_undo: false, status: OrderStatus::Confirmed, note, by })?;
    tx.record(DomainEvent::OrderMoved { order: head.id, from: OrderStatus::Cancelled, to: OrderStatus::Confirmed });
    Ok(Ok(()))
}

/// A paid order is not paid again: what is open at the shop is closed, what is open at a gateway is ended.
fn nothing_else_is_payable(tx: &mut WriteTx<'_>, order: OrderId) -> Result<()> {
    money::close_offline(tx, order, None)?;
    money::ask_to_end(tx, order)
}

fn head(tx: &WriteTx<'_>, order: OrderId) -> Result<Head> {
    Ok(sql::head(tx, order)?.ok_or_else(|| Fault::because("an order that is paid for is there"))?)
}
