//! The words of a cart.

use std::collections::HashMap;

use serde_json::Value;

use crate::features::catalog::ForSale;
use crate::kernel::{CartId, CartItemId, Pieces, ProductId, UserId};
use crate::security::token::TokenHash;

/// One wanted line.
#[derive(Clone, PartialEq, Debug)]
pub struct Item {
    pub product: ProductId,
    pub quantity: Pieces,
    pub options: Option<Value>,
}

/// How a caller finds their cart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Key {
    /// Signed in: the account's own, whatever token comes along.
    Account(UserId),
    /// By a cart's token.
    Token(TokenHash),
    /// Neither: there is none yet.
    Nothing,
}

/// A cart without its lines.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Head {
    pub id: CartId,
    /// `None`: a guest's.
    pub user: Option<UserId>,
    pub token_hash: TokenHash,
}

/// A line as it is kept.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Line {
    pub id: CartItemId,
    pub product: ProductId,
    pub quantity: Pieces,
    /// An object, normalised as the product's groups were when it was written; `None`: nothing was chosen.
    pub options: Option<Value>,
    /// What one piece cost when its owner last saw it, in minor units.
    pub seen_minor: i64,
}

/// What the catalog and the shelf say of a product now.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Offer {
    pub product: ForSale,
    /// `None` for a product whose stock is not tracked.
    pub available: Option<Pieces>,
}

/// The offers of a cart's products.
pub(super) type Offers = HashMap<ProductId, Offer>;

/// A line as it stands now. All money in minor units.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Shown {
    pub id: CartItemId,
    pub product: ProductId,
    pub name_en: Option<String>,
    pub name_ar: Option<String>,
    pub quantity: Pieces,
    pub options: Option<Value>,
    pub unit_price: i64,
    /// 0 for what cannot be ordered as it stands: it is hidden, or its options no longer fit.
    pub line_total: i64,
    pub available: Option<Pieces>,
}

/// What a line's owner must know before they order. Prices in minor units of one piece.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Warning {
    PriceChanged { before: i64, now: i64 },
    OptionGone,
    NotAvailable,
    SoldOut,
    InsufficientStock { available: Pieces },
    QuantityOverLimit { most: Pieces },
}

impl Warning {
    pub const CODES: [&'static str; 6] =
        ["price_changed", "option_gone", "not_available", "sold_out", "insufficient_stock", "quantity_over_limit"];

    pub fn code(self) -> &'static str {
        match self {
            Warning::PriceChanged { .. } => "price_changed",
            Warning::OptionGone => "option_gone",
            Warning::NotAvailable => "not_available",
            Warning::SoldOut => "sold_out",
            Warning::InsufficientStock { .. } => "insufficient_stock",
            Warning::QuantityOverLimit { .. } => "quantity_over_limit",
        }
    }
}

/// A cart as it stands now.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct View {
    /// `None`: there is none, and it is empty.
    pub head: Option<Head>,
    pub items: Vec<Shown>,
    pub warnings: Vec<(CartItemId, Warning)>,
    /// The sum of the items' `line_total`.
    pub subtotal: i64,
}
