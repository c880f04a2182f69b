//! Collects every fault of an input, not only the first (SPEC 2).

use std::fmt;
use std::sync::Arc;

use super::problem::FieldFault;
use super::{Actor, Currency, Locale, PaymentMethod, ShopZone};

/// What reading an input needs to know of the shop.
#[derive(Clone, Debug)]
pub struct ShopFormat {
    pub currency: Currency,
    pub zone: ShopZone,
    /// Country code that a phone number with a leading 0 takes, as `962`; `None` where the zone names no country.
    pub calling_code: Option<&'static str>,
    /// The shop's main language: that of `name` and `description` in writes.
    pub locale: Locale,
    /// The ways to pay that the keeper has configured gateways for.
    pub gateways: Arc<[PaymentMethod]>,
}

/// A place in an input, as in `items[0].options.flavors`.
#[derive(Clone, Copy, Debug)]
pub enum At<'a> {
    Root,
    Field(&'a At<'a>, &'a str),
    Index(&'a At<'a>, usize),
}

impl<'a> At<'a> {
    #[must_use]
    pub fn field(&'a self, name: &'a str) -> At<'a> {
        At::Field(self, name)
    }

    #[must_use]
    pub fn index(&'a self, index: usize) -> At<'a> {
        At::Index(self, index)
    }
}

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            At::Root => Ok(()),
            At::Field(At::Root, name) => f.write_str(name),
            At::Field(parent, name) => write!(f, "{parent}.{name}"),
            At::Index(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

/// The faults found so far.
#[derive(Debug)]
pub struct Faults<'s> {
    /// The shop's formats, for amounts, phones and days.
    pub shop: &'s ShopFormat,
    /// Who sends it: some fields are for staff.
    pub by: Actor,
    found: Vec<FieldFault>,
}

/// The most faults told of one input; a hostile body of a million wrong fields is not answered with a million lines.
const MOST_FAULTS: usize = 100;

impl<'s> Faults<'s> {
    #[must_use]
    pub fn new(shop: &'s ShopFormat) -> Faults<'s> {
        Faults::sent_by(shop, Actor::System)
    }

    /// As [`Faults::new`], for the input of a caller.
    #[must_use]
    pub fn sent_by(shop: &'s ShopFormat, by: Actor) -> Faults<'s> {
        Faults { shop, by, found: Vec::new() }
    }

    /// Notes a fault.
    pub fn add(&mut self, at: &At<'_>, code: &'static str, message: impl Into<String>) {
        if self.found.len() < MOST_FAULTS {
            self.found.push(FieldFault { field: at.to_string(), code, message: message.into() });
        }
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// As many were found as are told.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.found.len() >= MOST_FAULTS
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.found.len()
    }

    #[must_use]
    pub fn into_vec(self) -> Vec<FieldFault> {
        self.found
    }
}
