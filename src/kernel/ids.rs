//! Identifiers: UUIDv7, so that newer things sort after older ones and no index on creation time is needed (SPEC 2).

use std::fmt;

use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Uuid);

        impl $name {
            #[must_use]
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }

            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// Reads the wire form: 36 characters, lower case. Anything else is no id of ours, which callers answer with 404.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                parse_wire(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    )+};
}

ids! {
    /// A product.
    ProductId,
    /// A category.
    CategoryId,
    /// An order.
    OrderId,
    /// One attempt to take money for an order.
    PaymentId,
    /// Money given back, or about to be.
    RefundId,
    /// A message of a gateway, as it was stored.
    WebhookId,
    /// One of an account's addresses.
    AddressId,
    /// An account.
    UserId,
    /// One signed-in device of an account, the family of its refresh tokens.
    SessionId,
    /// A durable piece of background work.
    JobId,
    /// A row of the stock ledger.
    StockLogId,
    /// A cart.
    CartId,
    /// A line of a cart.
    CartItemId,
    /// A message to a person.
    NotificationId,
    /// What staff wrote to many at once.
    CampaignId,
    /// A picture of a product.
    ImageId,
}

fn parse_wire(text: &str) -> Option<Uuid> {
    let hyphenated = text.len() == 36 && !text.bytes().any(|byte| byte.is_ascii_uppercase());
    if hyphenated { Uuid::try_parse(text).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_lower_case_hyphenated_form_is_an_id() {
        let text = "01890a5d-ac96-774b-bcce-b302099a8057";
        assert_eq!(OrderId::parse(text).map(|id| id.to_string()).as_deref(), Some(text));
        for other in ["", "x", &text.to_uppercase(), &text.replace('-', ""), &format!("{{{text}}}"), &text[1..]] {
            assert_eq!(OrderId::parse(other), None, "{other}");
        }
    }
}
