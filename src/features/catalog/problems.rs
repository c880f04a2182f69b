//! What the catalog refuses.

use crate::kernel::{CategoryId, Error, Problem, ProductId};

crate::problem_kinds! {
    SKU_TAKEN = 409 "sku_taken" "Another product has this sku" "رمز الصنف مستخدم لمنتج آخر";
    SLUG_TAKEN = 409 "slug_taken" "This address is taken" "هذا العنوان مستخدم";
    CATEGORY_IN_USE = 409 "category_in_use" "The category still has products" "لا يزال في هذا القسم منتجات";
}

pub(super) fn sku_taken(sku: &str, by: ProductId) -> Error {
    Problem::of(&SKU_TAKEN)
        .detail(format!("The sku {sku} belongs to product {by}. Take another, or leave it out and one is made."))
        .fact("productId", by.to_string())
        .into()
}

pub(super) fn slug_taken(slug: &str, by: impl std::fmt::Display) -> Error {
    Problem::of(&SLUG_TAKEN)
        .detail(format!("The slug {slug} belongs to {by}. Take another, or leave it out and one is made."))
        .into()
}

pub(super) fn category_in_use(id: CategoryId, products: i64) -> Error {
    Problem::of(&CATEGORY_IN_USE)
        .detail(format!(
            "Category {id} has {products} products, hidden ones counted. Move them to another first, or hide the category with isActive false."
        ))
        .fact("productCount", products)
        .into()
}
