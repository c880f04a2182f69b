//! The shop itself: its server, its keeper's configuration, its jobs, messages, payments and pictures.

#![expect(clippy::unnecessary_wraps, reason = "checks stand in one list, so all of them have its form")]

use super::{Finding, Light, Patient, Server};
use crate::db::Reader;
use crate::features::{backup, media, messages as mail, payments as pay, restored as past};
use crate::http::tls;
use crate::jobs;
use crate::kernel::Result;
use crate::kernel::time::span::{HOUR_MS, MINUTE_MS};

/// A job is taken within moments of its time; one that waits so long waits for something.
const LATE_MS: i64 = 10 * MINUTE_MS;
/// The nightly drill has missed two nights.
const UNPROVEN_MS: i64 = 50 * HOUR_MS;
/// A message that waits so long was held by its carrier.
const MESSAGE_LATE_MS: i64 = HOUR_MS;

pub(super) fn server(patient: &Patient<'_>, _: &Reader<'_>) -> Result<Vec<Finding>> {
    let found = match &patient.server {
        Server::Absent => {
            let what = "no server runs on this folder, so the shop is closed";
            Finding::new(
                Light::Yellow,
                "server",
                what,
                "If it should be open: systemctl start bayader (by hand: bayader serve)",
            )
        }
        Server::Unclear(why) => {
            let what = format!("the server of this folder does not answer as it should: {why}");
            Finding::new(
                Light::Red,
                "server",
                what,
                "Start it again: systemctl restart bayader; then look at its log: journalctl -u bayader",
            )
        }
        Server::Running(running) if running.version != env!("CARGO_PKG_VERSION") => {
            let what = format!("the server is of version {}, this program of {}", running.version, env!("CARGO_PKG_VERSION"));
            Finding::new(
                Light::Yellow,
                "server",
                what,
                "Start it again, so that the installed version runs: systemctl restart bayader",
            )
        }
        Server::Running(running) if !running.is_set_up => {
            let what = "the server runs, but nobody owns the shop yet, so it sells nothing";
            Finding::new(
                Light::Yellow,
                "server",
                what,
                "Open its page in a browser, with a code from: bayader admin setup-code",
            )
        }
        Server::Running(_) => return Ok(Vec::new()),
    };
    Ok(vec![found])
}

pub(super) fn configuration(patient: &Patient<'_>, _: &Reader<'_>) -> Result<Vec<Finding>> {
    Ok(match &patient.config {
        Ok(config) => {
            let told = config.warnings().into_iter().map(|warning| warning.to_string());
            told.map(|warning| Finding::new(Light::Yellow, "configuration", warning, "")).collect()
        }
        Err(faults) => {
            let mend = "Mend it before the next start of the shop, which would fail; bayader config check looks at it again";
            faults.iter().map(|fault| Finding::new(Light::Red, "configuration", fault, mend)).collect()
        }
    })
}

pub(super) fn certificate(patient: &Patient<'_>, _: &Reader<'_>) -> Result<Vec<Finding>> {
    let Ok(config) = &patient.config else { return Ok(Vec::new()) };
    let seen = tls::look(&config.tls, patient.folder, patient.now);
    let of = |light| move |words: String| Finding::new(light, "certificate", words, "");
    Ok(seen.faults.into_iter().map(of(Light::Red)).chain(seen.warnings.into_iter().map(of(Light::Yellow))).collect())
}

/// Without a server all jobs wait, which is told already.
pub(super) fn late_jobs(patient: &Patient<'_>, reader: &Reader<'_>) -> Result<Vec<Finding>> {
    if patient.server == Server::Absent {
        return Ok(Vec::new());
    }
    let late = jobs::longest_due(reader, patient.now)?.filter(|(_, due)| due.plus_ms(LATE_MS) < patient.now);
    let found = late.map(|(kind, due)| {
        let what = format!("work in the background is late: the oldest is {kind}");
        Finding::new(
            Light::Yellow,
            "jobs",
            what,
            "Look at /api/v1/admin/jobs and the log; a restart of the shop takes it up anew",
        )
        .since(due)
    });
    Ok(found.into_iter().collect())
}

