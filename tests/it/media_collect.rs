//! Pictures that nothing shows go after a month, and what an order shows never goes: a storm held against a model.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::doubles::pictures::{self, Part, settle, upload};
use crate::harness::{Product, Shop};

const DAY_MS: i64 = 24 * 3_600_000;
const GRACE_MS: i64 = 30 * DAY_MS;
/// Pictures that come and go, by their width.
const CONTENTS: [u32; 4] = [40, 41, 42, 43];

/// Numbers of one seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("it fits") % most
    }
}

/// A picture at a product, as the test remembers it. Moments are the shop's; `step` tells apart what happens in one.
#[derive(Clone, Debug)]
struct Shown {
    product: usize,
    content: u32,
    image: String,
    from_step: usize,
    /// When, and in which step.
    removed: Option<(i64, usize)>,
}

#[derive(Default)]
struct Model {
    shown: Vec<Shown>,
    /// When a picture that is there came.
    made_at: BTreeMap<u32, i64>,
    /// Product and step.
    orders: Vec<(usize, usize)>,
}

impl Model {
    fn collect(&mut self, now: i64) {
        let orders = std::mem::take(&mut self.orders);
        let is_ordered = |shown: &Shown, until: usize| {
            orders.iter().any(|(product, step)| *product == shown.product && *step > shown.from_step && *step < until)
        };
        self.shown.retain(|shown| shown.removed.is_none_or(|(at, step)| at >= now - GRACE_MS || is_ordered(shown, step)));
        self.orders = orders;
        let shown: BTreeSet<u32> = self.shown.iter().map(|shown| shown.content).collect();
        self.made_at.retain(|content, at| shown.contains(content) || *at >= now - GRACE_MS);
    }
}

async fn texts(shop: &Shop, sql: &'static str) -> BTreeSet<String> {
    let read = move |reader: &bayader::db::Reader<'_>| reader.all(sql, &[], |row| row.get(0));
    shop.db().read(read).await.expect("the rows").into_iter().collect()
}

/// The files below `media/`, as their rows name them.
fn on_disk(shop: &Shop) -> BTreeSet<String> {
    let media = shop.folder().join("media");
    let mut files = BTreeSet::new();
    for folder in std::fs::read_dir(&media).expect("folders").flatten().filter(|folder| folder.file_name() != "incoming") {
        for file in std::fs::read_dir(folder.path()).expect("files").flatten() {
            files.insert(format!("{}/{}", folder.file_name().to_string_lossy(), file.file_name().to_string_lossy()));
        }
    }
    files
}

/// What is there is what the model says, and each row has its file.
async fn expect_as(shop: &Shop, model: &Model, step: usize) {
    let widths: BTreeSet<u32> = shop
        .db()
        .read(|reader| reader.all("select width from pictures", &[], |row| row.get(0)))
        .await
        .expect("the pictures")
        .into_iter()
        .collect();
    assert_eq!(widths, model.made_at.keys().copied().collect(), "pictures after step {step}");
    let rows = shop.count("select count(*) from product_images").await;
    assert_eq!(rows, i64::try_from(model.shown.len()).expect("it fits"), "rows after step {step}: {:?}", model.shown);
    let (named, there) = (texts(shop, "select path from media_files").await, on_disk(shop));
    assert!(named.is_subset(&there), "a row without its file after step {step}");
    let going = texts(shop, "select path from media_removals").await;
    assert!(there.is_subset(&named.union(&going).cloned().collect()), "a file that nobody will take after step {step}");
}

async fn advance(shop: &Shop, model: &mut Model, days: i64) {
    // A minute more, so that no sum of them is a month to the millisecond.
    shop.advance(Duration::from_millis(u64::try_from(days * DAY_MS + 3_660_000).expect("forwards")));
    settle(shop).await;
    model.collect(shop.clock.now().ms());
}

