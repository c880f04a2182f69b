//! What the catalog refuses.

use crate::kernel::{CategoryId, Error, Problem, ProductId};

crate::problem_kinds! {
    SKU_TAKEN = 409 "sku_taken" "Another product has this sku" "رمز الصنف مستخدم لمنتج آخر"
        { "productId names the product that has it. Take another, or leave sku out and one is made." "قيمة productId تذكر المنتج صاحب الرمز. اختر رمزًا آخر، أو احذف sku فيُنشأ رمز جديد." } [productId];
    SLUG_TAKEN = 409 "slug_taken" "This address is taken" "هذا العنوان مستخدم"
        { "Another thing has this slug. Take another, or leave slug out and one is made." "عنوان slug مستخدم لعنصر آخر. اختر غيره، أو احذف slug فيُنشأ عنوان جديد." };
    CATEGORY_IN_USE = 409 "category_in_use" "The category still has products" "لا يزال في هذا القسم منتجات"
        { "Hidden products count too. Move them to another category first, or hide this one with isActive false." "تُحتسب المنتجات المخفية أيضًا. انقلها إلى قسم آخر أولًا، أو أخفِ القسم بإرسال isActive بقيمة false." } [productCount];
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
