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
