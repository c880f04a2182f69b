//! `bayader doctor payments`

use clap::Args;
use serde_json::json;

use crate::cli::exit::{Failure, Outcome};
use crate::cli::output;
use crate::cli::shared::{Place, runtime};
use crate::clock::Clock;
use crate::features::payments::{Checked, Gateways, Setting, check_keys};
use crate::outbound::Patience;

#[derive(Args)]
pub struct Payments {
    #[command(flatten)]
    place: Place,
    /// Answer in JSON: `{ok, gateways: [{gateway, ok, problem, advice}]}`.
    #[arg(long)]
    json: bool,
}

impl Payments {
    pub fn run(self) -> Outcome {
        let folder = self.place.folder()?;
        let config = self.place.read_config(&folder)?;
        crate::ops::logs::start_for_command(&config);
        let setting = Setting { clock: Clock::system(), patience: Patience::default() };
        let gateways = Gateways::open(&config.payments, &setting, Vec::new()).map_err(Failure::because)?;
        let checked = runtime()?.block_on(check_keys(&gateways));
        let wrong = checked.iter().filter(|one| one.trouble.is_some()).count();
        if self.json {
            let gateways = checked.iter().map(as_json);
            output::json(&json!({ "ok": wrong == 0, "gateways": gateways.collect::<Vec<_>>() }))?;
        } else if checked.is_empty() {
            output::line("No payment gateway is configured. Fill in a section [payments.<gateway>] to take one.")?;
        } else {
            for one in &checked {
                output::line(as_line(one))?;
            }
        }
        if wrong == 0 {
            return Ok(());
        }
        Err(Failure::because(format!("{wrong} of {} gateway(s) cannot be used; nothing was changed or paid", checked.len())))
    }
}

fn as_json(one: &Checked) -> serde_json::Value {
    let (problem, advice) = one.trouble.as_ref().map(|trouble| (&trouble.what, &trouble.advice)).unzip();
    json!({ "gateway": one.gateway, "ok": one.trouble.is_none(), "problem": problem, "advice": advice })
}

fn as_line(one: &Checked) -> String {
    match &one.trouble {
        None => format!(
            "{}: it answers, and knows these keys. Pay and refund a small order in its test mode next.",
            one.gateway.code()
        ),
        Some(trouble) => format!("{}: {}. What to do: {}.", one.gateway.code(), trouble.what, trouble.advice),
    }
}
