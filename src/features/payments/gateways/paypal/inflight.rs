//! Captures that were sent and not clearly answered: until PayPal has said what became of one, its attempt is not called ended.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::kernel::PaymentId;

/// PayPal is done with a capture long before; then what its order says is true.
const LONGEST: Duration = Duration::from_secs(600);

/// By payment, when its capture was last sent. What a crash takes away, the time of a start makes good.
#[derive(Debug, Default)]
pub(super) struct InFlight(Mutex<HashMap<PaymentId, Duration>>);

impl InFlight {
    pub fn sent(&self, payment: PaymentId, now: Duration) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, sent| now.saturating_sub(*sent) < LONGEST);
        all.insert(payment, now);
    }

    pub fn answered(&self, payment: PaymentId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&payment);
    }

    pub fn is_open(&self, payment: PaymentId, now: Duration) -> bool {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&payment).is_some_and(|sent| now.saturating_sub(*sent) < LONGEST)
    }
}
