//! What messages say: minijinja templates under `assets/messages`, one set a kind and language; a file of the same name in the data
//! folder's `templates/` takes the place of ours (`docs/sending-messages/templates.md`).
//!
//! What always holds: whatever is filled into HTML is escaped, and no value but those a kind is given ([`values`]) can be named. A
//! template of the shop's own is tried with every example when the shop starts; if it fails all the same when a message leaves, ours
//! says it instead, because a message that is due is not kept back by its words.

mod examples;
mod files;
mod filters;
mod values;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use minijinja::{Environment, Error};
use serde_json::{Map, Value};

pub(super) use examples::example;
pub use values::shop_values;

use super::{CarrierFault, Channel, Kind, Rendered};
use crate::kernel::{Currency, Fault, Locale};

/// All templates of one shop.
pub struct Templates {
    ours: Environment<'static>,
    own: Option<Own>,
}

/// A shop's own templates, with ours for what it has none of.
struct Own {
    environment: Environment<'static>,
    /// Their files: name and text.
    files: Arc<Vec<(String, String)>>,
}

impl Templates {
    /// Loads ours, and those of a folder in their place. Later changes of the folder count from the next start.
    ///
    /// # Errors
    /// [`CarrierFault::Templates`] if one of the folder is not right: it names the file, the line and what to do.
    pub fn load(folder: &Path) -> Result<Templates, CarrierFault> {
        let fault = |reason: String| CarrierFault::Templates { folder: PathBuf::from(folder), reason };
        let ours = filters::environment(|name| Ok(files::ours(name)));
        let files = files::of_folder(folder).map_err(fault)?;
        if files.is_empty() {
            return Ok(Templates { ours, own: None });
        }
        let files = Arc::new(files);
        let source = Arc::clone(&files);
        let environment = filters::environment(move |name| {
            let own = source.iter().find(|(known, _)| known == name).map(|(_, text)| text.clone());
            Ok(own.or_else(|| files::ours(name)))
        });
        let own = Own { environment, files };
        own.check().map_err(fault)?;
        Ok(Templates { ours, own: Some(own) })
    }

    /// A message's words. `values` is an object: the payload's fields, `shop` as [`shop_values`] tells it, and `order_url`, `link`,
    /// `unsubscribe_url` where there are such. Moments are told by the shop's clock, amounts in the payload's currency.
    ///
    /// # Errors
    /// A fault if a template names what is not there, or there is none for the kind and channel.
    pub fn render(&self, kind: Kind, locale: Locale, channel: Channel, values: &Value) -> Result<Rendered, Fault> {
        if let Some(own) = &self.own {
            match render(&own.environment, kind, locale, channel, values) {
                Ok(rendered) => return Ok(rendered),
                Err(error) => tracing::error!(
                    kind = kind.code(),
                    template = error.name(),
                    line = error.line(),
                    "a template of the folder cannot say this message; the built-in one does"
                ),
            }
        }
        render(&self.ours, kind, locale, channel, values).map_err(Fault::new)
    }

    /// Names of the files that stand in the place of ours for a kind, also those that all kinds share.
    #[must_use]
    pub fn own_files(&self, kind: Kind) -> Vec<&str> {
        let names = self.own.iter().flat_map(|own| own.files.iter().map(|(name, _)| name.as_str()));
        names.filter(|name| files::belongs_to(name, kind)).collect()
    }
}

impl Own {
    /// Fills every template with every example.
    fn check(&self) -> Result<(), String> {
        for kind in Kind::ALL {
            for locale in Locale::ALL {
                for example in examples::all(kind, locale, Currency::JOD) {
                    for channel in kind.channels() {
                        render(&self.environment, kind, locale, *channel, &example)
                            .map_err(|error| self.told(kind, locale, *channel, &error))?;
                    }
                }
            }
        }
        Ok(())
    }

    /// What is wrong, where, and what to do.
    fn told(&self, kind: Kind, locale: Locale, channel: Channel, error: &Error) -> String {
        let name = error.name().map_or_else(|| files::text_name(kind, locale, channel), str::to_owned);
        let line = error.line().map_or_else(String::new, |line| format!(", line {line}"));
        let told = error.detail().map_or_else(|| error.kind().to_string(), |detail| format!("{}: {detail}", error.kind()));
        let own = self.files.iter().find(|(known, _)| *known == name).map(|(_, text)| text);
        let shown = own.and_then(|text| text.lines().nth(error.line()?.checked_sub(1)?));
        let shown =
            shown.map_or_else(String::new, |line| format!(", in `{}`", line.trim().chars().take(120).collect::<String>()));
        let whose = if own.is_some() {
            "Mend it, or take the file away: the built-in one counts then".to_owned()
        } else {
            let names: Vec<&str> = self.files.iter().map(|(name, _)| name.as_str()).collect();
            format!("That one is built in: what it needs is missing in {}", names.join(", "))
        };
        format!("{name}{line}: {told}{shown} (message {}, {}). {whose}", kind.code(), locale.code())
    }
}

impl Kind {
    /// How messages of the kind can travel. What shop's people are told, and links that open an account, come by e-mail alone.
    #[must_use]
    pub const fn channels(self) -> &'static [Channel] {
        match self {
            Kind::OrderPlaced
            | Kind::OrderConfirmed
            | Kind::OrderPreparing
            | Kind::OrderReady
            | Kind::OrderOutForDelivery
            | Kind::OrderDelivered
            | Kind::OrderCancelled
            | Kind::OrderExpired
            | Kind::PaymentFailed
            | Kind::PaymentRefunded
            | Kind::Message
            | Kind::Promotion => &[Channel::Email, Channel::Sms],
            Kind::LowStock | Kind::DailySummary | Kind::StaffAlert | Kind::PasswordReset | Kind::Invite => &[Channel::Email],
        }
    }
}

fn render(
    environment: &Environment<'static>,
    kind: Kind,
    locale: Locale,
    channel: Channel,
    values: &Value,
) -> Result<Rendered, Error> {
    let mut filled = values::filled(kind, locale, values);
    let fill = |name: &str, values: &Map<String, Value>| environment.get_template(name)?.render(values::of_object(values));
    if values::is_of_order(kind) {
        let paying = fill(files::PAYING, &filled)?;
        filled.insert("paying".to_owned(), Value::from(paying.trim()));
    }
    let text = fill(&files::text_name(kind, locale, channel), &filled)?;
    match channel {
        // Marks of direction would cost a short message half its characters where it is English, and old phones show them as boxes.
        Channel::Sms => Ok(Rendered { subject: None, text: filters::without_marks(text.trim()), html: None }),
        Channel::Email => {
            let (subject, text) = text.trim_start().split_once('\n').unwrap_or((text.trim_start(), ""));
            let subject = filters::without_marks(subject.trim());
            filled.insert("subject".to_owned(), Value::from(subject.as_str()));
            let html = fill(&files::html_name(kind, locale), &filled)?;
            Ok(Rendered { subject: Some(subject), text: format!("{}\n", text.trim()), html: Some(html) })
        }
    }
}

#[cfg(test)]
mod tests;
