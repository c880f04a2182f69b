//! Asking each gateway whether it knows the shop: what an owner does first after having filled a section in.

use futures_util::future::join_all;

use super::gateway::CallFault;
use super::gateways::Gateways;
use crate::kernel::PaymentMethod;

/// What asking one gateway has shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checked {
    pub gateway: PaymentMethod,
    /// What is wrong, and what to do about it.
    pub trouble: Option<Trouble>,
}

/// In English, for the machine's keeper. Never with a secret in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trouble {
    pub what: String,
    pub advice: String,
}

/// One call a gateway, all at once; the answers in the gateways' order.
pub async fn check_keys(gateways: &Gateways) -> Vec<Checked> {
    let asked = gateways.iter().map(async |gateway| {
        let method = gateway.method();
        Checked { gateway: method, trouble: gateway.check().await.err().map(|fault| trouble(method.code(), &fault)) }
    });
    join_all(asked).await
}

fn trouble(gateway: &str, fault: &CallFault) -> Trouble {
    let advice = match fault {
        CallFault::Misconfigured(_)
        | CallFault::Refused { .. }
        | CallFault::Declined { .. }
        | CallFault::NeedsAction { .. } => {
            format!(
                "copy the keys from {gateway}'s dashboard into [payments.{gateway}] again; they must be of one account and of one mode, \
                 test or live, and may do what a shop needs"
            )
        }
        CallFault::NotSent(_) => {
            format!("look whether this machine reaches the internet by HTTPS, and at payments.{gateway}.base_url if it is set")
        }
        CallFault::Unclear(_) => {
            format!(
                "ask again in a minute; if it stays so, look at {gateway}'s status page, and at payments.{gateway}.base_url if it is set"
            )
        }
    };
    Trouble { what: fault.to_string(), advice }
}