async fn storm(seed: u64) {
    eprintln!("seed {seed}");
    let shop = Shop::open().await;
    let (mut dice, mut model) = (Dice(seed), Model::default());
    let mut products: Vec<Product> = Vec::new();
    for name in ["Maarouk", "Shrak", "Taboon"] {
        products.push(shop.product(name).stock(500).create().await);
    }
    for step in 0..90 {
        let product = dice.below(products.len());
        match dice.below(8) {
            0..=2 => {
                let content = CONTENTS[dice.below(CONTENTS.len())];
                let is_new =
                    !model.shown.iter().any(|it| it.product == product && it.content == content && it.removed.is_none());
                let photo = pictures::jpeg(content, 30);
                let reply =
                    upload(&shop.owner(), &products[product].id, &[Part::File("p.jpg", &photo)]).send().await.expect(202);
                if is_new {
                    let image = reply["images"][0]["id"].as_str().expect("an id").to_owned();
                    model.shown.push(Shown { product, content, image, from_step: step, removed: None });
                    model.made_at.entry(content).or_insert(shop.clock.now().ms());
                }
                settle(&shop).await;
            }
            3 | 4 => {
                let living: Vec<usize> = (0..model.shown.len()).filter(|index| model.shown[*index].removed.is_none()).collect();
                if !living.is_empty() {
                    let shown = &mut model.shown[living[dice.below(living.len())]];
                    let path = format!("/api/v1/products/{}/images/{}", products[shown.product].id, shown.image);
                    shop.owner().delete(&path).send().await.expect(204);
                    shown.removed = Some((shop.clock.now().ms(), step));
                }
            }
            5 => {
                shop.owner().order().line(&products[product], 1).pickup().place().await;
                model.orders.push((product, step));
            }
            _ => {
                let days = i64::try_from(1 + dice.below(13)).expect("few");
                advance(&shop, &mut model, days).await;
                expect_as(&shop, &model, step).await;
            }
        }
    }
    // Files follow their rows, and then the disk holds what the books say, no more.
    advance(&shop, &mut model, 1).await;
    advance(&shop, &mut model, 1).await;
    expect_as(&shop, &model, 90).await;
    advance(&shop, &mut model, 1).await;
    if texts(&shop, "select path from media_removals").await.is_empty() {
        assert_eq!(on_disk(&shop), texts(&shop, "select path from media_files").await);
    }
    shop.close().await;
}

#[tokio::test]
async fn what_an_order_shows_stays_and_what_nothing_shows_goes() {
    storm(20_261_130).await;
}

#[tokio::test]
async fn and_so_in_another_order_of_things() {
    storm(7).await;
}

#[tokio::test]
async fn a_removed_picture_goes_with_its_files_unless_it_comes_back_in_time() {
    let shop = Shop::open().await;
    let product = shop.product("Maarouk").create().await.id;
    let photo = pictures::jpeg(40, 30);
    let add = || upload(&shop.owner(), &product, &[Part::File("p.jpg", &photo)]).send();
    let remove = |reply: crate::harness::Reply| {
        let path = format!("/api/v1/products/{product}/images/{}", reply["images"][0]["id"].as_str().expect("an id"));
        shop.owner().delete(&path).send()
    };
    let first = add().await.expect(202);
    settle(&shop).await;
    let files = on_disk(&shop);
    assert_eq!(files.len(), 7);
    remove(first).await.expect(204);
    let day = Duration::from_secs(24 * 3_600);
    shop.advance(day * 29);
    settle(&shop).await;
    assert_eq!(shop.count("select count(*) from pictures").await, 1, "within the month");
    shop.advance(day * 2);
    settle(&shop).await;
    assert_eq!(shop.count("select count(*) from pictures").await, 0);
    assert_eq!(on_disk(&shop), files, "files wait an hour");

    // It comes back before they go: they are its own again.
    let second = add().await.expect(202);
    settle(&shop).await;
    shop.advance(day);
    settle(&shop).await;
    assert_eq!((on_disk(&shop), shop.count("select count(*) from media_removals").await), (files, 0));

    remove(second).await.expect(204);
    for _ in 0..2 {
        shop.advance(day * 31);
        settle(&shop).await;
    }
    assert!(on_disk(&shop).is_empty());
    assert_eq!(shop.count("select count(*) from media_removals").await, 0);
    shop.close().await;
}
