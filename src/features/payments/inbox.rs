//! What gateways tell by themselves: kept once, answered at once, understood by a job.
