//! Orders: taken, moved, cancelled, paid in cash; never oversold, never lost (SPEC 4).
