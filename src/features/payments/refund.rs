//! Giving money back on staff's word, and asking the gateway for it.
