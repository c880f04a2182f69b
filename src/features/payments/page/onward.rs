//! Where a buyer goes on after paying.

use url::Url;

use crate::kernel::{OrderId, PaymentStatus};

/// A storefront's address with the order's id and how far it is paid. No token: the storefront knows the order by its own means, and
/// asks the API for the truth.
pub fn onward(storefront: &str, order: OrderId, status: PaymentStatus) -> Option<String> {
    let mut url = Url::parse(storefront).ok()?;
    let kept: Vec<(String, String)> = url
        .query_pairs()
        .filter(|(name, _)| name != "orderId" && name != "paymentStatus")
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    url.query_pairs_mut()
        .clear()
        .extend_pairs(kept)
        .append_pair("orderId", &order.to_string())
        .append_pair("paymentStatus", status.code());
    Some(url.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storefront_hears_which_order_and_how_far_it_is_paid() {
        let order = OrderId::from_uuid(uuid::Uuid::from_u128(7));
        let on = |url| onward(url, order, PaymentStatus::Paid);
        let id = "00000000-0000-0000-0000-000000000007";
        assert_eq!(
            on("https://shop.example/thanks"),
            Some(format!("https://shop.example/thanks?orderId={id}&paymentStatus=Paid"))
        );
        assert_eq!(
            on("https://shop.example/?page=thanks&orderId=1#end"),
            Some(format!("https://shop.example/?page=thanks&orderId={id}&paymentStatus=Paid#end"))
        );
        assert_eq!(on("nowhere"), None);
    }
}
