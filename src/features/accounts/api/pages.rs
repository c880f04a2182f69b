//! The pages on which a password is chosen, or a link to do so is asked for.

use crate::features::AppState;
use crate::http::assets::{PageQuery, page};
use crate::http::{Answer, Context, Route};

pub(super) fn routes() -> Vec<Route<AppState>> {
    vec![
        Route::get("/account/reset", reset, "Show the page that sets a new password; its link's token stands in the fragment.")
            .query::<PageQuery>()
            .answers_page("The page."),
        Route::get("/account/invite", invite, "Show the page on which who was invited chooses a password.")
            .query::<PageQuery>()
            .answers_page("The page."),
        Route::get("/account/forgot", forgot, "Show the page that asks for a link to a new password.")
            .query::<PageQuery>()
            .answers_page("The page."),
    ]
}

async fn reset(context: Context) -> Answer {
    page(&context, "account-reset")
}

async fn invite(context: Context) -> Answer {
    page(&context, "account-invite")
}

async fn forgot(context: Context) -> Answer {
    page(&context, "account-forgot")
}
