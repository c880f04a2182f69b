//! Opening the shop: its settings, its owner and, if asked for, the sample bakery, in one write. So whatever happens in the middle,
//! there is a whole shop afterwards or one that can still be set up.

use std::sync::Arc;

use super::{problems, sample};
use crate::db::{Command, WriteTx};
use crate::features::accounts::{self, CreateOwner, NewSession, SignedIn, User};
use crate::features::catalog::{Import, has_any_product};
use crate::features::media::DrawSample;
use crate::features::settings::{self, Choose, Keeper};
use crate::kernel::{Currency, Email, Fault, Locale, Name, Phone, Problem, Result, ShopZone};

/// What a shop is to be. What is left out stays as the configuration says, else as a new shop has it.
#[derive(Clone, Default)]
pub struct Choices {
    pub name: Option<String>,
    pub locale: Option<Locale>,
    pub currency: Option<Currency>,
    pub zone: Option<ShopZone>,
}

impl Choices {
    fn settings(&self) -> Choose {
        Choose {
            name: self.name.clone(),
            locale: self.locale.map(|locale| locale.code().to_owned()),
            currency: self.currency.map(|currency| currency.code().to_owned()),
            time_zone: self.zone.as_ref().and_then(ShopZone::name).map(str::to_owned),
        }
    }
}

/// Opens the shop. Refuses with 404 if it has an owner already, with `currency_in_use` or `validation_failed` if it has products that do
/// not go with what is asked.
pub struct OpenShop {
    pub choices: Choices,
    pub owner: NewOwner,
    pub sample: bool,
    pub keeper: Arc<Keeper>,
    /// The owner's first session, if one is to begin.
    pub session: Option<NewSession>,
}

/// Who is to own the shop.
pub struct NewOwner {
    /// Left out: the word for an owner in the shop's language.
    pub name: Option<Name>,
    pub email: Email,
    pub phone: Option<Phone>,
    pub password_hash: String,
}

/// A shop that was opened.
pub struct Opened {
    pub owner: User,
    pub signed_in: Option<SignedIn>,
    /// How many products of the sample it has.
    pub products: usize,
}

impl Command for OpenShop {
    const NAME: &'static str = "setup.open_shop";
    type Output = Opened;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<Opened> {
        if accounts::owner_exists(tx)? {
            return Err(problems::set_up_already().into());
        }
        if self.sample && has_any_product(tx)? {
            let message = "cannot be true: the shop has a menu already, which would be mixed with the sample. Send false";
            return Err(Problem::field("sample", "menu_there", message).into());
        }
        let settings = settings::choose(tx, self.choices.settings(), &self.keeper)?;
        let locale = settings.format.locale;
        let NewOwner { name, email, phone, password_hash } = self.owner;
        let name = match name {
            Some(name) => name,
            None => an_owner(locale)?,
        };
        let owner = CreateOwner { name, email, phone, password_hash }.apply(tx)?;
        let signed_in = match &self.session {
            Some(session) => Some(accounts::sign_in_new(tx, owner.clone(), session)?),
            None => None,
        };
        let mut products = 0;
        if self.sample {
            let parsed = sample::menu(&settings.format)?;
            products = Import { parsed, set_stock: false, dry_run: false, by: owner.actor() }.apply(tx)?.made;
            // Drawn by a job, while the bakery is open already.
            DrawSample.apply(tx)?;
        }
        Ok(Opened { owner, signed_in, products })
    }
}

/// Who has not said their name.
fn an_owner(locale: Locale) -> Result<Name> {
    let word = match locale {
        Locale::En => "Owner",
        Locale::Ar => "المالك",
    };
    Name::parse(word).map_err(|fault| Fault::because(fault.message).into())
}
