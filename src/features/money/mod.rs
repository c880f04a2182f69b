//! The ledger of money: append-only; what an order owes, has paid and got back (SPEC 4).
