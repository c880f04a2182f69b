//! What the terminal says of a shop that nobody owns yet: where its page is, and the code that the page asks for.

use std::io::{IsTerminal, Write};
use std::path::Path;

use super::output;
use crate::features::setup::CODE_LASTS;
use crate::features::setup::api::page_at;
use crate::features::{AppState, Shop};

/// Shows the code to whoever sits at the terminal that started the server. It is written there and nowhere else: what is not a
/// terminal may be a file or a journal that lives for years, and is told how to get a code instead.
pub fn tell(shop: &AppState, folder: &Path) {
    let page = page_at(&shop.public_url);
    if std::io::stderr().is_terminal() {
        output::note(with_code(shop, &page));
    } else if std::io::stdout().is_terminal() {
        // Whoever closed the terminal meanwhile reads nothing.
        let _ = writeln!(std::io::stdout(), "{}", with_code(shop, &page));
    } else {
        tracing::warn!(
            "nobody owns this shop yet, so it answers 503. Set it up at {page} with the code of: bayader admin setup-code \
             --data-dir {0}; or without a browser: bayader admin create --data-dir {0} --email you@example.com --name \"Your \
             name\" --password-stdin",
            folder.display()
        );
    }
}

fn with_code(shop: &Shop, page: &str) -> String {
    let code = shop.first_code.renew();
    let minutes = CODE_LASTS.as_secs() / 60;
    format!(
        "\n  Nobody owns this bakery yet. Open it in a browser:\n\n    {page}\n\n  and type this code there (it counts for {minutes} \
         minutes; another one: bayader admin setup-code)\n\n    {}\n",
        code.reveal()
    )
}
