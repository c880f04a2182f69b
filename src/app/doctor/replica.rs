//! How much could be lost now, where Litestream copies the books: how far its replica is behind.

use super::{Finding, Light, Patient};
use crate::db::{self, Reader};
use crate::kernel::time::span::MINUTE_MS;
use crate::kernel::{Result, UtcMs};
use crate::ops::litestream::{Reading, Replica, ReplicaFault};

/// A bucket may be away for a moment; for so long it is not.
const BEHIND_MS: i64 = 5 * MINUTE_MS;
const MEND: &str = "Look at it: systemctl status bayader-litestream, and journalctl -u bayader-litestream";

pub(super) fn replica(patient: &Patient<'_>, _: &Reader<'_>) -> Result<Vec<Finding>> {
    if !Replica::is_set_up(patient.config_file) {
        return Ok(Vec::new());
    }
    let database = db::database_in(patient.folder);
    let asked = Replica::find(None, patient.config_file).and_then(|replica| replica.reading(&database));
    Ok(told(asked, patient.now).into_iter().collect())
}

fn told(asked: std::result::Result<Reading, ReplicaFault>, now: UtcMs) -> Option<Finding> {
    match asked {
        Ok(reading) if reading.could_be_lost_ms(now) <= BEHIND_MS => None,
        Ok(reading) => {
            let minutes = reading.could_be_lost_ms(now) / MINUTE_MS;
            let what =
                format!("Litestream's replica is {minutes} minutes behind: were this machine gone now, they would be lost");
            Some(Finding::new(Light::Yellow, "replica", what, MEND).since(reading.upto))
        }
        // Another shop's, or a folder to try things in.
        Err(ReplicaFault::NotNamed { .. }) => None,
        Err(fault) => Some(Finding::new(Light::Yellow, "replica", format!("nobody knows what could be lost: {fault}"), MEND)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replica_that_stands_still_while_the_shop_writes_is_told() {
        let at = |minute: i64| UtcMs::from_ms(1_795_593_600_000 + minute * MINUTE_MS);
        let asked = |upto, written| told(Ok(Reading { upto: at(upto), written: at(written) }), at(60));
        assert_eq!(asked(10, 10), None, "nothing was written since");
        assert_eq!(asked(56, 60), None, "it is on its way");
        let finding = asked(10, 59).expect("it is told");
        assert!(finding.what.contains("50 minutes behind") && finding.since == Some(at(10)), "{finding:?}");
        assert!(told(Err(ReplicaFault::NoProgram), at(0)).is_some());
    }
}
