//! Rows and bound values: how the kernel's words become columns (ids 16-byte blobs, times ms, flags 0/1, states words).

use rusqlite::ToSql;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef};

use crate::kernel::{
    AddressId, CampaignId, CartId, CartItemId, CategoryId, Email, Fault, Fulfilment, ImageId, JobId, Locale, NotificationId,
    OrderId, OrderStatus, PaymentId, PaymentMethod, PaymentStatus, Phone, ProductId, RefundId, RefundStatus, Result, Role,
    SessionId, ShopDay, Source, StockLogId, TransactionStatus, UserId, UtcMs, WebhookId,
};

/// What can be bound to a statement.
pub trait IntoColumn: ToSql {}
impl<T: ToSql + ?Sized> IntoColumn for T {}

/// What a column can be read as.
pub trait FromColumn: FromSql {}
impl<T: FromSql> FromColumn for T {}

/// One row of an answer.
pub struct Row<'r> {
    row: &'r rusqlite::Row<'r>,
}

impl<'r> Row<'r> {
    pub(super) fn new(row: &'r rusqlite::Row<'r>) -> Row<'r> {
        Row { row }
    }

    /// The column at a place, from 0.
    ///
    /// # Errors
    /// A fault if the column is not of that type.
    pub fn get<T: FromColumn>(&self, index: usize) -> Result<T> {
        self.row.get(index).map_err(|error| Fault::new(error).into())
    }

    /// Reads the columns one after the other, in the order in which the statement names them.
    #[must_use]
    pub fn columns(&self) -> Columns<'_> {
        Columns { row: self, next: 0 }
    }
}

/// See [`Row::columns`].
pub struct Columns<'r> {
    row: &'r Row<'r>,
    next: usize,
}

impl Columns<'_> {
    /// The next column.
    ///
    /// # Errors
    /// As [`Row::get`].
    #[expect(
        clippy::should_implement_trait,
        reason = "it reads as what it does; an iterator would need one type for all columns"
    )]
    pub fn next<T: FromColumn>(&mut self) -> Result<T> {
        let value = self.row.get(self.next)?;
        self.next += 1;
        Ok(value)
    }

    /// The next column, a JSON text of ours.
    ///
    /// # Errors
    /// A fault if the text does not fit the type.
    pub fn json<T: serde::de::DeserializeOwned>(&mut self) -> Result<Option<T>> {
        let text: Option<String> = self.next()?;
        text.map(|text| serde_json::from_str(&text).map_err(|error| Fault::new(error).into())).transpose()
    }
}

macro_rules! id_columns {
    ($($name:ident),+) => {$(
        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(ToSqlOutput::from(self.as_bytes().as_slice()))
            }
        }
        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                let bytes: [u8; 16] = value.as_blob()?.try_into().map_err(|_| FromSqlError::InvalidType)?;
                Ok($name::from_uuid(uuid::Uuid::from_bytes(bytes)))
            }
        }
    )+};
}
id_columns!(
    AddressId,
    CampaignId,
    CartId,
    CartItemId,
    CategoryId,
    ImageId,
    JobId,
    NotificationId,
    OrderId,
    PaymentId,
    ProductId,
    RefundId,
    SessionId,
    StockLogId,
    UserId,
    WebhookId
);

macro_rules! word_columns {
    ($($name:ident),+) => {$(
        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(ToSqlOutput::from(self.code()))
            }
        }
        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                $name::from_code(value.as_str()?).ok_or(FromSqlError::InvalidType)
            }
        }
    )+};
}
word_columns!(Fulfilment, Locale, OrderStatus, PaymentMethod, PaymentStatus, RefundStatus, Role, Source, TransactionStatus);

macro_rules! text_columns {
    ($($name:ident),+) => {$(
        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(ToSqlOutput::from(self.as_str()))
            }
        }
    )+};
}
text_columns!(Email, Phone);

impl ToSql for UtcMs {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.ms()))
    }
}

impl FromSql for UtcMs {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_i64().map(UtcMs::from_ms)
    }
}

impl ToSql for ShopDay {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.number()))
    }
}

impl FromSql for ShopDay {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        ShopDay::from_number(value.as_i64()?).ok_or(FromSqlError::InvalidType)
    }
}
