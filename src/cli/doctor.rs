//! `bayader doctor`

mod messages;
mod payments;

use std::path::Path;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::json;

use super::exit::{Failure, Outcome};
use super::output;
use super::shared::{Place, database_to_read, runtime};
use crate::app::control::{self, Answer, Request};
use crate::app::doctor::{self, Finding, Light, Patient, Server};
use crate::clock::Clock;
use crate::ops::litestream::{Reading, Replica, ReplicaFault};
use crate::{config, db};

/// A server that is well answers within moments; one under the heaviest load within this.
const SERVER_TIME: Duration = Duration::from_secs(10);

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Doctor {
    #[command(subcommand)]
    of: Option<Of>,
    #[command(flatten)]
    place: Place,
    /// Answer in JSON: `{ok, light, findings, waiting, details}`.
    #[arg(long)]
    json: bool,
}

#[derive(Subcommand)]
enum Of {
    /// Ask whoever carries messages whether they can be reached and know the shop; sends nothing.
    #[command(after_help = super::EXIT_CODES)]
    Messages(messages::Messages),
    /// Ask each payment gateway whether it can be reached and knows the shop's keys; moves no money.
    #[command(after_help = super::EXIT_CODES)]
    Payments(payments::Payments),
}

impl Doctor {
    pub fn run(self) -> Outcome {
        match self.of {
            Some(Of::Messages(messages)) => return messages.run(),
            Some(Of::Payments(payments)) => return payments.run(),
            None => {}
        }
        // Root reads the replica's keys before it becomes the folder's owner, who may not.
        let named = self.place.config.as_deref();
        let replica = Replica::is_set_up(named).then(|| Replica::find(None, named));
        let folder = self.place.folder()?;
        let database = database_to_read(&folder)?;
        let config = config::load(&self.place.source(&folder));
        let config = config.as_ref().map_err(|faults| faults.iter().map(ToString::to_string).collect());
        let patient = Patient {
            folder: &folder,
            config,
            server: server_of(&folder)?,
            replica: replica.and_then(|replica| reading_of(replica, &database)),
            now: Clock::system().now(),
        };
        let found = db::open_read_only(&database, |reader| Ok(doctor::examine(&patient, reader)))
            .map_err(|error| Failure::because(format!("the books in {} cannot be read: {error}", database.display())))?;
        self.tell(&folder, &found)?;
        let red = found.iter().filter(|finding| finding.light == Light::Red).count();
        if red == 0 {
            return Ok(());
        }
        Err(Failure::because(format!("{red} finding(s) in {} that cannot wait", folder.display())))
    }

    fn tell(&self, folder: &Path, found: &[Finding]) -> Outcome {
        let light = doctor::light_of(found);
        if self.json {
            let of = |light| found.iter().filter(move |finding| finding.light == light).map(Finding::told);
            let details: Vec<_> = found
                .iter()
                .map(|finding| {
                    json!({
                        "light": finding.light,
                        "about": finding.about,
                        "what": finding.what,
                        "since": finding.since.map(|since| since.to_string()),
                        "do": finding.mend,
                    })
                })
                .collect();
            return output::json(&json!({
                "ok": light != Light::Red,
                "light": light,
                "findings": of(Light::Red).collect::<Vec<_>>(),
                "waiting": of(Light::Yellow).collect::<Vec<_>>(),
                "details": details,
            }));
        }
        if light == Light::Green {
            output::line(format!("{}.", light.words()))?;
            return output::line(format!("Looked at in {}: {}.", folder.display(), doctor::looked_at().join(", ")));
        }
        output::line(format!("{}:", light.words()))?;
        for finding in found {
            let when = if finding.light == Light::Red { "now" } else { "today" };
            let since = finding.since.map(|since| format!(", since {since}")).unwrap_or_default();
            output::line(format!("- {when}, {}: {}{since}.", finding.about, finding.what.trim_end_matches('.')))?;
            if !finding.mend.is_empty() {
                output::line(format!("  {}.", finding.mend))?;
            }
        }
        Ok(())
    }
}

/// How far the replica of this database is; `None` if the machine's Litestream is not this shop's.
fn reading_of(replica: Result<Replica, ReplicaFault>, database: &Path) -> Option<Result<Reading, String>> {
    match replica.and_then(|replica| replica.reading(database)) {
        Err(ReplicaFault::NotNamed { .. }) => None,
        reading => Some(reading.map_err(|fault| fault.to_string())),
    }
}

/// Asks the folder's server who it is, if there is one.
fn server_of(folder: &Path) -> Outcome<Server> {
    let socket = db::control_socket_in(folder);
    let asked =
        runtime()?.block_on(async { tokio::time::timeout(SERVER_TIME, control::ask(&socket, &Request::Tell, &|_| ())).await });
    Ok(match asked {
        Ok(Ok(None)) => Server::Absent,
        Ok(Ok(Some(Answer::Running(running)))) => Server::Running(running),
        Ok(Ok(Some(Answer::Refused { message, .. } | Answer::Failed { message }))) => Server::Unclear(message),
        Ok(Ok(Some(_))) => Server::Unclear("it answered something else".to_owned()),
        Ok(Err(error)) => Server::Unclear(error.to_string()),
        Err(_) => Server::Unclear(format!("no answer within {} s", SERVER_TIME.as_secs())),
    })
}
