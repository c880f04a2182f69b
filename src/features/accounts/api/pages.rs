//! The pages on which a password is chosen, or a link to do so is asked for.

use crate::features::AppState;
use crate::http::assets::{PageQuery, page};
use crate::http::{Answer, Context, Route};

pub(super) fn routes() -> Vec<Route<AppState>> {
    vec![
        Route::get("/account/reset", reset, "Show the page that sets a new password")
            .describe("The link's token stands in the fragment, which no server and no log ever sees.")
            .query::<PageQuery>()
            .answers_page("The page"),
        Route::get("/account/invite", invite, "Show the page on which who was invited chooses a password")
            .describe("As the page that sets a new password, with a word of welcome.")
            .query::<PageQuery>()
            .answers_page("The page"),
        Route::get("/account/forgot", forgot, "Show the page that asks for a link to a new password")
            .describe("It says the same whether the address has an account or not.")
            .query::<PageQuery>()
            .answers_page("The page"),
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
