//! The gateways there are: one file each, and one line each below.

pub mod amounts;
mod lenient;
pub mod myfatoorah;
pub mod paymob;
pub mod paypal;
pub mod stripe;

use std::sync::Arc;

use super::gateway::Gateway;
use crate::clock::Clock;
use crate::config::Payments;
use crate::kernel::{Currency, PaymentMethod};
use crate::outbound::Patience;

/// What a gateway is built with besides its own section.
#[derive(Clone, Debug)]
pub struct Setting {
    pub clock: Clock,
    pub patience: Patience,
}

/// Why a gateway cannot be used, in words for the machine's keeper.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum GatewayFault {
    #[error(
        "{gateway} does not take {currency}, the shop's currency. Set shop.currency to one it takes, use another account, or take the section payments.{gateway} out"
    )]
    Currency { gateway: String, currency: String },
    #[error("two gateways are called {0}")]
    Twice(String),
    #[error("the client of {gateway} cannot be made: {reason}")]
    Client { gateway: &'static str, reason: String },
}

/// The gateways that the keeper has configured, in the order in which customers see them.
#[derive(Clone, Default)]
pub struct Gateways {
    all: Arc<[Arc<dyn Gateway>]>,
}

impl Gateways {
    /// One line a gateway. `more` are others, as tests bring them.
    ///
    /// # Errors
    /// [`GatewayFault`].
    pub fn open(config: &Payments, setting: &Setting, more: Vec<Arc<dyn Gateway>>) -> Result<Gateways, GatewayFault> {
        let mut all: Vec<Arc<dyn Gateway>> = Vec::new();
        add(&mut all, config.stripe.as_ref(), |section| stripe::Stripe::open(section, setting))?;
        add(&mut all, config.paypal.as_ref(), |section| paypal::PayPal::open(section, setting))?;
        add(&mut all, config.myfatoorah.as_ref(), |section| myfatoorah::MyFatoorah::open(section, setting))?;
        add(&mut all, config.paymob.as_ref(), |section| paymob::Paymob::open(section, setting))?;
        all.extend(more);
        for (index, one) in all.iter().enumerate() {
            if all.iter().take(index).any(|other| other.method() == one.method()) || one.method().is_offline() {
                return Err(GatewayFault::Twice(one.method().code().to_owned()));
            }
        }
        Ok(Gateways { all: all.into() })
    }

    /// Each takes the shop's currency.
    ///
    /// # Errors
    /// [`GatewayFault::Currency`].
    pub fn check_currency(&self, currency: Currency) -> Result<(), GatewayFault> {
        match self.all.iter().find(|gateway| !gateway.takes(currency)) {
            Some(gateway) => Err(GatewayFault::Currency {
                gateway: gateway.method().code().to_owned(),
                currency: currency.code().to_owned(),
            }),
            None => Ok(()),
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn Gateway>> {
        self.all.iter()
    }

    #[must_use]
    pub fn get(&self, method: PaymentMethod) -> Option<&Arc<dyn Gateway>> {
        self.all.iter().find(|gateway| gateway.method() == method)
    }
}

/// Adds a gateway whose section is there.
fn add<S, G: Gateway>(
    all: &mut Vec<Arc<dyn Gateway>>,
    section: Option<&S>,
    open: impl FnOnce(&S) -> Result<G, GatewayFault>,
) -> Result<(), GatewayFault> {
    if let Some(section) = section {
        all.push(Arc::new(open(section)?));
    }
    Ok(())
}

impl std::fmt::Debug for Gateways {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.all.iter().map(|gateway| gateway.method())).finish()
    }
}
