//! `bayader doctor messages`

use clap::Args;
use serde_json::json;

use crate::cli::exit::{Failure, Outcome};
use crate::cli::output;
use crate::cli::shared::{Place, runtime};
use crate::clock::Clock;
use crate::features::messages::carrier::Check;
use crate::features::messages::{CheckedCarrier, check_carriers};
use crate::outbound::Patience;

#[derive(Args)]
pub struct Messages {
    #[command(flatten)]
    place: Place,
    /// Answer in JSON: `{ok, carriers: [{channel, carrier, asked, ok, problem}]}`.
    #[arg(long)]
    json: bool,
}

impl Messages {
    pub fn run(self) -> Outcome {
        let folder = self.place.folder()?;
        let config = self.place.read_config(&folder)?;
        crate::ops::logs::start_for_command(&config);
        let clock = Clock::system();
        let asked = check_carriers(&folder, &config, &clock, Patience::default());
        let checked = runtime()?.block_on(asked).map_err(Failure::because)?;
        let wrong = checked.iter().filter(|one| matches!(one.check, Check::Wrong { .. })).count();
        if self.json {
            let carriers = checked.iter().map(as_json);
            output::json(&json!({ "ok": wrong == 0, "carriers": carriers.collect::<Vec<_>>() }))?;
        } else {
            for one in &checked {
                output::line(as_line(one))?;
            }
        }
        if wrong == 0 {
            return Ok(());
        }
        Err(Failure::because(format!("{wrong} of {} carrier(s) cannot be used; nothing was sent", checked.len())))
    }
}

fn as_json(one: &CheckedCarrier) -> serde_json::Value {
    let problem = match &one.check {
        Check::Wrong { why } => Some(why),
        Check::Right | Check::Nobody | Check::CannotAsk => None,
    };
    let asked = matches!(one.check, Check::Right | Check::Wrong { .. });
    json!({ "channel": one.channel.code(), "carrier": one.carrier, "asked": asked, "ok": problem.is_none(), "problem": problem })
}

fn as_line(one: &CheckedCarrier) -> String {
    let (channel, carrier) = (one.channel.code(), one.carrier);
    match &one.check {
        Check::Right => format!("{channel} by {carrier}: it answers, and takes our sign-in. Send yourself a message next."),
        Check::Wrong { why } => format!("{channel} by {carrier}: {why}."),
        Check::Nobody => format!("{channel}: nobody carries it; each message becomes a file in outbox/ of the data folder."),
        Check::CannotAsk => format!("{channel} by {carrier}: it cannot be asked without a message. Send yourself one."),
    }
}