pub(super) fn messages(patient: &Patient<'_>, reader: &Reader<'_>) -> Result<Vec<Finding>> {
    let mut found = Vec::new();
    let trouble = mail::trouble(reader, patient.now)?;
    // Those that wait for the owner's word are told apart.
    let held = mail::held_back(reader)?;
    let oldest = trouble.oldest_waiting.filter(|_| trouble.waiting > held.messages + held.promotions);
    if let Some(oldest) = oldest.filter(|oldest| oldest.plus_ms(MESSAGE_LATE_MS) < patient.now) {
        let what = format!("{} message(s) to customers or staff wait to be sent", trouble.waiting);
        found.push(
            Finding::new(Light::Yellow, "messages", what, "Ask whether their carriers answer: bayader doctor messages")
                .since(oldest),
        );
    }
    let failed: i64 = mail::numbers(reader, patient.now)?.iter().map(|numbers| numbers.failed).sum();
    if failed > 0 {
        let what = format!("{failed} message(s) of the last day could not be delivered");
        found.push(Finding::new(
            Light::Yellow,
            "messages",
            what,
            "Look at them, and call who waits for them: /api/v1/notifications?status=failed",
        ));
    }
    Ok(found)
}

pub(super) fn payments(patient: &Patient<'_>, reader: &Reader<'_>) -> Result<Vec<Finding>> {
    let line = |line| Finding::new(Light::Yellow, "payments", line, "Somebody has to look: docs/taking-payments says at what");
    Ok(pay::waiting(reader, patient.now)?.into_iter().map(line).collect())
}

pub(super) fn restored(_: &Patient<'_>, reader: &Reader<'_>) -> Result<Vec<Finding>> {
    let mend = "Look at /api/v1/admin/restored, and answer at /api/v1/admin/restored/release";
    Ok(past::line_for_doctor(reader)?.map(|line| Finding::new(Light::Yellow, "restored", line, mend)).into_iter().collect())
}

pub(super) fn pictures(_: &Patient<'_>, reader: &Reader<'_>) -> Result<Vec<Finding>> {
    Ok(media::copy::waiting(reader)?.into_iter().map(|line| Finding::new(Light::Yellow, "pictures", line, "")).collect())
}

pub(super) fn backups(patient: &Patient<'_>, reader: &Reader<'_>) -> Result<Vec<Finding>> {
    let finding = |trouble| match trouble {
        backup::Trouble::NotProven(why) => Finding::new(
            Light::Red,
            "backups",
            format!("the newest backup could not be restored: {why}"),
            "Make another one with: bayader backup create; then prove it with: bayader backup verify FILE",
        ),
        backup::Trouble::Old(hours) => Finding::new(
            Light::Yellow,
            "backups",
            format!("the newest backup is {hours} hours old, and so much would be lost with this machine"),
            "Make one with: bayader backup create; the job `backup.create` says why none came by itself",
        ),
        backup::Trouble::None => Finding::new(
            Light::Yellow,
            "backups",
            "no backup of this shop is known, and all of it would be lost with this machine",
            "Make one with: bayader backup create",
        ),
    };
    let mut found: Vec<Finding> = backup::trouble(reader, patient.now)?.into_iter().map(finding).collect();
    let proven = backup::standing(reader)?.proven.and_then(|known| known.proven_at);
    if let Some(at) = proven.filter(|at| at.plus_ms(UNPROVEN_MS) < patient.now) {
        let what = "no backup was shown to be restorable for more than two nights";
        let mend = "Prove the newest one: bayader backup verify FILE; bayader backup list names it";
        found.push(Finding::new(Light::Yellow, "backups", what, mend).since(at));
    }
    Ok(found)
}
