//! An attempt as it is kept: the payment row with what only a gateway has.
