//! Lists with optional filters: statements put together from static pieces, values always bound.

use super::row::IntoColumn;

/// A `select` that grows by static conditions. No text of a caller ever becomes SQL.
#[derive(Default)]
pub struct Query {
    conditions: Vec<&'static str>,
    values: Vec<Box<dyn IntoColumn>>,
}

impl Query {
    #[must_use]
    pub fn new() -> Query {
        Query::default()
    }

    /// Adds a condition with one `?` for each value, in order.
    pub fn filter(&mut self, condition: &'static str, values: Vec<Box<dyn IntoColumn>>) {
        debug_assert_eq!(condition.matches('?').count(), values.len(), "{condition}");
        self.conditions.push(condition);
        self.values.extend(values);
    }

    /// Adds a condition on one value, if there is one.
    pub fn filter_opt<T: IntoColumn + 'static>(&mut self, condition: &'static str, value: Option<T>) {
        if let Some(value) = value {
            self.filter(condition, vec![Box::new(value)]);
        }
    }

    /// The statement: `head`, the conditions, `tail`. Values of `tail` follow those of the conditions.
    #[must_use]
    pub fn sql(&self, head: &'static str, tail: &'static str) -> String {
        let mut sql = head.to_owned();
        for (index, condition) in self.conditions.iter().enumerate() {
            sql.push_str(if index == 0 { " where (" } else { " and (" });
            sql.push_str(condition);
            sql.push(')');
        }
        sql.push(' ');
        sql.push_str(tail);
        sql
    }

    /// The bound values of the conditions, then `more`.
    #[must_use]
    pub fn values<'a>(&'a self, more: &'a [&'a dyn IntoColumn]) -> Vec<&'a dyn IntoColumn> {
        self.values.iter().map(AsRef::as_ref).chain(more.iter().copied()).collect()
    }
}
