//! What has happened. Each write records its own events; `app/reactions.rs` says what follows from each.

use std::sync::Arc;

use super::{JobId, NotificationId, OrderId, OrderStatus, PaymentId, ProductId, RefundId, SessionId, UserId, UtcMs};

/// A fact that a committed write leaves behind.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DomainEvent {
    /// The owner's settings changed; `document` is all of them as they are now, JSON.
    SettingsChanged { document: Arc<str> },
    /// An account was made; `owner` if it is an administrator's.
    AccountCreated { user: UserId, admin: bool },
    /// An account signed in, or was just made by who now uses it. `carried` is the SHA-256 of a token that came along with the
    /// request, as a guest's cart has one.
    SignedIn { user: UserId, carried: Option<[u8; 32]> },
    /// An account's person is gone; what names them elsewhere goes with them.
    AccountErased { user: UserId },
    /// A session was ended; its access tokens stop at once.
    SessionEnded { session: SessionId },
    /// A session was given a new secret or is held otherwise; what is remembered of it is old.
    SessionRenewed { session: SessionId },
    /// A product, its price, its options or its names changed, or it was made or hidden.
    ProductChanged { product: ProductId },
    /// A category changed, or was made or removed.
    CategoryChanged,
    /// What sold lately was counted, and is not as it was.
    PopularityCounted,
    /// A product's stock or what is promised of it changed.
    StockChanged { product: ProductId },
    /// An order was taken.
    OrderPlaced { order: OrderId },
    /// An order moved.
    OrderMoved { order: OrderId, from: OrderStatus, to: OrderStatus },
    /// Money was taken or given back for an order.
    MoneyMoved { order: OrderId },
    /// The reader of a message, an account's person if it is one, has told its carrier that they want no more of such; `complained` if
    /// they called it spam.
    MailUnwanted { message: NotificationId, user: Option<UserId>, complained: bool },
    /// An attempt to pay an order failed, and none is under way.
    PaymentFailed { order: OrderId },
    /// Money went back to a customer.
    RefundMade { order: OrderId, refund: RefundId },
    /// A refund failed, perhaps after it was said to have been made: somebody has to refund it again.
    RefundFailed { refund: RefundId },
    /// Money came that is not what was asked for; it waits for staff's word.
    PaymentParked { payment: PaymentId },
    /// A customer disputes a payment at its provider.
    PaymentDisputed { payment: PaymentId },
    /// Money came that its order no longer wanted, or did not want twice; this refund gives it back by itself.
    MoneyNotWanted { refund: RefundId },
}

/// A job row that was committed: its worker is woken at `due`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JobDue {
    pub job: JobId,
    pub kind: Arc<str>,
    pub due: UtcMs,
}
