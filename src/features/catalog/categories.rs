//! Making, changing and removing categories.

use super::bodies::CategoryInput;
use super::model::{Category, CategoryDraft};
use super::{problems, reindex, rules, sql};
use crate::db::{Command, Reader, WriteTx};
use crate::http::problem::not_found;
use crate::kernel::{CategoryId, Change, DomainEvent, Fault, Result, SeenVersion};

/// Makes a category; without a place it comes last.
pub(super) struct CreateCategory {
    pub input: CategoryInput,
}

impl Command for CreateCategory {
    const NAME: &'static str = "catalog.create_category";
    type Output = Category;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<Category> {
        let input = self.input;
        let id = CategoryId::from_uuid(tx.new_id());
        let slug = match input.slug {
            Some(slug) => slug,
            None => free_slug(tx, id, input.name.en.as_deref().or(input.name.ar.as_deref()))?,
        };
        let sort_order = match input.sort_order {
            Some(place) => place,
            None => sql::next_category_place(tx)?,
        };
        let is_active = input.is_active.unwrap_or(true);
        let draft = CategoryDraft { slug, name: input.name, sort_order, tax_rate_bp: input.tax_rate_bp, is_active };
        check(tx, id, &draft)?;
        insert(tx, id, &draft)?;
        let after = Some(draft.told());
        tx.changed(Change { action: "category.create", subject: subject(id), before: None, after });
        read_back(tx, id)
    }
}

/// Replaces what an editor decides of a category; slug, place and visibility stay where they are left out.
pub(super) struct ReplaceCategory {
    pub id: CategoryId,
    pub input: CategoryInput,
    pub seen: SeenVersion,
}

impl Command for ReplaceCategory {
    const NAME: &'static str = "catalog.replace_category";
    type Output = Category;

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<Category> {
        let now = sql::category(tx, self.id)?.ok_or_else(not_found)?;
        self.seen.check(now.version)?;
        let input = self.input;
        let draft = CategoryDraft {
            slug: input.slug.unwrap_or_else(|| now.draft.slug.clone()),
            name: input.name,
            sort_order: input.sort_order.unwrap_or(now.draft.sort_order),
            tax_rate_bp: input.tax_rate_bp,
            is_active: input.is_active.unwrap_or(now.draft.is_active),
        };
        check(tx, self.id, &draft)?;
        if draft != now.draft {
            sql::update_category(tx, self.id, &draft)?;
            reindex::category_changed(tx, self.id, now.version + 1)?;
            tx.record(DomainEvent::CategoryChanged);
            tx.changed(Change::between("category.replace", subject(self.id), now.draft.told(), draft.told()));
        }
        read_back(tx, self.id)
    }
}

/// Removes a category that has no products, hidden ones counted.
pub(super) struct DeleteCategory {
    pub id: CategoryId,
    pub seen: SeenVersion,
}

impl Command for DeleteCategory {
    const NAME: &'static str = "catalog.delete_category";
    type Output = ();

    fn apply(self, tx: &mut WriteTx<'_>) -> Result<()> {
        let now = sql::category(tx, self.id)?.ok_or_else(not_found)?;
        self.seen.check(now.version)?;
        if sql::has_products(tx, self.id)? {
            return Err(problems::category_in_use(self.id, now.product_count));
        }
        sql::delete_category(tx, self.id)?;
        tx.record(DomainEvent::CategoryChanged);
        let before = Some(now.draft.told());
        tx.changed(Change { action: "category.delete", subject: subject(self.id), before, after: None });
        Ok(())
    }
}

fn subject(id: CategoryId) -> String {
    format!("category:{id}")
}

pub(super) fn insert(tx: &mut WriteTx<'_>, id: CategoryId, draft: &CategoryDraft) -> Result<()> {
    sql::insert_category(tx, id, draft)?;
    tx.record(DomainEvent::CategoryChanged);
    Ok(())
}

fn check(reader: &Reader<'_>, id: CategoryId, draft: &CategoryDraft) -> Result<()> {
    match sql::category_by_slug(reader, &draft.slug)?.filter(|other| *other != id) {
        Some(other) => Err(problems::slug_taken(&draft.slug, format_args!("category {other}"))),
        None => Ok(()),
    }
}

fn read_back(reader: &Reader<'_>, id: CategoryId) -> Result<Category> {
    sql::category(reader, id)?.ok_or_else(|| Fault::because("a category just written is there").into())
}

fn free_slug(reader: &Reader<'_>, id: CategoryId, name: Option<&str>) -> Result<String> {
    let short = id.uuid().simple().to_string().split_off(24);
    let Some(base) = name.and_then(rules::slug_of) else { return Ok(format!("category-{short}")) };
    let taken = sql::category_by_slug(reader, &base)?.is_some();
    Ok(if taken { format!("{base}-{short}") } else { base })
}
