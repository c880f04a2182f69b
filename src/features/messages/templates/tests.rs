//! Every message in every form, filled with examples.

use super::*;

#[test]
fn dump() {
    let templates = Templates::load(Path::new("/nonexistent")).expect("templates");
    for kind in Kind::ALL {
        for locale in Locale::ALL {
            for (index, example) in examples::all(kind, locale, Currency::JOD).iter().enumerate() {
                for channel in kind.channels() {
                    let rendered = templates.render(kind, locale, *channel, example);
                    match rendered {
                        Err(error) => println!("{} {} {} {}: {error:?}", kind.code(), locale.code(), channel.code(), index),
                        Ok(rendered) => {
                            let name = format!("/tmp/w/out/{}.{}.{}.{index}", kind.code(), locale.code(), channel.code());
                            std::fs::create_dir_all("/tmp/w/out").unwrap();
                            std::fs::write(
                                format!("{name}.txt"),
                                format!("{}\n=====\n{}", rendered.subject.unwrap_or_default(), rendered.text),
                            )
                            .unwrap();
                            if let Some(html) = rendered.html {
                                std::fs::write(format!("{name}.html"), html).unwrap();
                            }
                        }
                    }
                }
            }
        }
    }
}
