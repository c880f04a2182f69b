//! Opening a shop from its own machine: the code for who does it in a browser, and the same without a browser.

use serde::{Deserialize, Serialize};

use super::control::Answer;
use crate::features::setup::{self, Choices, NewOwner, OpenShop};
use crate::features::{AppState, accounts};
use crate::kernel::{Currency, Email, Error, Locale, Name, Phone, ShopZone};

/// A shop and its owner, as flags name them. Not `Debug`: it holds a password.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opening {
    pub name: String,
    pub email: String,
    pub phone: Option<String>,
    pub password: String,
    pub shop_name: Option<String>,
    pub locale: Option<String>,
    pub time_zone: Option<String>,
    pub currency: Option<String>,
    pub sample: bool,
}

/// The flags that are choices, in the order in which [`setup::refusals`] names them.
const FLAGS: [&str; 4] = ["--shop-name", "--locale", "--time-zone", "--currency"];

/// A new code, in place of the one there was.
pub(super) async fn setup_code(shop: &AppState) -> Result<Answer, Error> {
    if shop.db.read(accounts::owner_exists).await? {
        return Ok(refused(
            "this shop is set up already, so there is nothing to type a code for. Its owner signs in; a lost password is \
            set anew by: bayader admin reset-password"
                .to_owned(),
        ));
    }
    let code = shop.first_code.renew();
    Ok(Answer::SetupCode { code, page: setup::api::page_at(&shop.public_url), seconds: setup::CODE_LASTS.as_secs() })
}

/// Opens the shop as the page does.
pub(super) async fn open_shop(shop: &AppState, opening: Opening) -> Result<Answer, Error> {
    let (choices, name, email, phone) = match read(shop, &opening) {
        Ok(read) => read,
        Err(message) => return Ok(refused(message)),
    };
    if let Err(fault) = accounts::check_password(&opening.password, &email) {
        return Ok(refused(format!("the password {}", fault.message)));
    }
    if shop.db.read(accounts::owner_exists).await? {
        return Ok(refused(
            "this shop is set up already. What it is called and the like is changed in its settings (/api/v1/admin/settings); for \
             another admin leave those flags out"
                .to_owned(),
        ));
    }
    let faults = setup::refusals(shop, &choices, FLAGS);
    if !faults.is_empty() {
        let told: Vec<String> = faults.iter().map(|fault| format!("{} {}", fault.field, fault.message)).collect();
        return Ok(refused(told.join("\n")));
    }
    let password_hash = shop.accounts.hash(opening.password).await?;
    let command = OpenShop {
        choices,
        owner: NewOwner { name: Some(name), email, phone, password_hash },
        sample: opening.sample,
        keeper: shop.settings.keeper(),
        session: None,
    };
    let opened = shop.db.write(command).await?;
    shop.first_code.forget();
    let owner = opened.owner;
    Ok(Answer::ShopOpened {
        name: owner.name.as_str().to_owned(),
        email: owner.email.as_str().to_owned(),
        products: opened.products,
    })
}

/// What the flags say, or every one that cannot be.
fn read(shop: &AppState, opening: &Opening) -> Result<(Choices, Name, Email, Option<Phone>), String> {
    let mut faults: Vec<String> = Vec::new();
    let mut fault = |flag: &str, message: &str| faults.push(format!("{flag} {message}"));
    let shop_name = opening.shop_name.as_deref().map(Name::parse).transpose();
    let shop_name = shop_name.map_err(|wrong| fault("--shop-name", &wrong.message)).ok().flatten();
    let locale = known(opening.locale.as_deref(), Locale::from_code);
    let locale = locale.map_err(|()| fault("--locale", "must be ar or en")).ok().flatten();
    let zone = known(opening.time_zone.as_deref(), ShopZone::named);
    let zone =
        zone.map_err(|()| fault("--time-zone", "must be the IANA name of a time zone, such as Asia/Amman")).ok().flatten();
    let currency = known(opening.currency.as_deref(), Currency::from_code);
    let currency = currency
        .map_err(|()| fault("--currency", "must be the three capital letters of a currency in use (ISO 4217), such as JOD"))
        .ok()
        .flatten();
    let name = Name::parse(&opening.name).map_err(|wrong| fault("--name", &wrong.message)).ok();
    let email = Email::parse(&opening.email).map_err(|wrong| fault("--email", &wrong.message)).ok();
    let format = shop.settings.format();
    let calling_code = match &opening.time_zone {
        Some(zone) => crate::kernel::calling_codes::of_zone(zone),
        None => format.calling_code,
    };
    let phone = opening.phone.as_deref().map(|phone| Phone::parse(phone, calling_code)).transpose();
    let phone = phone.map_err(|wrong| fault("--phone", &wrong.message)).ok().flatten();
    match (name, email) {
        (Some(name), Some(email)) if faults.is_empty() => {
            Ok((Choices { name: shop_name.map(Name::into_string), locale, currency, zone }, name, email, phone))
        }
        _ => Err(faults.join("\n")),
    }
}

fn known<T>(text: Option<&str>, read: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, ()> {
    text.map(|text| read(text).ok_or(())).transpose()
}

fn refused(message: String) -> Answer {
    Answer::Refused { code: "validation_failed".to_owned(), message }
}
