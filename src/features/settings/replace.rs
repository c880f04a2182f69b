//! The owner replaces settings.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::model::{MessageSettings, MethodSettings, OrderSettings, RetentionSettings, Sections, ShopSettings};
use super::{Keeper, OpeningHours, Settings, problems, sql};
use crate::db::{Command, Reader, WriteTx};
use crate::kernel::problem::FieldFault;
use crate::kernel::{Change, Fault, Problem, Result, SeenVersion};

/// What the owner wants of the section `shop`. The five that make the shop what it is stay where they are left out.
pub(super) struct ShopDraft {
    pub name: Option<String>,
    pub locale: Option<String>,
    pub currency: Option<String>,
    pub time_zone: Option<String>,
    pub first_weekday: Option<String>,
    pub phone: Option<String>,
    pub address: Option<String>,
    pub transfer_details: Option<String>,
}

/// What the owner wants of the section `orders`; what is left out goes to its default.
pub(super) struct OrdersDraft {
    pub hold_minutes: Option<u32>,
    pub confirm_cash: Option<bool>,
    pub cash_hold_hours: Option<u32>,
    pub prices_include_tax: Option<bool>,
    pub delivery_fee_minor: i64,
    pub free_delivery_from_minor: Option<i64>,
}

/// Replaces the sections that are given; the others stay.
pub(super) struct Replace {
    pub shop: Option<ShopDraft>,
    pub orders: Option<OrdersDraft>,
    pub hours: Option<OpeningHours>,
    pub methods: Option<MethodSettings>,
    pub messages: Option<MessageSettings>,
    pub retention: Option<RetentionSettings>,
    pub seen: SeenVersion,
    pub keeper: Arc<Keeper>,
}

impl Command for Replace {
    const NAME: &'static str = "settings.replace";
    type Output = Settings;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<Settings> {
        let before = super::sections(tx)?;
        let after = self.wanted(&before);
        self.check_fixed(&before, &after)?;
        self.seen.check(before.version)?;
        self.check_currency(tx, &before, &after)?;
        if let Some(change) = change(&before, &after)? {
            tx.changed(change);
        }
        super::write(tx, &before, after)
    }
}

impl Replace {
    fn wanted(&self, before: &Sections) -> Sections {
        let mut after = before.clone();
        if let Some(draft) = &self.shop {
            let keep = |said: &Option<String>, now: &String| said.as_ref().unwrap_or(now).clone();
            after.shop = ShopSettings {
                name: keep(&draft.name, &before.shop.name),
                locale: keep(&draft.locale, &before.shop.locale),
                currency: keep(&draft.currency, &before.shop.currency),
                time_zone: keep(&draft.time_zone, &before.shop.time_zone),
                first_weekday: keep(&draft.first_weekday, &before.shop.first_weekday),
                phone: draft.phone.clone(),
                address: draft.address.clone(),
                transfer_details: draft.transfer_details.clone(),
            };
        }
        if let Some(draft) = &self.orders {
            let mut otherwise = OrderSettings::default();
            self.keeper.decide_orders(&mut otherwise);
            after.orders = OrderSettings {
                hold_minutes: draft.hold_minutes.unwrap_or(otherwise.hold_minutes),
                confirm_cash: draft.confirm_cash.unwrap_or(otherwise.confirm_cash),
                cash_hold_hours: draft.cash_hold_hours.unwrap_or(otherwise.cash_hold_hours),
                prices_include_tax: draft.prices_include_tax.unwrap_or(otherwise.prices_include_tax),
                delivery_fee_minor: draft.delivery_fee_minor,
                free_delivery_from_minor: draft.free_delivery_from_minor,
            };
        }
        if let Some(hours) = &self.hours {
            after.hours.clone_from(hours);
        }
        if let Some(methods) = &self.methods {
            after.payment_methods = before.payment_methods.replaced_by(methods, &self.keeper.gateways());
        }
        if let Some(messages) = &self.messages {
            after.messages.clone_from(messages);
        }
        if let Some(retention) = &self.retention {
            after.retention.clone_from(retention);
        }
        after
    }

    /// What the keeper decides is changed where the keeper does.
    fn check_fixed(&self, before: &Sections, after: &Sections) -> Result<()> {
        let (before, after) = (document(before)?, document(after)?);
        let faults: Vec<FieldFault> = self
            .keeper
            .fixed()
            .iter()
            .filter(|fixed| before[fixed.section][fixed.field] != after[fixed.section][fixed.field])
            .map(|fixed| FieldFault {
                field: format!("{}.{}", fixed.section, fixed.field),
                code: "fixed_by_configuration",
                message: format!(
                    "is decided by the shop's configuration; change or remove {} on the server and restart it, or send the value as it is",
                    fixed.place
                ),
            })
            .collect();
        if faults.is_empty() { Ok(()) } else { Err(Problem::fields(faults).into()) }
    }

    fn check_currency(&self, reader: &Reader<'_>, before: &Sections, after: &Sections) -> Result<()> {
        if before.shop.currency == after.shop.currency {
            return Ok(());
        }
        if sql::has_amounts(reader)? {
            return Err(Problem::of(&problems::CURRENCY_IN_USE)
                .detail(format!(
                    "The shop has products or orders in {}; their prices would come to mean something else. A shop keeps its currency.",
                    before.shop.currency
                ))
                .fact("currency", before.shop.currency.as_str())
                .into());
        }
        let has_fee = before.orders.delivery_fee_minor > 0 || before.orders.free_delivery_from_minor.is_some();
        if self.orders.is_none() && has_fee {
            let message = "is required with a new currency: the delivery fee is an amount of the old one";
            return Err(Problem::field("orders", "required", message).into());
        }
        Ok(())
    }
}

fn document(sections: &Sections) -> Result<Value> {
    serde_json::to_value(sections).map_err(|error| Fault::new(error).into())
}

/// The sections that differ, before and after, for the audit log.
fn change(before: &Sections, after: &Sections) -> Result<Option<Change>> {
    let (before, after) = (document(before)?, document(after)?);
    let differing: Vec<&str> = ["shop", "orders", "hours", "paymentMethods", "messages", "retention"]
        .into_iter()
        .filter(|section| before[*section] != after[*section])
        .collect();
    if differing.is_empty() {
        return Ok(None);
    }
    let only = |all: &Value| -> Value {
        json!(differing.iter().map(|section| ((*section).to_owned(), all[*section].clone())).collect::<Map<_, _>>())
    };
    Ok(Some(Change {
        action: "settings.replace",
        subject: "settings".to_owned(),
        before: Some(only(&before)),
        after: Some(only(&after)),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_audit_log_is_told_of_the_sections_that_differ_alone() {
        let before = Sections::default();
        assert_eq!(change(&before, &before).expect("JSON"), None);
        let mut after = before.clone();
        after.orders.hold_minutes = 45;
        let change = change(&before, &after).expect("JSON").expect("a change");
        let minutes =
            |value: Option<Value>| value.map(|value| (value["orders"]["holdMinutes"].clone(), value["shop"].is_null()));
        assert_eq!((change.action, change.subject.as_str()), ("settings.replace", "settings"));
        assert_eq!(minutes(change.before), Some((json!(30), true)));
        assert_eq!(minutes(change.after), Some((json!(45), true)));
    }
}
