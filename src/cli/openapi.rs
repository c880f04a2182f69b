//! `bayader openapi`

use clap::Args;

use super::exit::Outcome;
use super::output;
use super::shared::Place;

#[derive(Args)]
pub struct Openapi {
    #[command(flatten)]
    _place: Place,
}

impl Openapi {
    pub fn run(self) -> Outcome {
        output::json(&crate::app::openapi())
    }
}
