//! The keeper's configuration over what is stored, at every start.

use std::sync::Arc;

use super::{Keeper, Settings};
use crate::db::{Command, WriteTx};
use crate::kernel::Result;

/// Writes what the keeper's configuration decides over what is stored.
pub struct ApplyConfig {
    pub keeper: Arc<Keeper>,
}

impl Command for ApplyConfig {
    const NAME: &'static str = "settings.apply_config";
    type Output = Settings;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<Settings> {
        let before = super::sections(tx)?;
        let mut after = before.clone();
        self.keeper.decide_shop(&mut after.shop);
        self.keeper.decide_orders(&mut after.orders);
        super::write(tx, &before, after)
    }
}
