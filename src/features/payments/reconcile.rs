//! Asking by itself: on its schedule, at start, and after calls of unknown outcome (SPEC 4).
