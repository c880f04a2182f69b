//! The pages of the binary and what they load.

use crate::harness::Shop;

#[tokio::test]
async fn a_file_comes_with_its_type_and_a_tag_that_saves_the_next_transfer() {
    let shop = Shop::open().await;
    let css = shop.guest().get("/assets/base.css").send().await.expect(200);
    assert_eq!(css.header("content-type"), Some("text/css; charset=utf-8"));
    assert!(css.text.contains("prefers-color-scheme: dark"));
    let tag = css.header("etag").expect("a file has a tag").to_owned();
    let again = shop.guest().get("/assets/base.css").header("if-none-match", &tag).send().await.expect(304);
    assert_eq!((again.text.as_str(), again.header("etag")), ("", Some(tag.as_str())));
    shop.close().await;
}

#[tokio::test]
async fn nothing_but_the_files_of_the_binary_is_served() {
    let shop = Shop::open().await;
    let paths = [
        "/assets/nothing.css",
        "/assets/..%2fpages%2fdocs.en.html",
        "/assets/..%2f..%2fCargo.toml",
        "/assets//etc/passwd",
        "/assets/%2e%2e/%2e%2e/Cargo.toml",
    ];
    for path in paths {
        shop.guest().get(path).send().await.expect_problem(404, "not_found");
    }
    shop.close().await;
}

#[tokio::test]
async fn a_page_ignores_a_parameter_it_does_not_know() {
    let shop = Shop::open().await;
    shop.guest().see("/healthz?from=a-newsletter").await;
    shop.guest().see("/assets/base.css?v=2").await;
    shop.close().await;
}

#[tokio::test]
async fn the_pages_for_programmers_speak_both_languages_under_a_strict_policy() {
    let shop = Shop::open().await;
    let guest = shop.guest();
    for path in ["/api/v1/docs", "/api/v1/docs/errors"] {
        let page = guest.see(path).await;
        let policy = page.header("content-security-policy").expect("a page has a policy");
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!((page.header("referrer-policy"), page.header("cache-control")), (Some("no-referrer"), Some("no-store")));
        assert!(page.text.contains("<html lang=\"en\" dir=\"ltr\">"), "{path}");
        let arabic = guest.get(path).header("accept-language", "ar").send().await.expect(200);
        assert!(arabic.text.contains("<html lang=\"ar\" dir=\"rtl\">"), "{path}");
        assert_eq!(guest.see(&format!("{path}?lang=ar")).await.text, arabic.text);
        guest.get(&format!("{path}?colour=red")).send().await.expect_field("colour");
        guest.get(&format!("{path}?lang=fr")).send().await.expect_field("lang");
    }
    shop.close().await;
}

#[tokio::test]
async fn the_type_of_a_problem_leads_to_what_it_means() {
    let shop = Shop::open().await;
    let problem = shop.guest().get("/api/v1/nothing").send().await.expect_problem(404, "not_found");
    let (page, place) = problem["type"].as_str().and_then(|link| link.split_once('#')).expect("a place on a page");
    let page = shop.guest().see(page).await;
    assert!(page.text.contains(&format!("id=\"{place}\"")), "{place}");
    shop.close().await;
}
