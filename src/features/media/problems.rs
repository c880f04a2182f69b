//! What can go wrong with a picture, in the words of the API.

use crate::kernel::Problem;

crate::problem_kinds! {
    TOO_MANY_IMAGES = 409 "too_many_images" "The product has as many pictures as it can show" "بلغ المنتج الحد الأقصى من الصور"
        { "Nothing was added. limit is how many pictures a product may have: remove one, then add the new one." "لم تُضف أي صورة. limit هو الحد الأقصى لصور المنتج: احذف صورة ثم أضف الجديدة." } [limit];
    LINK_EXPIRED = 403 "link_expired" "This link has ended, or was changed" "انتهت صلاحية هذا الرابط أو تم تغييره"
        { "Links to pictures are good for one to two weeks. Read the product or the order again: it carries new ones." "روابط الصور صالحة لمدة أسبوع إلى أسبوعين. اقرأ المنتج أو الطلب مرة أخرى لتحصل على روابط جديدة." };
    RANGE_OUTSIDE = 416 "range_outside" "There is nothing in that range" "لا يوجد شيء في هذا النطاق"
        { "Content-Range tells how many bytes there are. Ask without Range, or for a part that is there." "يذكر Content-Range عدد البايتات الموجودة. أعد الطلب من غير Range أو اطلب جزءًا موجودًا." };
}

pub(super) fn too_many_images(most: usize) -> Problem {
    Problem::of(&TOO_MANY_IMAGES)
        .detail(format!("A product shows at most {most} pictures. Remove one first; nothing was added."))
        .fact("limit", most)
}
