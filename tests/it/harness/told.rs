//! What gateways tell the shop, without a way in between: payments begun, asked about, and told of.

use bayader::db::{Command, WriteTx};
use bayader::features::payments::gateway::Report;
use bayader::features::payments::{ask, settle};
use bayader::kernel::{Actor, PaymentId, Result};
use serde_json::json;

use super::test_gateway::TESTPAY;
use super::{Order, Shop};

/// A message of a gateway, understood.
struct Tell {
    payment: PaymentId,
    report: Report,
}

impl Command for Tell {
    const NAME: &'static str = "test.tell";
    type Output = bool;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<bool> {
        Ok(settle::settle(tx, self.payment, &self.report, Actor::Gateway)?.changed)
    }
}

impl Shop {
    /// Books what a gateway tells of a payment; `true` if something changed.
    pub async fn tell(&self, payment: &str, report: Report) -> bool {
        let payment = PaymentId::parse(payment).expect("a payment's id");
        self.db().write(Tell { payment, report }).await.expect("it is understood")
    }

    /// Asks the gateway of a payment now.
    pub async fn ask(&self, payment: &str) {
        let payment = PaymentId::parse(payment).expect("a payment's id");
        ask::ask_now(self.inner(), payment).await.expect("the gateway answers");
    }

    /// A guest begins to pay an order through the test's gateway; the payment's id.
    pub async fn begin_to_pay(&self, order: &Order) -> String {
        let body = json!({ "orderId": order.id, "paymentMethod": TESTPAY });
        let request = self.guest().post("/api/v1/payments/checkout").json(&body).header("x-order-token", order.token());
        request.send().await.expect(200)["transactionId"].as_str().expect("an id").to_owned()
    }
}
